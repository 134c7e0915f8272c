/*
 * Linux programs in a real norma-vmm: loading, console, exit, and how guests' own calls are
 * answered.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mach/kern_return.h"
#include "run_suite.h"
#include "task_harness.h"

static struct task_harness *harness;

static void setup(void)
{
	harness = harness_task();
}

static void teardown(void)
{
	harness_stop(harness);
}

#define GUEST(arguments)   harness_run(harness, TASK_GUEST_PATH, arguments, sizeof(arguments))
#define BUSYBOX(arguments) harness_run(harness, "/bin/busybox", arguments, sizeof(arguments))

static void expect_end(int32_t status, const char *output)
{
	harness_await_end(harness);
	ck_assert_msg(harness->ended.state == TASK_STATE_EXITED, "%s", harness->ended.text);
	ck_assert_str_eq(harness->output, output);
	ck_assert_int_eq(harness->ended.status, status);
	ck_assert_int_eq(harness_wait_exit(harness), 0);
}

START_TEST(busybox_echo_says_hi)
{
	ck_assert_int_eq(BUSYBOX("busybox\0echo\0hi"), 0);
	expect_end(0, "hi\n");
	ck_assert_str_eq(harness->ended.text, "");
}
END_TEST

START_TEST(exit_status_is_reported)
{
	ck_assert_int_eq(GUEST("guest\0exit\00042"), 0);
	expect_end(42, "");
}
END_TEST

START_TEST(abort_is_reported_with_its_signal)
{
	ck_assert_int_eq(GUEST("guest\0abort"), 0);
	harness_await_end(harness);
	ck_assert_int_eq(harness->ended.status, 128 + 6);
	ck_assert_msg(strstr(harness->ended.text, "signal 6"), "%s", harness->ended.text);
}
END_TEST

START_TEST(heap_of_a_c_program_works)
{
	ck_assert_int_eq(GUEST("guest\0heap"), 0);
	harness_await_end(harness);
	ck_assert_msg(!strncmp(harness->output, "heap ", 5), "%s", harness->output);
	ck_assert_int_eq(harness->ended.status, 0);
}
END_TEST

static void feed(const void *data, uint32_t bytes, uint32_t end, uint32_t *ret_accepted)
{
	struct norma_console_write_request request = {TASK_NAME, end, {data, bytes}};
	struct norma_console_write_reply reply = {0};

	HARNESS_EXPECT(0, harness, norma_console_write, &request, &reply);
	*ret_accepted = reply.accepted;
}

START_TEST(standard_input_reaches_the_program)
{
	uint32_t accepted;

	ck_assert_int_eq(GUEST("guest\0cat"), 0);
	feed("one ", 4, 0, &accepted);
	ck_assert_uint_eq(accepted, 4);
	harness_await_output(harness, 4);
	feed("two", 3, 1, &accepted);
	expect_end(0, "one two");
}
END_TEST

START_TEST(full_standard_input_says_how_much_it_took)
{
	static const uint8_t data[MESSAGE_MAX_DATA];
	uint32_t first, second, third;

	feed(data, 40000, 0, &first);
	feed(data, 40000, 0, &second);
	feed(data, 40000, 1, &third);
	ck_assert_uint_eq(first, 40000);
	ck_assert_uint_eq(second, 65536 - 40000);
	ck_assert_uint_eq(third, 0);
	ck_assert_int_eq(GUEST("guest\0cat"), 0);
	harness_await_output(harness, 65536);
	/* The end that came with bytes that did not fit did not count. */
	feed("x", 1, 1, &third);
	ck_assert_uint_eq(third, 1);
	harness_await_end(harness);
	ck_assert_uint_eq(harness->output_bytes, 65537);
}
END_TEST

START_TEST(output_waits_until_hostd_has_room)
{
	struct norma_task_statistics_request request = {TASK_NAME};
	struct norma_task_statistics_reply before = {0}, after = {0};

	harness->is_output_held = true;
	ck_assert_int_eq(BUSYBOX("busybox\0yes"), 0);
	harness_await_output(harness, 1);
	/* The writer waits: no second chunk comes, and calls are answered meanwhile. */
	HARNESS_EXPECT(0, harness, norma_task_statistics, &request, &before);
	HARNESS_EXPECT(0, harness, norma_task_statistics, &request, &after);
	ck_assert_uint_eq(harness->held_count, 1);
	ck_assert_uint_eq(before.system_calls, after.system_calls);
	size_t bytes = harness->output_bytes;
	harness_release_output(harness);
	harness_await_output(harness, bytes + 1);
}
END_TEST

START_TEST(task_can_be_suspended_while_it_waits_for_input)
{
	uint32_t accepted;

	ck_assert_int_eq(GUEST("guest\0cat"), 0);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_suspend), 0);
	feed("x", 1, 1, &accepted);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_suspend), 0);
	ck_assert_uint_eq(harness->output_bytes, 0);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_resume), 0);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_resume), 0);
	expect_end(0, "x");
}
END_TEST

static uint32_t first_thread(void)
{
	return name_of_thread(TASK_NAME, 0);
}

/* A thread that waits in the VMM ends like any other. */
static const char *const waiting_programs[] = {"cat", "sleep", "forward"};

START_TEST(waiting_thread_can_be_terminated)
{
	char arguments[32] = "guest";
	size_t bytes =
	    sizeof("guest") + (size_t)snprintf(arguments + 6, 16, "%s", waiting_programs[_i]) + 1;

	ck_assert_int_eq(harness_run(harness, TASK_GUEST_PATH, arguments, bytes), 0);
	if (_i == 2)
		harness_await_forwarded(harness);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_terminate, first_thread()), 0);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_resume, first_thread()),
			 KERN_TERMINATED);
	struct task_threads_request request = {TASK_NAME};
	struct task_threads_reply reply = {0};
	HARNESS_EXPECT(0, harness, task_threads, &request, &reply);
	ck_assert_uint_eq(reply.threads_count, 0);
	/* It has really left: its vCPU is needed for the 64th of these. */
	for (int i = 0; i < 64; i++)
		harness_thread(harness, 0x400000, 0x400000);
	ck_assert_uint_eq(harness->ended.state, 0);
}
END_TEST

/* l: lock inc qword [rsp]; jmp l */
static const uint8_t count_code[] = {0xf0, 0x48, 0xff, 0x04, 0x24, 0xeb, 0xf9};

START_TEST(waiting_thread_can_be_given_other_registers)
{
	char arguments[32] = "guest";
	size_t bytes =
	    sizeof("guest") + (size_t)snprintf(arguments + 6, 16, "%s", waiting_programs[_i]) + 1;
	const uint64_t code = 0x10000000, data = code + 4096;

	ck_assert_int_eq(harness_run(harness, TASK_GUEST_PATH, arguments, bytes), 0);
	harness_allocate(harness, code, 8192);
	harness_write(harness, code, count_code, sizeof(count_code));
	if (_i == 2)
		harness_await_forwarded(harness);
	ck_assert_int_eq(harness_thread_set(harness, first_thread(), code, data), 0);
	while (!harness_read_u64(harness, data))
		ck_assert_uint_eq(harness->ended.state, 0);
}
END_TEST

START_TEST(guest_knows_itself)
{
	char expected[64];

	ck_assert_int_eq(GUEST("guest\0self"), 0);
	snprintf(expected, sizeof(expected), "%x %x %d 0 1\n", TASK_NAME, first_thread(),
		 TASK_NODE);
	expect_end(0, expected);
}
END_TEST

START_TEST(garbage_hypercalls_are_refused)
{
	ck_assert_int_eq(GUEST("guest\0garbage"), 0);
	expect_end(0, "refused\n");
}
END_TEST

START_TEST(calls_of_others_go_to_hostd_on_behalf_of_the_owner)
{
	ck_assert_int_eq(GUEST("guest\0forward"), 0);
	harness_await_forwarded(harness);
	ck_assert_uint_eq(harness->forwarded.type, MESSAGE_norma_task_list);
	ck_assert_uint_eq(harness->forwarded.uid, 1000);
	ck_assert_uint_ne(harness->forwarded.sequence, 4711);
	struct message_header reply = harness->forwarded;
	uint8_t text[8] = {3, 0, 0, 0, 'b', 'a', 'd'};
	reply.flags = MESSAGE_REPLY;
	/* An answer that nobody waits for is no harm. */
	reply.sequence += 1000;
	ck_assert_int_eq(link_send(&harness->link, &reply, text, 7, NULL, 0), 0);
	reply.sequence -= 1000;
	reply.result = 47;
	ck_assert_int_eq(link_send(&harness->link, &reply, text, 7, NULL, 0), 0);
	expect_end(0, "result 47\n");
}
END_TEST

START_TEST(unknown_system_calls_are_counted_by_name)
{
	struct norma_task_statistics_request request = {TASK_NAME};
	struct norma_task_statistics_reply reply = {0};

	harness->is_output_held = true;
	ck_assert_int_eq(GUEST("guest\0unknown"), 0);
	harness_await_output(harness, 1);
	HARNESS_EXPECT(0, harness, norma_task_statistics, &request, &reply);
	/* A C library may try one or another at its start; the one without a name only counts. */
	ck_assert_uint_ge(reply.unknown_system_calls, 3);
	ck_assert_msg(strstr(reply.unknown_names, "inotify_init(2)"), "%s", reply.unknown_names);
	ck_assert_uint_gt(reply.system_calls, 3);
	ck_assert_uint_gt(reply.created_ns, 0);
	ck_assert_uint_ge(reply.first_instruction_ns, reply.created_ns);
	harness_release_output(harness);
	harness_await_end(harness);
}
END_TEST

START_TEST(dynamic_program_is_refused_and_leaves_nothing)
{
	struct task_info_request request = {TASK_NAME, 4};
	struct task_info_reply info = {0};

	ck_assert_int_eq(harness_run(harness, "/bin/ls", "ls", sizeof("ls")),
			 KERN_INVALID_ARGUMENT);
	ck_assert_msg(strstr(harness->failure.text, "dynamic"), "%s", harness->failure.text);
	HARNESS_EXPECT(0, harness, task_info, &request, &info);
	ck_assert_uint_eq(info.virtual_size, 0);
}
END_TEST

START_TEST(text_file_is_refused)
{
	ck_assert_int_eq(harness_run(harness, "/etc/passwd", "p", sizeof("p")),
			 KERN_INVALID_ARGUMENT);
	ck_assert_msg(strstr(harness->failure.text, "ELF"), "%s", harness->failure.text);
}
END_TEST

START_TEST(bad_begins_are_refused)
{
	struct norma_run_begin_request request = {
	    .node = TASK_NODE, .image_bytes = 10, .arguments = {(const uint8_t *)"a", 1}};
	struct norma_run_begin_reply reply;
	struct norma_run_data_request data = {
	    .task = TASK_NAME, .offset = 8, .data = {(const uint8_t *)"abc", 3}};
	struct norma_run_data_reply taken;

	/* not terminated; none at all; too large */
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, norma_run_begin, &request, &reply);
	request.arguments.bytes = 0;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, norma_run_begin, &request, &reply);
	request.arguments = (struct wire_span){(const uint8_t *)"a", 2};
	request.image_bytes = UINT64_MAX;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, norma_run_begin, &request, &reply);
	request.image_bytes = 10;
	HARNESS_EXPECT(KERN_FAILURE, harness, norma_run_data, &data, &taken);
	HARNESS_EXPECT(0, harness, norma_run_begin, &request, &reply);
	HARNESS_EXPECT(KERN_FAILURE, harness, norma_run_begin, &request, &reply);
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, norma_run_data, &data, &taken);
	data.offset = UINT64_MAX;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, norma_run_data, &data, &taken);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("task_program");
	TCase *c = tcase_create("program"), *waiting = tcase_create("waiting");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, busybox_echo_says_hi);
	tcase_add_test(c, exit_status_is_reported);
	tcase_add_test(c, abort_is_reported_with_its_signal);
	tcase_add_test(c, heap_of_a_c_program_works);
	tcase_add_test(c, standard_input_reaches_the_program);
	tcase_add_test(c, full_standard_input_says_how_much_it_took);
	tcase_add_test(c, output_waits_until_hostd_has_room);
	tcase_add_test(c, task_can_be_suspended_while_it_waits_for_input);
	tcase_add_test(c, guest_knows_itself);
	tcase_add_test(c, garbage_hypercalls_are_refused);
	tcase_add_test(c, calls_of_others_go_to_hostd_on_behalf_of_the_owner);
	tcase_add_test(c, unknown_system_calls_are_counted_by_name);
	tcase_add_test(c, dynamic_program_is_refused_and_leaves_nothing);
	tcase_add_test(c, text_file_is_refused);
	tcase_add_test(c, bad_begins_are_refused);
	suite_add_tcase(s, c);
	tcase_set_timeout(waiting, 60);
	tcase_add_checked_fixture(waiting, setup, teardown);
	tcase_add_loop_test(waiting, waiting_thread_can_be_terminated, 0, 3);
	tcase_add_loop_test(waiting, waiting_thread_can_be_given_other_registers, 0, 3);
	suite_add_tcase(s, waiting);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
