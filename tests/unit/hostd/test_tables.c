/*
 * The task table and the console ring, without processes.
 */
#include <check.h>
#include <mach/kern_return.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "hostd.h"
#include "run_suite.h"

static struct hostd *hostd;

static void setup(void)
{
	hostd = calloc(1, sizeof(*hostd));
	hostd->config.tasks = 100000;
	hostd->config.tasks_per_user = 3;
	hostd->config.console_bytes = 4096;
	ck_assert_int_eq(task_table_init(&hostd->tasks, hostd, 7), 0);
}

static void teardown(void)
{
	task_table_done(&hostd->tasks);
	free(hostd);
}

static struct task *make_task(uint32_t uid)
{
	struct task_properties properties = {0};
	struct task_setup task_setup = {
	    .owner_uid = uid,
	    .state = TASK_STATE_RUNNING,
	    .image = "x",
	    .properties = &properties,
	};
	char error[MESSAGE_MAX_TEXT];
	struct task *task = NULL;

	if (task_new(&hostd->tasks, &task_setup, &task, error))
		return NULL;
	return task;
}

START_TEST(name_says_its_node)
{
	struct task *task = make_task(0);

	ck_assert_int_eq(name_node(task->name), 7);
	ck_assert_int_eq(name_kind(task->name), NAME_TASK);
	ck_assert_ptr_eq(tasks_find(&hostd->tasks, task->name), task);
	ck_assert_ptr_null(tasks_find(&hostd->tasks, task->name + (1u << 6)));
	ck_assert_ptr_null(tasks_find(&hostd->tasks, name_of_task(6, name_serial(task->name))));
	ck_assert_ptr_null(tasks_find(&hostd->tasks, task->name | 1));
	ck_assert_ptr_null(tasks_find(&hostd->tasks, name_of_thread(task->name, 0)));
	ck_assert_ptr_null(tasks_find(&hostd->tasks, 0));
}
END_TEST

START_TEST(serial_comes_back_only_after_all_others)
{
	struct task *kept = make_task(0), *task;
	uint32_t first_free = name_serial(make_task(0)->name);

	task_forget(tasks_find(&hostd->tasks, name_of_task(7, first_free)));
	for (uint32_t i = 0; i < NAME_MAX_SERIAL - 2; i++) {
		task = make_task(0);
		ck_assert_uint_ne(name_serial(task->name), first_free);
		ck_assert_uint_ne(name_serial(task->name), 0);
		ck_assert_uint_ne(task->name, kept->name);
		task_forget(task);
	}
	task = make_task(0);
	ck_assert_uint_eq(name_serial(task->name), first_free);
}
END_TEST

START_TEST(user_has_a_limit_and_root_has_not)
{
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(make_task(1000));
	ck_assert_ptr_null(make_task(1000));
	ck_assert_ptr_nonnull(make_task(1001));
	for (int i = 0; i < 10; i++)
		ck_assert_ptr_nonnull(make_task(0));
}
END_TEST

START_TEST(host_has_a_limit)
{
	hostd->config.tasks = 2;
	ck_assert_ptr_nonnull(make_task(0));
	ck_assert_ptr_nonnull(make_task(0));
	ck_assert_ptr_null(make_task(0));
	task_retire(TAILQ_FIRST(&hostd->tasks.live));
	ck_assert_ptr_nonnull(make_task(0));
}
END_TEST

START_TEST(ended_tasks_are_remembered_for_a_while)
{
	uint32_t first = make_task(0)->name, second = make_task(0)->name;

	task_retire(tasks_find(&hostd->tasks, first));
	task_retire(tasks_find(&hostd->tasks, second));
	for (unsigned int i = 0; i < TASKS_ENDED_MAX - 2; i++)
		task_retire(make_task(0));
	ck_assert_ptr_nonnull(tasks_find(&hostd->tasks, first));
	task_retire(make_task(0));
	ck_assert_ptr_null(tasks_find(&hostd->tasks, first));
	ck_assert_ptr_nonnull(tasks_find(&hostd->tasks, second));
}
END_TEST

static int64_t put(struct console *console, enum console_stream stream, const char *text,
		   uint64_t keep_from)
{
	return console_append(console, stream, (const uint8_t *)text, strlen(text), keep_from);
}

static void expect(const struct console *console, uint64_t offset, const char *text,
		   uint64_t expected_offset, uint32_t expected_stream)
{
	uint8_t data[64];
	uint64_t at;
	uint32_t stream;
	size_t bytes = console_copy(console, offset, data, sizeof(data), &at, &stream);

	ck_assert_uint_eq(bytes, strlen(text));
	ck_assert_mem_eq(data, text, bytes);
	ck_assert_uint_eq(at, expected_offset);
	ck_assert_uint_eq(stream, expected_stream);
}

START_TEST(console_keeps_streams_apart)
{
	struct console console;

	console_init(&console, 64);
	ck_assert_int_eq(put(&console, CONSOLE_STDOUT, "abc", UINT64_MAX), 3);
	ck_assert_int_eq(put(&console, CONSOLE_STDERR, "de", UINT64_MAX), 2);
	ck_assert_int_eq(put(&console, CONSOLE_STDOUT, "f", UINT64_MAX), 1);
	expect(&console, 0, "abc", 0, CONSOLE_STDOUT);
	expect(&console, 1, "bc", 1, CONSOLE_STDOUT);
	expect(&console, 3, "de", 3, CONSOLE_STDERR);
	expect(&console, 5, "f", 5, CONSOLE_STDOUT);
	expect(&console, 6, "", 6, CONSOLE_STDOUT);
	expect(&console, UINT64_MAX, "", UINT64_MAX, CONSOLE_STDOUT);
	console_done(&console);
}
END_TEST

START_TEST(console_drops_the_oldest)
{
	struct console console;

	console_init(&console, 8);
	ck_assert_int_eq(put(&console, CONSOLE_STDERR, "12345", UINT64_MAX), 5);
	ck_assert_int_eq(put(&console, CONSOLE_STDERR, "6789ab", UINT64_MAX), 6);
	expect(&console, 0, "456789ab", 3, CONSOLE_STDERR);
	ck_assert_int_eq(put(&console, CONSOLE_STDOUT, "0123456789ABCDEF", UINT64_MAX), 16);
	expect(&console, 0, "89ABCDEF", 19, CONSOLE_STDOUT);
	ck_assert_uint_eq(console_used(&console), 8);
	console_drop(&console);
	ck_assert_uint_eq(console_used(&console), 0);
	expect(&console, 0, "", 27, CONSOLE_STDOUT);
	console_done(&console);
}
END_TEST

/* What was written before is found again, in its stream, wherever the ring was then. */
START_TEST(console_grows_with_its_output)
{
	struct console console;
	uint64_t at;

	console_init(&console, 4096);
	for (unsigned int i = 0; i < 5000; i++) {
		char text[2] = {(char)('a' + i % 26), 0};

		ck_assert_int_eq(
		    put(&console, i % 3 ? CONSOLE_STDOUT : CONSOLE_STDERR, text, UINT64_MAX), 1);
		ck_assert_uint_le(console.room,
				  console_used(&console) < 256 ? 256 : 2 * console_used(&console));
		/* Of three, one is of the other stream. */
		at = i - 2;
		if (i % 3 == 0 && i > 2)
			expect(&console, at,
			       (char[]){(char)('a' + at % 26), (char)('a' + (at + 1) % 26), 0}, at,
			       CONSOLE_STDOUT);
	}
	console_done(&console);
}
END_TEST

START_TEST(sealed_console_has_what_it_needs)
{
	struct console console;

	console_init(&console, 8);
	console_seal(&console);
	ck_assert_ptr_null(console.bytes);
	put(&console, CONSOLE_STDERR, "123456789a", UINT64_MAX);
	put(&console, CONSOLE_STDOUT, "b", UINT64_MAX);
	console_seal(&console);
	expect(&console, 0, "456789a", 3, CONSOLE_STDERR);
	expect(&console, 10, "b", 10, CONSOLE_STDOUT);
	console_done(&console);
	console_init(&console, 4096);
	put(&console, CONSOLE_STDOUT, "last words", UINT64_MAX);
	console_seal(&console);
	ck_assert_uint_eq(console.room, 10);
	expect(&console, 5, "words", 5, CONSOLE_STDOUT);
	console_done(&console);
}
END_TEST

START_TEST(console_keeps_what_a_reader_needs)
{
	struct console console;

	console_init(&console, 8);
	ck_assert_int_eq(put(&console, CONSOLE_STDOUT, "123456", 0), 6);
	ck_assert_int_eq(put(&console, CONSOLE_STDOUT, "789a", 0), 2);
	ck_assert_int_eq(put(&console, CONSOLE_STDOUT, "9a", 0), 0);
	expect(&console, 0, "12345678", 0, CONSOLE_STDOUT);
	ck_assert_int_eq(put(&console, CONSOLE_STDOUT, "9a", 1), 1);
	expect(&console, 0, "23456789", 1, CONSOLE_STDOUT);
	/* A reader ahead of the end needs nothing of what is there. */
	ck_assert_int_eq(put(&console, CONSOLE_STDOUT, "abcdefgh", 1000), 8);
	console_done(&console);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostd/tables");
	TCase *names = tcase_create("names"), *console = tcase_create("console");

	suite_add_tcase(suite, names);
	tcase_set_timeout(names, 60);
	tcase_set_timeout(console, 60);
	tcase_add_checked_fixture(names, setup, teardown);
	tcase_add_test(names, name_says_its_node);
	tcase_add_test(names, serial_comes_back_only_after_all_others);
	tcase_add_test(names, user_has_a_limit_and_root_has_not);
	tcase_add_test(names, host_has_a_limit);
	tcase_add_test(names, ended_tasks_are_remembered_for_a_while);
	suite_add_tcase(suite, console);
	tcase_add_test(console, console_keeps_streams_apart);
	tcase_add_test(console, console_drops_the_oldest);
	tcase_add_test(console, console_grows_with_its_output);
	tcase_add_test(console, sealed_console_has_what_it_needs);
	tcase_add_test(console, console_keeps_what_a_reader_needs);
	return run_suite(suite);
}
