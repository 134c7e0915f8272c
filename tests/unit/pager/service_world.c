/*
 * Pagers and tasks for tests.
 */
#include "service_world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "run_suite.h"

#define CALL_DEADLINE_NS  (10 * NS_PER_S)
#define AWAIT_DEADLINE_NS (10 * NS_PER_S)

static __thread sigjmp_buf fault_return;
static __thread volatile sig_atomic_t is_probing;

static void on_bus_error(int number)
{
	(void)number;
	if (!is_probing)
		_exit(9); /* a page that the test did not expect to lose */
	siglongjmp(fault_return, 1);
}

bool read_faults(const volatile uint8_t *at)
{
	is_probing = 1;
	if (sigsetjmp(fault_return, 1)) {
		is_probing = 0;
		return true;
	}
	(void)*at;
	is_probing = 0;
	return false;
}

bool write_faults(volatile uint8_t *at)
{
	is_probing = 1;
	if (sigsetjmp(fault_return, 1)) {
		is_probing = 0;
		return true;
	}
	*at = 1;
	is_probing = 0;
	return false;
}

int world_open_userfault(void)
{
	struct uffdio_api api = {
	    .api = UFFD_API,
	    .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_MISSING_SHMEM |
			UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
	};
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0)
		return -errno;
	if (ioctl(uffd, UFFDIO_API, &api)) {
		int error = errno;

		close(uffd);
		return -error;
	}
	return uffd;
}

static const char *obstacle(void)
{
	int uffd = world_open_userfault();

	if (uffd < 0)
		return "userfaultfd with kernel-mode faults on shared memory is not available "
		       "(root, or vm.unprivileged_userfaultfd=1, and Linux 6.6 are needed)";
	close(uffd);
	if (!getenv("NORMA_PAGER"))
		return "NORMA_PAGER does not say where norma-pager is";
	return NULL;
}

int world_main(Suite *suite)
{
	return run_suite_unless(obstacle(), suite);
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &bytes), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void run_pager(const struct world *world, unsigned int node, int control)
{
	char text[8 + WORLD_MAX_HOSTS][40];
	char *argv[20];
	unsigned int count = 0, texts = 0;

	fcntl(control, F_SETFD, 0);
	argv[count++] = getenv("NORMA_PAGER");
	snprintf(text[texts], 40, "--control=%d", control);
	argv[count++] = text[texts++];
	snprintf(text[texts], 40, "--node=%u", node);
	argv[count++] = text[texts++];
	snprintf(text[texts], 40, "--listen=127.0.0.1:%u", world->hosts[node].port);
	argv[count++] = text[texts++];
	snprintf(text[texts], 40, "--hold-us=%u", world->hold_us);
	argv[count++] = text[texts++];
	snprintf(text[texts], 40, "--deadline-ms=%u", world->deadline_ms);
	argv[count++] = text[texts++];
	for (unsigned int i = 0; i < world->host_count; i++) {
		if (i == node)
			continue;
		snprintf(text[texts], 40, "--peer=%u=127.0.0.1:%u", i, world->hosts[i].port);
		argv[count++] = text[texts++];
	}
	argv[count] = NULL;
	execv(argv[0], argv);
	_exit(127);
}

void world_start_host(struct world *world, unsigned int node)
{
	struct world_host *host = &world->hosts[node];
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	host->pid = fork();
	ck_assert_int_ge(host->pid, 0);
	if (host->pid == 0)
		run_pager(world, node, pair[1]);
	close(pair[1]);
	ck_assert_int_eq(link_init(&host->control, pair[0], LINK_PACKET), 0);
}

void world_start(struct world *world, unsigned int host_count)
{
	struct sigaction action = {.sa_handler = on_bus_error, .sa_flags = SA_NODEFER};

	sigaction(SIGBUS, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	world->host_count = host_count;
	if (!world->hold_us)
		world->hold_us = 50;
	if (!world->deadline_ms)
		world->deadline_ms = 5000;
	for (unsigned int i = 0; i < host_count; i++)
		world->hosts[i] = (struct world_host){.port = free_port()};
	for (unsigned int i = 0; i < host_count; i++)
		world_start_host(world, i);
	world_await_links(world);
}

static int await_exit(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status;
	struct pollfd event = {.fd = pidfd, .events = POLLIN};

	ck_assert_int_ge(pidfd, 0);
	ck_assert_msg(poll(&event, 1, 5000) == 1, "the pager does not end");
	close(pidfd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

void world_stop(struct world *world)
{
	for (unsigned int i = 0; i < world->host_count; i++) {
		struct world_host *host = &world->hosts[i];

		if (!host->pid)
			continue;
		link_done(&host->control);
		ck_assert_int_eq(await_exit(host->pid), 0);
		host->pid = 0;
	}
}

void world_kill_host(struct world *world, unsigned int node)
{
	struct world_host *host = &world->hosts[node];

	kill(host->pid, SIGKILL);
	await_exit(host->pid);
	link_done(&host->control);
	host->pid = 0;
}

int world_call(struct link *link, uint64_t *sequence, uint16_t type, struct wire_writer *payload,
	       const int *fds, unsigned int fd_count, struct link_message *ret_reply)
{
	struct message_header header = {.type = type, .sequence = ++*sequence};
	int r;

	ck_assert_int_eq(payload->error, 0);
	r = link_call(link, &header, payload->data, payload->used, fds, fd_count,
		      clock_now_ns() + CALL_DEADLINE_NS, ret_reply);
	ck_assert_msg(r == 0, "%s: error %d", message_type_name(type), -r);
	return ret_reply->header.result;
}

struct pager_statistics_reply world_statistics(struct world *world, unsigned int node)
{
	struct world_host *host = &world->hosts[node];
	struct pager_statistics_reply statistics;
	struct wire_writer nothing;
	struct wire_reader reader;
	struct link_message reply;

	wire_writer_init(&nothing, NULL, 0);
	ck_assert_int_eq(world_call(&host->control, &host->sequence, MESSAGE_pager_statistics,
				    &nothing, NULL, 0, &reply),
			 0);
	wire_reader_init(&reader, reply.payload, reply.header.bytes, NULL, 0);
	pager_statistics_reply_decode(&reader, &statistics);
	ck_assert_int_eq(wire_reader_end(&reader), 0);
	return statistics;
}

unsigned int world_descriptors(const struct world *world, unsigned int node)
{
	char path[40];
	unsigned int count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", world->hosts[node].pid);
	directory = opendir(path);
	ck_assert_ptr_nonnull(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

void world_await_objects(struct world *world, unsigned int node, uint64_t objects)
{
	uint64_t deadline = clock_now_ns() + AWAIT_DEADLINE_NS;

	while (world_statistics(world, node).objects != objects)
		ck_assert_msg(clock_now_ns() < deadline, "node %u has %llu objects, not %llu", node,
			      (unsigned long long)world_statistics(world, node).objects,
			      (unsigned long long)objects);
}

void world_await_descriptors(const struct world *world, unsigned int node, unsigned int most)
{
	uint64_t deadline = clock_now_ns() + AWAIT_DEADLINE_NS;

	while (world_descriptors(world, node) > most)
		ck_assert_msg(clock_now_ns() < deadline, "node %u has %u descriptors, not %u", node,
			      world_descriptors(world, node), most);
}

/* An attach waits for a home that is just starting; that is what tells us. */
static void await_link(struct world *world, unsigned int from, unsigned int to)
{
	uint64_t objects_to = world_statistics(world, to).objects;
	uint64_t objects_from = world_statistics(world, from).objects;
	struct task owner, user;
	int memory = make_memory(PAGE_BYTES);
	uint64_t id;

	task_open(&owner, world, to);
	task_open(&user, world, from);
	ck_assert_int_eq(task_publish(&owner, OBJECT_FROZEN, memory, 0, PAGE_BYTES, &id), 0);
	ck_assert_msg(task_attach(&user, id, NULL, NULL) == 0, "%s", user.refusal);
	task_close(&user);
	task_close(&owner);
	close(memory);
	world_await_objects(world, to, objects_to);
	world_await_objects(world, from, objects_from);
}

void world_await_links(struct world *world)
{
	for (unsigned int i = 0; i < world->host_count; i++)
		for (unsigned int k = i + 1; k < world->host_count; k++)
			await_link(world, i, k);
}
