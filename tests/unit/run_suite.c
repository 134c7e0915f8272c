/*
 * Running a suite: TAP on standard output, and nothing else there.
 */
#include "run_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Check reads it when a case is made, and would give a test 4 s: that is nothing on a machine that
 * is doing something else. */
__attribute__((constructor)) static void give_time(void)
{
	setenv("CK_DEFAULT_TIMEOUT", "60", 0);
}

int run_suite_unless(const char *obstacle, Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed = 0;

	srunner_set_tap(runner, "-");
	if (obstacle)
		printf("1..0 # SKIP %s\n", obstacle);
	else
		srunner_run_all(runner, CK_SILENT);
	if (!obstacle)
		failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int run_suite(Suite *suite)
{
	return run_suite_unless(NULL, suite);
}

int run_suite_kvm(Suite *suite)
{
	return run_suite_unless(
	    access("/dev/kvm", R_OK | W_OK)
		? "/dev/kvm is missing, or closed to this user: nothing that runs a task was tested"
		: NULL,
	    suite);
}
