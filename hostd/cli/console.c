/*
 * norma console: attaches to a task that runs already.
 */
#include "attach.h"
#include "cli.h"

int cli_console(int argc, char **argv)
{
	task_t task;
	int r;

	if (argc != 2)
		return cli_usage("`console` takes the name of one task.");
	r = cli_parse_task(argv[1], &task);
	if (r == CLI_OK)
		r = cli_connect();
	if (r != CLI_OK)
		return r;
	attach_prepare(ATTACH_VISITOR);
	return attach_follow(task, ATTACH_VISITOR);
}
