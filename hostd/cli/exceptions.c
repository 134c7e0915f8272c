/*
 * norma exceptions: shows a thread that is held at an exception, and may let it go on.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "client/norma.h"

#define WAIT_MS 1000 /* how soon the end of the task is noticed */

/* Waits for a held thread. Return: CLI_OK, or CLI_ERROR after a sentence. */
static int wait_for_one(task_t task, struct norma_exception *ret_exception)
{
	for (;;) {
		kern_return_t result = norma_exception_wait(task, WAIT_MS, ret_exception);

		if (result != KERN_SUCCESS)
			return cli_call_failed(result, "wait for an exception of " CLI_TASK_FORMAT,
					       task);
		if (ret_exception->thread != THREAD_NULL)
			return CLI_OK;
	}
}

int cli_exceptions(int argc, char **argv)
{
	static const struct option options[] = {{"resume", no_argument, NULL, 'r'}, {0}};
	struct norma_exception exception;
	bool is_resumed = false;
	kern_return_t result;
	task_t task;
	int option, r;

	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (option != 'r')
			return cli_option_refused(option, argv);
		is_resumed = true;
	}
	if (argc - optind != 1)
		return cli_usage("`exceptions` takes the name of one task.");
	r = cli_parse_task(argv[optind], &task);
	if (r == CLI_OK)
		r = cli_connect();
	if (r == CLI_OK)
		r = wait_for_one(task, &exception);
	if (r != CLI_OK)
		return r;
	printf("%s\n", exception.text); /* names thread, exception and places */
	result = is_resumed ? norma_exception_resume(exception.thread) : KERN_SUCCESS;
	return result == KERN_SUCCESS
		   ? CLI_OK
		   : cli_call_failed(result, "let thread 0x%08x go on", exception.thread);
}
