/*
 * Whole static Linux programs, run on KVM in CPL 3.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux_harness.h"
#include "run_suite.h"

#define BUSYBOX "/bin/busybox"

static struct harness harness;
static struct linux_harness *run;

static void setup(void)
{
	harness_setup(&harness);
	run = malloc(sizeof(*run));
	ck_assert_ptr_nonnull(run);
	linux_harness_init(run, &harness);
}

static void teardown(void)
{
	free(run);
	harness_teardown(&harness);
}

static void expect_success(const char *path, const char *const *arguments, const char *output)
{
	struct linux_harness_run result = linux_harness_program(run, path, arguments);
	ck_assert_msg(!result.load_error, "%s %s", path, run->why);
	ck_assert_msg(result.outcome.kind == LINUX_TASK_ENDED,
		      "stopped with exit kind %d vector %u at 0x%llx: %s",
		      (int)result.last_exit.kind, result.last_exit.vector,
		      (unsigned long long)vcpu_state(harness.vcpu)->rip, run->output);
	ck_assert_str_eq(run->output, output);
	ck_assert_int_eq(result.outcome.code, 0);
	ck_assert_int_eq(result.outcome.signal, 0);
}

START_TEST(glibc_program_runs)
{
	const char *const arguments[] = {"hello", "a b", "", NULL};
	run->input = "line\n";
	run->input_bytes = 5;
	expect_success(GUEST_GLIBC, arguments,
		       "0=hello\n1=a b\n2=\nPATH=/bin wrong=0\nread line\n");
}
END_TEST

START_TEST(static_pie_runs)
{
	const char *const arguments[] = {"pie", NULL};
	expect_success(GUEST_PIE, arguments, "0=pie\nPATH=/bin wrong=0\n");
}
END_TEST

#ifdef GUEST_MUSL
START_TEST(musl_program_runs)
{
	const char *const arguments[] = {"hello", "x", NULL};
	expect_success(GUEST_MUSL, arguments, "0=hello\n1=x\nPATH=/bin wrong=0\n");
}
END_TEST

#endif

#ifdef GUEST_LUA
START_TEST(lua_runs)
{
	const char *const arguments[] = {
	    "lua", "-e",
	    "local t={} for i=1,1e5 do t[i]=tostring(i) end print(#table.concat(t), 2^0.5)", NULL};
	expect_success(GUEST_LUA, arguments, "488895\t1.4142135623731\n");
}
END_TEST

#endif

START_TEST(freestanding_program_runs)
{
	const char *const arguments[] = {"x", "y", "z", NULL};
	struct linux_harness_run result = linux_harness_program(run, GUEST_FREESTANDING, arguments);
	ck_assert_int_eq(result.outcome.kind, LINUX_TASK_ENDED);
	ck_assert_int_eq(result.outcome.code, 3);
	ck_assert_str_eq(run->output, "hello\n");
	ck_assert_uint_eq(run->syscall_count, 2);
}
END_TEST

START_TEST(busybox_echo_runs)
{
	const char *const arguments[] = {"busybox", "echo", "hi", "there", NULL};
	expect_success(BUSYBOX, arguments, "hi there\n");
}
END_TEST

START_TEST(busybox_shell_runs)
{
	const char *const arguments[] = {
	    "busybox", "sh", "-c",
	    "i=0; while [ $i -lt 300 ]; do i=$((i+1)); done; echo $i; exit 0", NULL};
	expect_success(BUSYBOX, arguments, "300\n");
}
END_TEST

START_TEST(busybox_cat_reads_the_console)
{
	const char *const arguments[] = {"busybox", "cat", NULL};
	run->input = "one\ntwo\n";
	run->input_bytes = 8;
	expect_success(BUSYBOX, arguments, "one\ntwo\n");
}
END_TEST

START_TEST(abort_ends_the_task_with_its_signal)
{
	const char *const arguments[] = {"aborts", NULL};
	struct linux_harness_run result = linux_harness_program(run, GUEST_ABORTS, arguments);
	ck_assert_int_eq(result.outcome.kind, LINUX_TASK_ENDED);
	ck_assert_int_eq(result.outcome.signal, 6);
}
END_TEST

START_TEST(bad_pointers_are_efault_and_a_followed_one_is_a_fault)
{
	const char *const arguments[] = {"bad_pointer", NULL};
	struct linux_harness_run result = linux_harness_program(run, GUEST_BAD_POINTER, arguments);
	ck_assert_str_eq(run->output, "wrong=0\n");
	ck_assert_int_eq(result.outcome.kind, LINUX_CONTINUE);
	ck_assert_int_eq(result.last_exit.kind, VCPU_EXIT_FAULT);
	ck_assert_uint_eq(run->task.unknown_counts[SYS_io_uring_setup], 1);
	ck_assert_uint_eq(run->task.unknown_out_of_range, 1);
	ck_assert_str_eq(linux_call_name(SYS_io_uring_setup), "io_uring_setup");
	vcpu_pending_write_drop(harness.vcpu);
}
END_TEST

START_TEST(dynamic_program_is_refused)
{
	const char *const arguments[] = {"dynamic", NULL};
	struct linux_harness_run result = linux_harness_program(run, GUEST_DYNAMIC, arguments);
	ck_assert_int_eq(result.load_error, -ENOEXEC);
	ck_assert_str_eq(run->why, "is dynamically linked; build it with gcc -static");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("linux_program");
	TCase *c = tcase_create("program");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, glibc_program_runs);
	tcase_add_test(c, static_pie_runs);
#ifdef GUEST_MUSL
	tcase_add_test(c, musl_program_runs);
#else
	printf("# musl-gcc is not installed (musl-tools): its test does not run\n");
#endif
#ifdef GUEST_LUA
	tcase_add_test(c, lua_runs);
#else
	printf("# liblua5.4.a is not installed (liblua5.4-dev): its test does not run\n");
#endif
	tcase_add_test(c, freestanding_program_runs);
	if (access(BUSYBOX, R_OK) == 0) {
		tcase_add_test(c, busybox_echo_runs);
		tcase_add_test(c, busybox_shell_runs);
		tcase_add_test(c, busybox_cat_reads_the_console);
	} else {
		printf("# " BUSYBOX " is not installed (busybox-static): its tests do not run\n");
	}
	tcase_add_test(c, abort_ends_the_task_with_its_signal);
	tcase_add_test(c, bad_pointers_are_efault_and_a_followed_one_is_a_fault);
	tcase_add_test(c, dynamic_program_is_refused);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
