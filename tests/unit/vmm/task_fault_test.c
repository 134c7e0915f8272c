/*
 * Every kind of fault ends a task in the state EXCEPTION, with a status and a sentence that say
 * what happened.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "task_harness.h"

#define CODE	 0x100000u
#define READONLY 0x200000u

static struct task_harness *harness;

static void setup(void)
{
	harness = harness_task();
}

static void teardown(void)
{
	harness_stop(harness);
}

struct fault {
	const char *what;
	int exception;
	const char *parts[3]; /* of the sentence */
	uint8_t code[16];
};

static const struct fault faults[] = {
    {"read of a hole",
     1,
     {"EXC_BAD_ACCESS (KERN_INVALID_ADDRESS)", "0x300008", "0x100000"},
     {0x48, 0x8b, 0x04, 0x25, 0x08, 0x00, 0x30, 0x00}},
    {"write to a hole",
     1,
     {"EXC_BAD_ACCESS (KERN_INVALID_ADDRESS)", "writ", "0x300008"},
     {0x48, 0x89, 0x04, 0x25, 0x08, 0x00, 0x30, 0x00}},
    {"null pointer",
     1,
     {"EXC_BAD_ACCESS (KERN_INVALID_ADDRESS)", "0x0 ", "0x100002"},
     {0x31, 0xc0, 0x48, 0x8b, 0x00}},
    {"vector store to a hole",
     1,
     {"EXC_BAD_ACCESS (KERN_INVALID_ADDRESS)", "writ", "0x300008"},
     {0xc5, 0xfc, 0x11, 0x04, 0x25, 0x08, 0x00, 0x30, 0x00}},
    {"jump into a hole",
     1,
     {"EXC_BAD_ACCESS (KERN_INVALID_ADDRESS)", "0x300008", "0x300008"},
     {0xb8, 0x08, 0x00, 0x30, 0x00, 0xff, 0xe0}},
    {"write to a read-only region",
     1,
     {"EXC_BAD_ACCESS (KERN_PROTECTION_FAILURE)", "writ", "0x200010"},
     {0x48, 0x89, 0x04, 0x25, 0x10, 0x00, 0x20, 0x00}},
    {"read of the system area",
     1,
     {"EXC_BAD_ACCESS", "0x2000000000", "0x100000"},
     {0x48, 0xa1, 0x00, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00}},
    {"division by zero",
     3,
     {"EXC_ARITHMETIC (EXC_I386_DIV)", "0x100002", ""},
     {0x31, 0xc9, 0xf7, 0xf1}},
    {"invalid instruction",
     2,
     {"EXC_BAD_INSTRUCTION (EXC_I386_INVOP)", "0x100000", ""},
     {0x0f, 0x0b}},
    {"privileged instruction", 2, {"EXC_BAD_INSTRUCTION (EXC_I386_GPFLT)", "0x100000", ""}, {0xf4}},
    {"forbidden port", 2, {"EXC_BAD_INSTRUCTION (EXC_I386_GPFLT)", "0x10000", ""}, {0xe6, 0x80}},
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static void start(const uint8_t *code, size_t bytes)
{
	struct vm_protect_request protect = {TASK_NAME, READONLY, 4096, 0, 1};
	struct vm_protect_reply reply;

	harness_allocate(harness, CODE, 4096);
	harness_allocate(harness, READONLY, 4096);
	HARNESS_EXPECT(0, harness, vm_protect, &protect, &reply);
	harness_write(harness, CODE, code, bytes);
	uint32_t thread = harness_thread(harness, CODE, CODE + 4096);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_resume, thread), 0);
}

START_TEST(fault_ends_the_task_with_a_sentence)
{
	const struct fault *fault = &faults[_i];
	char thread[32];

	start(fault->code, sizeof(fault->code));
	harness_await_end(harness);
	ck_assert_uint_eq(harness->ended.state, TASK_STATE_EXCEPTION);
	ck_assert_msg(harness->ended.status == 128 + fault->exception, "%s: %d, %s", fault->what,
		      harness->ended.status, harness->ended.text);
	snprintf(thread, sizeof(thread), "thread 0x%x: ", name_of_thread(TASK_NAME, 0));
	ck_assert_msg(strstr(harness->ended.text, thread), "%s: %s", fault->what,
		      harness->ended.text);
	for (size_t i = 0; i < 3; i++)
		ck_assert_msg(strstr(harness->ended.text, fault->parts[i]), "%s: '%s' not in: %s",
			      fault->what, fault->parts[i], harness->ended.text);
	ck_assert_int_eq(harness_wait_exit(harness), 0);
}
END_TEST

START_TEST(first_of_many_exceptions_wins)
{
	static const uint8_t code[] = {0x0f, 0x0b};
	uint32_t threads[16];

	harness_allocate(harness, CODE, 4096);
	harness_write(harness, CODE, code, sizeof(code));
	for (size_t i = 0; i < 16; i++)
		threads[i] = harness_thread(harness, CODE, CODE + 4096);
	/* All at once: suspend the task, resume every thread, let the task go. */
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_suspend), 0);
	for (size_t i = 0; i < 16; i++)
		ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_resume, threads[i]),
				 0);
	uint8_t name[4];
	struct wire_writer writer;
	wire_writer_init(&writer, name, sizeof(name));
	wire_put_u32(&writer, TASK_NAME);
	harness_post(harness, MESSAGE_task_resume, name, sizeof(name));
	/* harness_await_end fails on a second vmm_ended. */
	harness_await_end(harness);
	ck_assert_int_eq(harness->ended.status, 128 + 2);
	ck_assert_int_eq(harness_wait_exit(harness), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("task_fault");
	TCase *c = tcase_create("fault");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, fault_ends_the_task_with_a_sentence, 0, FAULTS);
	tcase_add_test(c, first_of_many_exceptions_wins);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
