/*
 * What the pager refuses: wrong requests, garbage, more than it has room for. Nobody else notices.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mach/kern_return.h>

#include "base/clock.h"
#include "service_family.h"

#define OBJECT_BYTES (16 * PAGE_BYTES)

START_TEST(attaching_what_is_not_there_is_refused_with_the_right_code)
{
	uint64_t unknown = (uint64_t)7 << 48 | 1;

	world.deadline_ms = SILENT_DEADLINE_MS;
	family_start(2, OBJECT_BYTES);
	ck_assert_int_eq(task_attach(&tasks[1], object + 1, NULL, NULL), KERN_INVALID_OBJECT);
	ck_assert_int_eq(task_attach(&tasks[0], object + 1, NULL, NULL), KERN_INVALID_OBJECT);
	ck_assert_int_eq(task_attach(&tasks[1], unknown, NULL, NULL), KERN_INVALID_OBJECT);
	ck_assert_int_eq(task_attach(&tasks[1], UINT64_MAX, NULL, NULL), KERN_INVALID_OBJECT);
	kill(world.hosts[0].pid, SIGSTOP);
	ck_assert_int_ne(task_attach(&tasks[1], object + 2, NULL, NULL), KERN_SUCCESS);
	kill(world.hosts[0].pid, SIGCONT);
	world_await_links(&world);
	world_kill_host(&world, 0);
	ck_assert_int_eq(task_attach(&tasks[1], object + 2, NULL, NULL), KERN_NODE_DOWN);
	family_stop();
}
END_TEST

START_TEST(wrong_windows_and_ranges_are_refused_and_leave_no_trace)
{
	int memory = make_memory(4 * PAGE_BYTES), pipe_fds[2];
	int unsealable = memfd_create("test", MFD_CLOEXEC);
	uint8_t *at = mmap(NULL, 4 * PAGE_BYTES, PROT_READ, MAP_SHARED, memory, 0);
	struct task *task = &tasks[0];
	uint64_t id = 0, page = PAGE_BYTES;

	family_start(1, OBJECT_BYTES);
	ck_assert_int_eq(pipe(pipe_fds), 0);
	ck_assert_int_ne(task_publish(task, 3, memory, 0, page, &id), 0);
	ck_assert_int_ne(task_publish(task, OBJECT_COHERENT, memory, 0, 0, &id), 0);
	ck_assert_int_ne(task_publish(task, OBJECT_COHERENT, memory, 0, 100, &id), 0);
	ck_assert_int_ne(task_publish(task, OBJECT_COHERENT, memory, 1, page, &id), 0);
	ck_assert_int_ne(task_publish(task, OBJECT_COHERENT, memory, 0, 5 * page, &id), 0);
	ck_assert_int_ne(task_publish(task, OBJECT_COHERENT, memory, 4 * page, page, &id), 0);
	ck_assert_int_ne(task_publish(task, OBJECT_COHERENT, memory, 0 - page, page, &id), 0);
	ck_assert_int_ne(task_publish(task, OBJECT_COHERENT, memory, page, 0 - page, &id), 0);
	ck_assert_int_ne(task_publish(task, OBJECT_COHERENT, pipe_fds[0], 0, page, &id), 0);
	ck_assert_int_eq(ftruncate(unsealable, PAGE_BYTES), 0);
	ck_assert_int_ne(task_publish(task, OBJECT_FROZEN, unsealable, 0, page, &id), 0);
	ck_assert_uint_eq(world_statistics(&world, 0).objects, 1);
	ck_assert_int_eq(task_publish(task, OBJECT_COHERENT, memory, 0, 4 * page, &id), 0);
	ck_assert_int_ne(task_map(task, id + 1, 0, at, page), 0);
	ck_assert_int_ne(task_map(task, id, 4 * page, at, page), 0);
	ck_assert_int_ne(task_map(task, id, page, at, 4 * page), 0);
	ck_assert_int_ne(task_map(task, id, 0, at, 0), 0);
	ck_assert_int_ne(task_map(task, id, 0, at + 1, page), 0);
	ck_assert_int_ne(task_map(task, id, 0, at, UINT64_MAX - page + 1), 0);
	ck_assert_int_eq(task_map(task, id, 0, at, 2 * page), 0);
	ck_assert_int_eq(task_map(task, id, page, at + page, page), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(task_map(task, id, 2 * page, at + 2 * page, 2 * page), 0);
	ck_assert_int_eq(task_unmap(task, at + page, 2 * page), 0);
	ck_assert_int_eq(task_map(task, id, page, at + page, 2 * page), 0);
	ck_assert_int_ne(task_release(task, id + 1), 0);
	ck_assert_int_eq(task_release(task, id), 0);
	ck_assert_uint_eq(world_statistics(&world, 0).objects, 2); /* it is still mapped */
	ck_assert_int_eq(task_unmap(task, at, 4 * page), 0);
	ck_assert_uint_eq(world_statistics(&world, 0).objects, 1);
	ck_assert_int_ne(task_unmap(task, at, page + 1), 0);
	family_stop();
	close(memory);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	munmap(at, 4 * PAGE_BYTES);
}
END_TEST

/* Waits until the other side has closed a socket. */
static void await_close(int fd)
{
	struct pollfd event = {.fd = fd, .events = POLLIN};
	char data[256];
	ssize_t got;

	do {
		ck_assert_int_eq(poll(&event, 1, 10000), 1);
		got = read(fd, data, sizeof(data));
	} while (got > 0);
}

START_TEST(a_task_that_sends_garbage_loses_its_own_link_only)
{
	static const struct message_header unknown = {.type = 999, .sequence = 1};
	struct task bad;

	family_start(2, OBJECT_BYTES);
	task_open(&bad, &world, 1);
	ck_assert_int_eq(send(bad.link.fd, "garbage", 7, MSG_NOSIGNAL), 7);
	await_close(bad.link.fd);
	task_close(&bad);
	task_open(&bad, &world, 1);
	ck_assert_int_eq(link_send(&bad.link, &unknown, NULL, 0, NULL, 0), 0);
	await_close(bad.link.fd);
	task_close(&bad);
	page_at(0, 0)[0] = 1;
	ck_assert_uint_eq(page_at(1, 0)[0], 1);
	family_stop();
}
END_TEST

static int dial(unsigned int node)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons(world.hosts[node].port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

START_TEST(a_caller_that_sends_garbage_loses_its_own_connection_only)
{
	uint8_t noise[4096];

	family_start(2, OBJECT_BYTES);
	srand(1);
	for (int round = 0; round < 20; round++) {
		int fd = dial((unsigned int)round % 2);

		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)rand();
		if (round % 2)
			memcpy(noise, "NPAG\1\0\1\0", 8);
		ck_assert_int_gt(send(fd, noise, sizeof(noise), MSG_NOSIGNAL), 0);
		await_close(fd);
		close(fd);
	}
	page_at(0, 0)[0] = 1;
	ck_assert_uint_eq(page_at(1, 0)[0], 1);
	family_stop();
}
END_TEST

static void limit_descriptors(unsigned int node, rlim_t count)
{
	struct rlimit limit = {.rlim_cur = count, .rlim_max = 1024};

	ck_assert_int_eq(prlimit(world.hosts[node].pid, RLIMIT_NOFILE, &limit, NULL), 0);
}

/* Asks a pager to take a socket. Return: its answer. */
static int offer_task(struct world_host *host, int socket_fd)
{
	struct wire_writer nothing;
	struct link_message reply;

	wire_writer_init(&nothing, NULL, 0);
	return world_call(&host->control, &host->sequence, MESSAGE_pager_vmm, &nothing, &socket_fd,
			  1, &reply);
}

START_TEST(without_descriptors_new_tasks_are_refused_and_old_ones_go_on)
{
	int pair[2], offered = 0, memory = make_memory(PAGE_BYTES);
	struct task task;
	uint64_t id;

	family_start(2, OBJECT_BYTES);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	/* counted with ".", ".." and the directory itself: a few are left */
	limit_descriptors(1, world_descriptors(&world, 1));
	while (offer_task(&world.hosts[1], pair[1]) == 0)
		ck_assert_int_lt(++offered, 20);
	ck_assert_int_eq(offer_task(&world.hosts[1], pair[1]), KERN_RESOURCE_SHORTAGE);
	page_at(0, 0)[0] = 1;
	ck_assert_uint_eq(page_at(1, 0)[0], 1);
	task_open(&task, &world, 0);
	ck_assert_int_eq(task_publish(&task, OBJECT_COHERENT, memory, 0, PAGE_BYTES, &id), 0);
	/* another object needs a memfd there */
	ck_assert_int_eq(task_attach(&tasks[1], id, NULL, NULL), KERN_RESOURCE_SHORTAGE);
	limit_descriptors(1, 1024);
	ck_assert_int_eq(task_attach(&tasks[1], id, NULL, NULL), KERN_SUCCESS);
	ck_assert_int_eq(offer_task(&world.hosts[1], pair[1]), KERN_SUCCESS);
	close(memory);
	close(pair[0]);
	close(pair[1]);
	task_close(&task);
	family_stop();
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("pager service: refusals");
	TCase *tests = tcase_create("refusals");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, attaching_what_is_not_there_is_refused_with_the_right_code);
	tcase_add_test(tests, wrong_windows_and_ranges_are_refused_and_leave_no_trace);
	tcase_add_test(tests, a_task_that_sends_garbage_loses_its_own_link_only);
	tcase_add_test(tests, a_caller_that_sends_garbage_loses_its_own_connection_only);
	tcase_add_test(tests, without_descriptors_new_tasks_are_refused_and_old_ones_go_on);
	suite_add_tcase(all, tests);
	return all;
}

int main(void)
{
	return world_main(suite());
}
