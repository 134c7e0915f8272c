/*
 * The parts of a task that need no machine: states, standard input, strings of a program,
 * sentences.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"
#include "exception_text.h"
#include "life.h"
#include "mach/kern_return.h"
#include "run.h"
#include "run_suite.h"
#include "wait.h"

START_TEST(thread_states_follow_the_table)
{
	ck_assert(thread_life_may_follow(THREAD_FREE, THREAD_STOPPED));
	ck_assert(!thread_life_may_follow(THREAD_FREE, THREAD_RUNNING));
	ck_assert(thread_life_may_follow(THREAD_STOPPED, THREAD_RUNNING));
	ck_assert(thread_life_may_follow(THREAD_RUNNING, THREAD_SERVED));
	ck_assert(thread_life_may_follow(THREAD_SERVED, THREAD_HELD));
	ck_assert(thread_life_may_follow(THREAD_HELD, THREAD_SERVED));
	ck_assert(!thread_life_may_follow(THREAD_HELD, THREAD_RUNNING));
	ck_assert(!thread_life_may_follow(THREAD_RUNNING, THREAD_HELD));
	/* out of the guest only by way of SERVED */
	ck_assert(!thread_life_may_follow(THREAD_RUNNING, THREAD_STOPPED));
	ck_assert(!thread_life_may_follow(THREAD_RUNNING, THREAD_FREE));
	ck_assert(!thread_life_may_follow(THREAD_NUM_LIVES, THREAD_FREE));
	for (unsigned int life = 0; life < THREAD_NUM_LIVES; life++) {
		ck_assert(!thread_life_may_follow(life, life));
		ck_assert_str_ne(thread_life_name(life), "unknown");
	}
	ck_assert_str_eq(thread_life_name(THREAD_NUM_LIVES), "unknown");
}
END_TEST

/* But for a process that did not become a task after all. */
START_TEST(task_states_only_go_forward)
{
	for (unsigned int from = 0; from < TASK_NUM_LIVES; from++) {
		for (unsigned int to = 0; to < TASK_NUM_LIVES; to++)
			ck_assert_int_eq(task_life_may_follow(from, to),
					 to == from + 1 ||
					     (from == TASK_BECOMING && to == TASK_WAITING));
		ck_assert_str_ne(task_life_name(from), "unknown");
	}
	ck_assert(!task_life_may_follow(TASK_NUM_LIVES, TASK_WAITING));
}
END_TEST

/* ---- standard input ---- */

static struct console_input input;
static atomic_bool is_cancelled;

static void input_setup(void)
{
	console_input_init(&input);
	atomic_store(&is_cancelled, false);
}

START_TEST(input_comes_out_as_it_went_in_also_around_the_ring)
{
	static uint8_t data[CONSOLE_INPUT_BYTES], out[CONSOLE_INPUT_BYTES];
	uint8_t next_in = 0, next_out = 0;

	for (uint32_t bytes = 1; bytes < 60000; bytes = bytes * 3 + 1) {
		for (uint32_t i = 0; i < bytes; i++)
			data[i] = next_in++;
		ck_assert_int_eq(console_input_feed(&input, data, bytes, false), bytes);
		ck_assert_int_eq(console_input_take(&input, out, sizeof(out), &is_cancelled),
				 bytes);
		for (uint32_t i = 0; i < bytes; i++)
			ck_assert_uint_eq(out[i], next_out++);
	}
}
END_TEST

START_TEST(full_input_takes_a_part)
{
	static uint8_t data[CONSOLE_INPUT_BYTES];

	ck_assert_int_eq(console_input_feed(&input, data, 40000, false), 40000);
	ck_assert_int_eq(console_input_feed(&input, data, 40000, true), 25536);
	ck_assert_int_eq(console_input_feed(&input, data, 1, true), 0);
	ck_assert_int_eq(console_input_take(&input, data, 10, &is_cancelled), 10);
	ck_assert_int_eq(console_input_feed(&input, data, 10, true), 10);
	ck_assert_int_eq(console_input_feed(&input, data, 0, false), -EPIPE);
	ck_assert_int_eq(console_input_take(&input, data, sizeof(data), &is_cancelled), 65536);
	ck_assert_int_eq(console_input_take(&input, data, sizeof(data), &is_cancelled), 0);
	ck_assert_int_eq(console_input_wait(&input, WAIT_FOREVER, &is_cancelled), 1);
}
END_TEST

static void *cancel_main(void *context)
{
	(void)context;
	atomic_store(&is_cancelled, true);
	console_input_wake(&input);
	return NULL;
}

START_TEST(waiting_reader_can_be_cancelled)
{
	pthread_t pthread;
	uint8_t byte;

	ck_assert_int_eq(console_input_wait(&input, clock_now_ns() + NS_PER_MS, &is_cancelled), 0);
	ck_assert_int_eq(pthread_create(&pthread, NULL, cancel_main, NULL), 0);
	ck_assert_int_eq(console_input_take(&input, &byte, 1, &is_cancelled), -EINTR);
	ck_assert_int_eq(pthread_join(pthread, NULL), 0);
	ck_assert_int_eq(console_input_wait(&input, WAIT_FOREVER, &is_cancelled), -EINTR);
}
END_TEST

static void *take_main(void *context)
{
	uint8_t byte;

	(void)context;
	return console_input_take(&input, &byte, 1, &is_cancelled) == 1 ? &input : NULL;
}

static void wait_until_starving(uint32_t count)
{
	while (console_input_starving(&input) != count)
		sched_yield();
}

START_TEST(readers_starve_until_something_changes)
{
	pthread_t readers[2];
	void *result;

	for (unsigned int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&readers[i], NULL, take_main, NULL), 0);
	wait_until_starving(2);
	console_input_wake(&input);
	wait_until_starving(2);
	ck_assert_int_eq(console_input_feed(&input, "ab", 2, false), 2);
	/* Whether or not they have noticed by now. */
	ck_assert_uint_eq(console_input_starving(&input), 0);
	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_join(readers[i], &result), 0);
		ck_assert_ptr_eq(result, &input);
	}
	ck_assert_uint_eq(console_input_starving(&input), 0);
}
END_TEST

/* ---- strings ---- */

START_TEST(strings_are_split_at_nul)
{
	struct run_strings strings = {0};

	ck_assert_int_eq(run_strings_split(&strings, (const uint8_t *)"a\0\0bcd", 7), 0);
	ck_assert_uint_eq(strings.count, 3);
	ck_assert_str_eq(strings.table[0], "a");
	ck_assert_str_eq(strings.table[1], "");
	ck_assert_str_eq(strings.table[2], "bcd");
	ck_assert_ptr_null(strings.table[3]);
	run_strings_done(&strings);
	ck_assert_int_eq(run_strings_split(&strings, NULL, 0), 0);
	ck_assert_uint_eq(strings.count, 0);
	ck_assert_ptr_null(strings.table[0]);
	run_strings_done(&strings);
	ck_assert_int_eq(run_strings_split(&strings, (const uint8_t *)"ab", 2), -EINVAL);
	ck_assert_ptr_null(strings.table);
}
END_TEST

/* ---- sentences ---- */

static const struct {
	struct exception_description description;
	const char *text;
} sentences[] = {
    {{.exception = EXCEPTION_BAD_ACCESS, .code = KERN_MEMORY_ERROR, .text = "why"},
     "thread 0x80000040: EXC_BAD_ACCESS (KERN_MEMORY_ERROR): why"},
    {{.exception = EXCEPTION_BAD_INSTRUCTION, .code = 99, .text = "why"},
     "thread 0x80000040: EXC_BAD_INSTRUCTION (code 99): why"},
    {{.exception = 77, .code = -1, .text = ""}, "thread 0x80000040: unknown exception (code -1): "},
};

START_TEST(exception_reads_as_a_sentence)
{
	char text[256];

	exception_text(0x80000040, &sentences[_i].description, text, sizeof(text));
	ck_assert_str_eq(text, sentences[_i].text);
	exception_text(0x80000040, &sentences[_i].description, text, 10);
	ck_assert_uint_eq(strlen(text), 9);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("task_parts");
	TCase *c = tcase_create("parts");

	tcase_add_checked_fixture(c, input_setup, NULL);
	tcase_add_test(c, thread_states_follow_the_table);
	tcase_add_test(c, task_states_only_go_forward);
	tcase_add_test(c, input_comes_out_as_it_went_in_also_around_the_ring);
	tcase_add_test(c, full_input_takes_a_part);
	tcase_add_test(c, waiting_reader_can_be_cancelled);
	tcase_add_test(c, readers_starve_until_something_changes);
	tcase_add_test(c, strings_are_split_at_nul);
	tcase_add_loop_test(c, exception_reads_as_a_sentence, 0,
			    sizeof(sentences) / sizeof(sentences[0]));
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
