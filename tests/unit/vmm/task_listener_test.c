/*
 * A task whose first thread comes with vmm_become, and how that thread, alone in its process,
 * notices that somebody wants something: in the guest, and where it waits.
 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mach/kern_return.h"
#include "mach/thread_status.h"
#include "mach/vm_inherit.h"
#include "mach/vm_prot.h"
#include "run_suite.h"
#include "task_harness.h"

#define CODE	0x400000u
#define BYTES	8192u
#define COUNTER (CODE + 4096)
#define SAID	2u /* bytes of output */

#define WRITE_CODE                                                                                 \
	0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0, 0xbe, 0, 0, 0x40, 0, 0xba, 2, 0, 0, 0, 0x0f, 0x05
#define READ_CODE  0x31, 0xc0, 0x31, 0xff, 0x48, 0x89, 0xe6, 0xba, 1, 0, 0, 0, 0x0f, 0x05
#define COUNT_CODE 0xf0, 0x48, 0xff, 0x04, 0x24, 0xeb, 0xf9

/* write(1, code, 2); l: lock inc qword [rsp]; jmp l */
static const uint8_t count_code[] = {WRITE_CODE, COUNT_CODE};
/* write(1, code, 2); read(0, rsp, 1); l: lock inc qword [rsp]; jmp l */
static const uint8_t read_code[] = {WRITE_CODE, READ_CODE, COUNT_CODE};

/* Frozen memory with code in its first page. */
static int memory_open(const uint8_t *code, size_t bytes)
{
	int fd = memfd_create("code", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, BYTES), 0);
	ck_assert_int_eq(pwrite(fd, code, bytes, 0), (ssize_t)bytes);
	return fd;
}

/* Until the program has said something. */
static void become(struct task_harness *waiting, int memory_fd)
{
	static const uint8_t seed[32];
	static const struct task_properties properties;
	const struct object_window window = {
	    .id = OBJECT_ALONG, .kind = OBJECT_FROZEN, .bytes = BYTES};
	const struct region_entry region = {
	    .start = CODE,
	    .bytes = BYTES,
	    .protection = VM_PROT_ALL,
	    .max_protection = VM_PROT_ALL,
	    .inheritance = VM_INHERIT_COPY,
	    .mapping = REGION_PRIVATE,
	    .object = OBJECT_ALONG,
	};
	const struct x86_thread_state64 state = {.rip = CODE, .rsp = COUNTER};
	const struct vmm_become_request request = {
	    .task = TASK_NAME,
	    .node = TASK_NODE,
	    .seed = {seed, sizeof(seed)},
	    .properties = &properties,
	    .properties_count = 1,
	    .memory_cell = -1,
	    .regions = &region,
	    .regions_count = 1,
	    .windows = &window,
	    .windows_count = 1,
	    .thread_flavor = x86_THREAD_STATE64,
	    .thread_state = {(const uint8_t *)&state, sizeof(state)},
	};
	const struct message_header header = {
	    .type = MESSAGE_vmm_become, .sequence = ++waiting->sequence, .uid = 1000};
	uint8_t payload[4096];
	struct wire_writer writer;
	uint32_t bytes;

	wire_writer_init(&writer, payload, sizeof(payload));
	vmm_become_request_encode(&writer, &request);
	ck_assert_int_eq(writer.error, 0);
	ck_assert_int_eq(link_send(&waiting->link, &header, payload, writer.used, &memory_fd, 1),
			 0);
	ck_assert_int_eq(harness_await(waiting, header.sequence, &bytes), 0);
	close(memory_fd);
	harness_await_output(waiting, SAID);
}

/* KVM has a thread of its own in the process, which goes by another name. */
static unsigned int threads_count(const struct task_harness *harness)
{
	char path[300], name[32];
	unsigned int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", harness->pid);
	DIR *tasks = opendir(path);
	ck_assert_ptr_nonnull(tasks);
	for (struct dirent *entry; (entry = readdir(tasks));) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", harness->pid, entry->d_name);
		FILE *comm = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (comm && fgets(name, sizeof(name), comm))
			count += !strcmp(name, "norma-vmm\n");
		if (comm)
			fclose(comm);
	}
	closedir(tasks);
	return count;
}

/* Each look is a call that is answered while the thread is in the guest. */
static void expect_counting(struct task_harness *harness)
{
	uint64_t before = harness_read_u64(harness, COUNTER);

	for (int i = 0; i < 1000000; i++)
		if (harness_read_u64(harness, COUNTER) != before)
			return;
	ck_abort_msg("the thread does not run");
}

START_TEST(call_reaches_a_thread_in_the_guest)
{
	struct task_harness *harness = harness_start();

	become(harness, memory_open(count_code, sizeof(count_code)));
	ck_assert_uint_eq(threads_count(harness), 1);
	expect_counting(harness);
	ck_assert_uint_ge(threads_count(harness), 2);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_suspend), 0);
	ck_assert_uint_eq(harness_read_u64(harness, COUNTER), harness_read_u64(harness, COUNTER));
	harness_stop(harness);
}
END_TEST

/* A reply to its own call is no reason for another thread, input is. */
START_TEST(thread_that_waits_stays_alone_until_there_is_input)
{
	struct task_harness *harness = harness_start();
	struct norma_console_write_request request = {.task = TASK_NAME,
						      .data = {(const uint8_t *)"x", 1}};
	struct norma_console_write_reply reply;

	become(harness, memory_open(read_code, sizeof(read_code)));
	ck_assert_uint_eq(threads_count(harness), 1);
	HARNESS_EXPECT(0, harness, norma_console_write, &request, &reply);
	ck_assert_uint_ge(threads_count(harness), 2);
	expect_counting(harness);
	harness_stop(harness);
}
END_TEST

START_TEST(lost_pager_is_noticed_in_the_guest)
{
	struct task_harness *harness = harness_start();

	become(harness, memory_open(count_code, sizeof(count_code)));
	harness_lose_pager(harness);
	expect_counting(harness);
	harness_stop(harness);
}
END_TEST

START_TEST(process_leaves_with_hostd_while_its_thread_is_in_the_guest)
{
	struct task_harness *harness = harness_start();

	become(harness, memory_open(count_code, sizeof(count_code)));
	harness_stop(harness); /* closes the socket, then checks that the process leaves */
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("task_listener");
	TCase *c = tcase_create("listener");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, call_reaches_a_thread_in_the_guest);
	tcase_add_test(c, thread_that_waits_stays_alone_until_there_is_input);
	tcase_add_test(c, lost_pager_is_noticed_in_the_guest);
	tcase_add_test(c, process_leaves_with_hostd_while_its_thread_is_in_the_guest);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
