/*
 * libnorma: what connecting says when it fails, and what is left of a lost connection.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_daemon.h"
#include "norma.h"
#include "run_suite.h"

#define ck_assert_says(words)                                                                      \
	ck_assert_msg(strstr(norma_last_error(), words) != NULL, "it says: %s", norma_last_error())

START_TEST(without_a_daemon_connecting_fails_with_advice)
{
	ck_assert_int_eq(norma_connect("/nonexistent/hostd.sock"), -ENOENT);
	ck_assert_says("/nonexistent/hostd.sock");
	ck_assert_says("start it");
}
END_TEST

START_TEST(the_environment_names_the_socket)
{
	ck_assert_int_eq(setenv("NORMA_SOCKET", "/nonexistent/from-environment", 1), 0);
	ck_assert_int_eq(norma_connect(NULL), -ENOENT);
	ck_assert_says("/nonexistent/from-environment");
}
END_TEST

START_TEST(a_path_that_is_too_long_is_enametoolong)
{
	char path[200];

	memset(path, 'a', sizeof(path));
	path[199] = 0;
	ck_assert_int_eq(norma_connect(path), -ENAMETOOLONG);
	ck_assert_says("too long");
}
END_TEST

START_TEST(a_daemon_of_another_version_is_named_as_such)
{
	fake_start(FAKE_OTHER_VERSION);
	ck_assert_int_eq(norma_connect(fake_path), -EPROTO);
	ck_assert_says("version");
	ck_assert_says("same release");
	fake_stop();
}
END_TEST

START_TEST(a_daemon_that_hangs_up_is_epipe)
{
	fake_start(FAKE_CLOSES_AT_ONCE);
	ck_assert_int_eq(norma_connect(fake_path), -EPIPE);
	ck_assert_says("release");
	fake_stop();
}
END_TEST

START_TEST(a_call_without_a_connection_says_what_is_missing)
{
	ck_assert_int_eq(task_suspend(FAKE_TASK), KERN_FAILURE);
	ck_assert_says("norma_connect");
}
END_TEST

START_TEST(a_lost_connection_fails_this_call_and_all_later_ones)
{
	vm_address_t address = 0;

	fake_start(FAKE_CLOSES_ON_ALLOC);
	ck_assert_int_eq(norma_connect(fake_path), 0);
	ck_assert_int_eq(vm_allocate(FAKE_TASK, &address, 1, TRUE), KERN_FAILURE);
	ck_assert_says("closed the connection");
	ck_assert_int_eq(task_terminate(FAKE_TASK), KERN_FAILURE);
	ck_assert_says("connect again");
	norma_disconnect();
	fake_stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client connect");
	TCase *tests = tcase_create("connect");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, without_a_daemon_connecting_fails_with_advice);
	tcase_add_test(tests, the_environment_names_the_socket);
	tcase_add_test(tests, a_path_that_is_too_long_is_enametoolong);
	tcase_add_test(tests, a_daemon_of_another_version_is_named_as_such);
	tcase_add_test(tests, a_daemon_that_hangs_up_is_epipe);
	tcase_add_test(tests, a_call_without_a_connection_says_what_is_missing);
	tcase_add_test(tests, a_lost_connection_fails_this_call_and_all_later_ones);
	return run_suite(suite);
}
