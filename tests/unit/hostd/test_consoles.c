/*
 * Output of tasks: read at once, later, from another host, or not at all.
 */
#include <check.h>
#include <mach/kern_return.h>

#include "run_suite.h"
#include "scene.h"

static void setup(void)
{
	scene_begin(3, 3);
}

/* Reads a task's whole output as an attached reader. Return: its bytes. */
static uint64_t read_all(uint32_t task)
{
	struct norma_console_read_reply read = {0};
	uint64_t total = 0, offset = 0;

	while (!read.end) {
		ck_assert_int_eq(CALL(norma_console_read, .task = task, .offset = offset,
				      .timeout_ms = 20000, .attach = 1),
				 0);
		REPLY_OF(norma_console_read, &reply, &read);
		for (uint32_t i = 0; i < read.data.bytes; i++)
			ck_assert_uint_eq(read.data.data[i], 'a' + (read.offset + i) / 1024 % 26);
		total += read.data.bytes;
		offset = read.offset + read.data.bytes;
	}
	return total;
}

/* A program that is loaded but not started: its readers can be there before its output. */
static uint32_t load_flood(void)
{
	static const char program[] = "flood 60\nexit 0"; /* the console holds 4 KiB */
	struct norma_run_begin_reply begun;

	ck_assert_int_eq(CALL(norma_run_begin, .node = 0), 0);
	REPLY_OF(norma_run_begin, &reply, &begun);
	ck_assert_int_eq(CALL(norma_run_data, .task = begun.task,
			      .data = {(const uint8_t *)program, sizeof(program) - 1}),
			 0);
	return begun.task;
}

START_TEST(attached_reader_loses_nothing)
{
	uint32_t task = load_flood();

	ck_assert_int_eq(CALL(norma_console_read, .task = task, .attach = 1), 0);
	ck_assert_int_eq(CALL(norma_run_start, .task = task), 0);
	ck_assert_uint_eq(read_all(task), 60 * 1024);
	ck_assert_uint_eq(wait_for(task).state, TASK_STATE_EXITED);
}
END_TEST

START_TEST(output_that_waits_goes_on_when_the_reader_is_gone)
{
	struct norma_task_wait_reply outcome;
	struct link_message ignored;
	struct link reader;
	uint32_t task = load_flood();

	client_open(&harness, 0, &reader);
	ck_assert_int_eq(
	    CALL_HOST(&harness, &reader, norma_console_read, &ignored, .task = task, .attach = 1),
	    0);
	ck_assert_int_eq(CALL(norma_run_start, .task = task), 0);
	ck_assert_int_eq(CALL(norma_task_wait, .task = task, .timeout_ms = 100), 0);
	REPLY_OF(norma_task_wait, &reply, &outcome);
	ck_assert_uint_eq(outcome.state, TASK_STATE_RUNNING);
	link_done(&reader);
	ck_assert_uint_eq(wait_for(task).state, TASK_STATE_EXITED);
}
END_TEST

START_TEST(unread_output_is_dropped_from_the_front)
{
	uint32_t task = run_program(&harness, &client, 0, "flood 60\nexit 0");
	struct norma_console_read_reply read;

	ck_assert_uint_eq(wait_for(task).state, TASK_STATE_EXITED);
	ck_assert_int_eq(CALL(norma_console_read, .task = task), 0);
	REPLY_OF(norma_console_read, &reply, &read);
	ck_assert_uint_eq(read.offset, 56 * 1024);
	ck_assert_uint_eq(read.data.bytes, 4096);
}
END_TEST

START_TEST(waiting_and_consoles_work_from_elsewhere)
{
	uint32_t task = run_program(&harness, &client, 2, "out far away\nexit 9");
	struct norma_task_wait_reply outcome;
	struct norma_console_read_reply read;

	ck_assert_int_eq(CALL(norma_task_wait, .task = task, .timeout_ms = 20000), 0);
	REPLY_OF(norma_task_wait, &reply, &outcome);
	ck_assert_int_eq(outcome.status, 9);
	ck_assert_int_eq(CALL(norma_console_read, .task = task, .attach = 1), 0);
	REPLY_OF(norma_console_read, &reply, &read);
	ck_assert_mem_eq(read.data.data, "far away", 8);
}
END_TEST

START_TEST(remote_reader_that_leaves_lets_output_go_on)
{
	static const char program[] = "flood 60\nexit 0";
	struct norma_run_begin_reply begun;
	struct norma_task_wait_reply outcome;

	ck_assert_int_eq(CALL(norma_run_begin, .node = 2), 0);
	REPLY_OF(norma_run_begin, &reply, &begun);
	ck_assert_int_eq(CALL(norma_console_read, .task = begun.task, .attach = 1), 0);
	ck_assert_int_eq(CALL(norma_run_data, .task = begun.task,
			      .data = {(const uint8_t *)program, sizeof(program) - 1}),
			 0);
	ck_assert_int_eq(CALL(norma_run_start, .task = begun.task), 0);
	ck_assert_int_eq(CALL(norma_task_wait, .task = begun.task, .timeout_ms = 100), 0);
	REPLY_OF(norma_task_wait, &reply, &outcome);
	ck_assert_uint_eq(outcome.state, TASK_STATE_RUNNING);
	link_done(&client);
	client_open(&harness, 0, &client);
	ck_assert_int_eq(CALL(norma_task_wait, .task = begun.task, .timeout_ms = 20000), 0);
	REPLY_OF(norma_task_wait, &reply, &outcome);
	ck_assert_uint_eq(outcome.state, TASK_STATE_EXITED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostd/consoles");
	TCase *tests = tcase_create("consoles");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 100);
	tcase_add_checked_fixture(tests, setup, scene_end);
	tcase_add_test(tests, attached_reader_loses_nothing);
	tcase_add_test(tests, output_that_waits_goes_on_when_the_reader_is_gone);
	tcase_add_test(tests, unread_output_is_dropped_from_the_front);
	tcase_add_test(tests, waiting_and_consoles_work_from_elsewhere);
	tcase_add_test(tests, remote_reader_that_leaves_lets_output_go_on);
	return run_suite(suite);
}
