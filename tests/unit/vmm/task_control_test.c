/*
 * The process itself: start and usage errors, requests that make no sense, the ends of its sockets.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mach/kern_return.h"
#include "mach/thread_status.h"
#include "mach/vm_inherit.h"
#include "mach/vm_prot.h"
#include "run_suite.h"
#include "task_harness.h"

/* ---- the command line ---- */

/* Runs norma-vmm with a shell line. Return: its exit status; what it said in text. */
static int shell(const char *arguments, char *text, size_t bytes)
{
	char line[512];
	size_t used = 0;

	snprintf(line, sizeof(line), "%s %s 2>&1 </dev/null", NORMA_VMM_PATH, arguments);
	FILE *pipe = popen(line, "re");
	ck_assert_ptr_nonnull(pipe);
	used = fread(text, 1, bytes - 1, pipe);
	text[used] = '\0';
	int status = pclose(pipe);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const struct {
	const char *arguments;
	int status;
	const char *says;
} lines[] = {
    {"--version", 0, "norma-vmm "},
    {"--help", 0, "usage: norma-vmm --zygote FD"},
    {"", 2, "--control is missing"},
    {"--control 0", 2, "--control 0 is not a socket"},
    {"--control 9", 2, "--control 9 is not open"},
    {"--control x", 2, "--control x is not a descriptor number"},
    {"--control -1", 2, "is not a descriptor number"},
    {"--control 99999999999999999999", 2, "is not a descriptor number"},
    {"--nonsense", 2, "usage:"},
    {"--version extra", 0, "norma-vmm "},
};

START_TEST(command_line_is_explained)
{
	char text[4096];

	ck_assert_int_eq(shell(lines[_i].arguments, text, sizeof(text)), lines[_i].status);
	ck_assert_msg(strstr(text, lines[_i].says), "%s: %s", lines[_i].arguments, text);
}
END_TEST

/* ---- requests ---- */

static struct task_harness *harness;

static void setup(void)
{
	harness = harness_task();
}

static void teardown(void)
{
	harness_stop(harness);
}

START_TEST(waiting_process_refuses_everything_but_its_name)
{
	struct task_harness *waiting = harness_start();
	uint32_t bytes;

	for (uint16_t type = 1; type < 110; type++)
		ck_assert_int_ne(harness_call_raw(waiting, type, NULL, 0, &bytes), 0);
	harness_assign(waiting);
	struct task_threads_request request = {TASK_NAME};
	struct task_threads_reply reply = {0};
	HARNESS_EXPECT(0, waiting, task_threads, &request, &reply);
	harness_stop(waiting);
}
END_TEST

static struct vmm_become_request become_request(void)
{
	static const uint8_t seed[33];
	static const struct task_properties properties[2];

	return (struct vmm_become_request){
	    .task = TASK_NAME,
	    .node = TASK_NODE,
	    .generation = 1,
	    .seed = {seed, 32},
	    .properties = properties,
	    .properties_count = 1,
	    .memory_cell = -1,
	};
}

START_TEST(bad_names_are_refused)
{
	struct task_harness *waiting = harness_start();
	struct vmm_become_request request = become_request();
	struct vmm_become_reply reply;

	request.seed.bytes = 31;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_become, &request, &reply);
	request.seed.bytes = 32;
	request.node = TASK_NODE + 1;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_become, &request, &reply);
	request.node = TASK_NODE;
	request.task = name_of_thread(TASK_NAME, 1);
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_become, &request, &reply);
	request.task = TASK_NAME;
	request.properties_count = 0;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_become, &request, &reply);
	request.properties_count = 1;
	HARNESS_EXPECT(0, waiting, vmm_become, &request, &reply);
	ck_assert_uint_eq(reply.thread, 0);
	HARNESS_EXPECT(KERN_NAME_EXISTS, waiting, vmm_become, &request, &reply);
	harness_stop(waiting);
}
END_TEST

/* A refusal half-way leaves a process that waits as before: no memory, no thread, no limit. */
START_TEST(bad_memory_and_threads_are_refused_without_a_trace)
{
	struct x86_thread_state64 state = {.rip = 0x5000, .rsp = 0x6000};
	struct region_entry region = {.start = 1, .bytes = 4096, .object = 1};
	struct task_harness *waiting = harness_start();
	struct vmm_become_request request = become_request();
	struct task_properties limited = {.limit_memory_bytes = 4096, .limit_threads = 1};
	struct vmm_become_reply reply;

	request.thread_flavor = x86_FLOAT_STATE64;
	request.thread_state = (struct wire_span){(const uint8_t *)&state, sizeof(state)};
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_become, &request, &reply);
	request.thread_flavor = x86_THREAD_STATE64;
	request.thread_state.bytes--;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_become, &request, &reply);
	request.thread_state.bytes++;
	state.rip = UINT64_C(1) << 60;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_become, &request, &reply);
	state.rip = 0x5000;
	request.regions = &region;
	request.regions_count = 1;
	request.properties = &limited;
	HARNESS_EXPECT(KERN_INVALID_ADDRESS, waiting, vmm_become, &request, &reply);
	harness_assign(waiting);
	struct task_threads_request threads_request = {TASK_NAME};
	struct task_threads_reply threads = {0};
	HARNESS_EXPECT(0, waiting, task_threads, &threads_request, &threads);
	ck_assert_uint_eq(threads.threads_count, 0);
	harness_allocate(waiting, 0x100000, 65536);
	harness_stop(waiting);
}
END_TEST

/* What is prepared without memory, too, has its memory once and for all. */
START_TEST(prepared_memory_is_brought_once_and_not_with_more)
{
	struct region_entry region = {.start = 1 << 20, .bytes = 4096, .object = 1};
	struct object_window window = {.id = 1, .bytes = 4096};
	struct task_harness *waiting = harness_start();
	struct vmm_prepare_request prepare = {.windows = &window, .windows_count = 1};
	struct vmm_become_request request = become_request();
	struct vmm_prepare_reply prepared;
	struct vmm_become_reply reply;

	request.prepared = 1;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_become, &request, &reply);
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_prepare, &prepare, &prepared);
	prepare.windows_count = 0;
	HARNESS_EXPECT(0, waiting, vmm_prepare, &prepare, &prepared);
	HARNESS_EXPECT(KERN_NAME_EXISTS, waiting, vmm_prepare, &prepare, &prepared);
	request.regions = &region;
	request.regions_count = 1;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_become, &request, &reply);
	request.regions_count = 0;
	request.prepared = 2;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, waiting, vmm_become, &request, &reply);
	request.prepared = 1;
	HARNESS_EXPECT(0, waiting, vmm_become, &request, &reply);
	HARNESS_EXPECT(KERN_NAME_EXISTS, waiting, vmm_prepare, &prepare, &prepared);
	harness_stop(waiting);
}
END_TEST

/* The limit comes with the name, when the memory is there already. */
START_TEST(prepared_memory_counts_for_the_limit)
{
	struct region_entry region = {
	    .start = 1 << 20,
	    .bytes = 65536,
	    .protection = VM_PROT_READ,
	    .max_protection = VM_PROT_ALL,
	    .inheritance = VM_INHERIT_COPY,
	    .object = OBJECT_ALONG,
	    .mapping = REGION_PRIVATE,
	};
	struct object_window window = {.id = OBJECT_ALONG, .kind = OBJECT_FROZEN, .bytes = 65536};
	struct task_properties limited = {.limit_memory_bytes = 65536 - 4096};
	struct vmm_prepare_request prepare = {
	    .regions = &region, .regions_count = 1, .windows = &window, .windows_count = 1};
	struct task_harness *waiting = harness_start();
	struct vmm_become_request request = become_request();
	int fd = memfd_create("prepared", MFD_CLOEXEC);
	struct vmm_prepare_reply prepared;
	struct vmm_become_reply reply;

	ck_assert_int_eq(ftruncate(fd, 65536), 0);
	waiting->fds = &fd;
	waiting->fd_count = 1;
	HARNESS_EXPECT(0, waiting, vmm_prepare, &prepare, &prepared);
	request.prepared = 1;
	request.properties = &limited;
	HARNESS_EXPECT(KERN_RESOURCE_SHORTAGE, waiting, vmm_become, &request, &reply);
	limited.limit_memory_bytes += 4096;
	HARNESS_EXPECT(0, waiting, vmm_become, &request, &reply);
	close(fd);
	harness_stop(waiting);
}
END_TEST

/* Its first instruction is nowhere, so the task ends; the reply comes before that. */
START_TEST(first_thread_runs_once_the_reply_is_sent)
{
	struct x86_thread_state64 state = {.rip = 0x5000, .rsp = 0x6000};
	struct task_harness *waiting = harness_start();
	struct vmm_become_request request = become_request();
	struct vmm_become_reply reply = {0};

	request.thread_flavor = x86_THREAD_STATE64;
	request.thread_state = (struct wire_span){(const uint8_t *)&state, sizeof(state)};
	HARNESS_EXPECT(0, waiting, vmm_become, &request, &reply);
	ck_assert_uint_eq(waiting->ended.state, 0);
	ck_assert_int_eq(name_kind(reply.thread), NAME_THREAD);
	ck_assert_uint_eq(name_task_of_thread(reply.thread), TASK_NAME);
	harness_await_end(waiting);
	ck_assert_uint_eq(waiting->ended.state, TASK_STATE_EXCEPTION);
	ck_assert_msg(strstr(waiting->ended.text, "0x5000"), "%s", waiting->ended.text);
	harness_stop(waiting);
}
END_TEST

/* Every message number with every kind of nonsense behind it is answered, with a code and a
 * sentence. */
START_TEST(nonsense_is_refused_with_a_sentence)
{
	uint8_t payload[512];
	uint32_t bytes;

	for (uint16_t type = 0; type < 600; type++) {
		memset(payload, 0xff, sizeof(payload));
		ck_assert_int_ne(harness_call_raw(harness, type, payload, 3, &bytes), 0);
		ck_assert_int_ne(harness_call_raw(harness, type, payload, sizeof(payload), &bytes),
				 0);
	}
	/* The right name, then rubbish: never a crash; what is refused has its sentence (checked on
	 * receipt). */
	struct wire_writer writer;
	for (uint16_t type = 0; type < 600; type++) {
		for (size_t length = 4; length < 64; length += 7) {
			memset(payload, (int)length, sizeof(payload));
			wire_writer_init(&writer, payload, 4);
			wire_put_u32(&writer, TASK_NAME);
			harness_call_raw(harness, type, payload, length, &bytes);
		}
	}
	struct task_threads_request request = {TASK_NAME};
	struct task_threads_reply reply = {0};
	HARNESS_EXPECT(0, harness, task_threads, &request, &reply);
}
END_TEST

START_TEST(names_of_other_tasks_are_refused)
{
	struct vm_allocate_request request = {name_of_task(TASK_NODE, 78), 0, 4096, 1};
	struct vm_allocate_reply reply;

	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, vm_allocate, &request, &reply);
}
END_TEST

START_TEST(memory_calls_have_their_codes_and_sentences)
{
	struct vm_read_request read_request = {TASK_NAME, 0x100000, 16};
	struct vm_read_reply read_reply;
	struct vm_region_request region = {TASK_NAME, 0x200000, 10};
	struct vm_region_reply region_reply;

	HARNESS_EXPECT(KERN_INVALID_ADDRESS, harness, vm_read, &read_request, &read_reply);
	ck_assert_msg(strstr(harness->failure.text, "0x100000"), "%s", harness->failure.text);
	read_request.size = MESSAGE_MAX_DATA + 1;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, vm_read, &read_request, &read_reply);
	harness_allocate(harness, 0x100000, 8192);
	read_request.size = 8192;
	HARNESS_EXPECT(0, harness, vm_read, &read_request, &read_reply);
	ck_assert_uint_eq(read_reply.data.bytes, 8192);
	HARNESS_EXPECT(KERN_INVALID_ADDRESS, harness, vm_region, &region, &region_reply);
	region.address = 0x100001;
	HARNESS_EXPECT(0, harness, vm_region, &region, &region_reply);
	ck_assert_uint_eq(region_reply.address, 0x100000);
	ck_assert_uint_eq(region_reply.size, 8192);
	region.flavor = 11;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, vm_region, &region, &region_reply);
}
END_TEST

/* ---- sockets ---- */

START_TEST(garbage_bytes_end_the_process)
{
	struct task_harness *victim = harness_task();
	uint8_t garbage[100];

	memset(garbage, 0xa5, sizeof(garbage));
	harness_send_raw(victim, garbage, sizeof(garbage));
	ck_assert_int_eq(harness_wait_exit(victim), 1);
	harness_stop(victim);
}
END_TEST

START_TEST(process_leaves_when_hostd_is_gone)
{
	/* a thread that runs, one that is suspended, and a program that waits for input */
	static const uint8_t spin[] = {0xeb, 0xfe};
	struct task_harness *victim = harness_task();

	if (_i == 0) {
		ck_assert_int_eq(harness_run(victim, TASK_GUEST_PATH, "guest\0cat", 10), 0);
	} else {
		harness_allocate(victim, 0x100000, 4096);
		harness_write(victim, 0x100000, spin, sizeof(spin));
		uint32_t thread = harness_thread(victim, 0x100000, 0x101000);
		if (_i == 1)
			ck_assert_int_eq(harness_thread_call(victim, MESSAGE_thread_resume, thread),
					 0);
	}
	harness_stop(
	    victim); /* closes the socket, then checks that the process leaves with status 0 */
}
END_TEST

START_TEST(task_lives_without_its_pager)
{
	struct vmm_export_request request = {EXPORT_CLONE};
	struct vmm_export_reply reply;

	harness_allocate(harness, 0x100000, 4096);
	harness_lose_pager(harness);
	int32_t result = HARNESS_CALL(harness, vmm_export, &request, &reply);
	ck_assert_int_ne(result, 0);
	ck_assert_uint_eq(harness_read_u64(harness, 0x100000), 0);
	harness_allocate(harness, 0x200000, 4096);
	ck_assert_int_eq(harness_run(harness, "/bin/ls", "ls", 3), KERN_NO_SPACE);
}
END_TEST

static bool is_vcpu(DIR *directory, const char *name)
{
	char target[64] = "";

	return readlinkat(dirfd(directory), name, target, sizeof(target) - 1) > 0 &&
	       strstr(target, "kvm-vcpu");
}

/* But for vCPUs, which are kept: while an ended thread is still letting go of its own, the next
 * thread takes another. */
static unsigned int descriptor_count(pid_t pid)
{
	char path[64];
	unsigned int count = 0;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *directory = opendir(path);
	ck_assert_ptr_nonnull(directory);
	while ((entry = readdir(directory)))
		count += !is_vcpu(directory, entry->d_name);
	closedir(directory);
	return count;
}

START_TEST(calls_leak_no_descriptors)
{
	struct vm_deallocate_request deallocate = {TASK_NAME, 0x100000, 65536};
	struct vm_deallocate_reply deallocated;
	uint32_t bytes;
	unsigned int before = 0;

	for (int i = 0; i < 50; i++) {
		harness_allocate(harness, 0x100000, 65536);
		harness_call_raw(harness, MESSAGE_vmm_import_range, &i, sizeof(i), &bytes);
		uint32_t thread = harness_thread(harness, 0x100000, 0x101000);
		ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_terminate, thread), 0);
		HARNESS_EXPECT(0, harness, vm_deallocate, &deallocate, &deallocated);
		if (i == 5)
			before = descriptor_count(harness->pid);
	}
	ck_assert_uint_eq(descriptor_count(harness->pid), before);
}
END_TEST

/* 64 requests at once wait for 4 workers; more are refused, none is lost, and quick ones are
 * answered meanwhile. */
START_TEST(many_requests_at_once_are_all_answered)
{
	enum { COUNT = 60 };
	struct task_info_request request = {TASK_NAME, 4};
	uint64_t sequences[COUNT];
	uint8_t payload[16];
	struct wire_writer writer;
	uint32_t bytes;

	wire_writer_init(&writer, payload, sizeof(payload));
	task_info_request_encode(&writer, &request);
	for (int i = 0; i < COUNT; i++)
		sequences[i] = harness_post(harness, MESSAGE_task_info, payload, writer.used);
	/* Replies may come in any order: count them. */
	int answered = 0;
	while (answered < COUNT) {
		struct pollfd poll_fd = {.fd = harness->link.fd, .events = POLLIN};
		struct link_message message;
		int error = link_receive(&harness->link, &message);

		if (error == -EAGAIN) {
			ck_assert_int_eq(poll(&poll_fd, 1, TASK_WAIT_MS), 1);
			continue;
		}
		ck_assert_int_eq(error, 0);
		ck_assert_int_eq(message.header.result, 0);
		ck_assert_uint_ge(message.header.sequence, sequences[0]);
		ck_assert_uint_le(message.header.sequence, sequences[COUNT - 1]);
		answered++;
		link_message_done(&message);
	}
	ck_assert_int_eq(harness_call_raw(harness, MESSAGE_task_info, payload, writer.used, &bytes),
			 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("task_control");
	TCase *line = tcase_create("line"), *c = tcase_create("control");

	tcase_add_loop_test(line, command_line_is_explained, 0, sizeof(lines) / sizeof(lines[0]));
	suite_add_tcase(s, line);
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, waiting_process_refuses_everything_but_its_name);
	tcase_add_test(c, bad_names_are_refused);
	tcase_add_test(c, bad_memory_and_threads_are_refused_without_a_trace);
	tcase_add_test(c, first_thread_runs_once_the_reply_is_sent);
	tcase_add_test(c, prepared_memory_is_brought_once_and_not_with_more);
	tcase_add_test(c, prepared_memory_counts_for_the_limit);
	tcase_add_test(c, nonsense_is_refused_with_a_sentence);
	tcase_add_test(c, names_of_other_tasks_are_refused);
	tcase_add_test(c, memory_calls_have_their_codes_and_sentences);
	tcase_add_test(c, garbage_bytes_end_the_process);
	tcase_add_loop_test(c, process_leaves_when_hostd_is_gone, 0, 3);
	tcase_add_test(c, task_lives_without_its_pager);
	tcase_add_test(c, calls_leak_no_descriptors);
	tcase_add_test(c, many_requests_at_once_are_all_answered);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
