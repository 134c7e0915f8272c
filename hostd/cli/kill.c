/*
 * norma kill: terminates tasks.
 */
#include "cli.h"
#include "client/norma.h"

int cli_kill(int argc, char **argv)
{
	int result = CLI_OK;
	task_t task;
	int r;

	if (argc < 2)
		return cli_usage("`kill` takes the names of tasks.");
	for (int i = 1; i < argc; i++) {
		r = cli_parse_task(argv[i], &task);
		if (r != CLI_OK)
			return r;
	}
	r = cli_connect();
	if (r != CLI_OK)
		return r;
	for (int i = 1; i < argc; i++) {
		kern_return_t code;

		cli_parse_task(argv[i], &task);
		code = task_terminate(task);
		if (code != KERN_SUCCESS)
			result = cli_call_failed(code, "terminate " CLI_TASK_FORMAT, task);
	}
	return result;
}
