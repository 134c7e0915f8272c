/*
 * norma run: starts a program as a task, and stays attached unless told otherwise.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "attach.h"
#include "cli.h"
#include "client/norma.h"

#define MAX_ENVIRONMENT 256

struct run {
	bool has_node; /* else this host */
	int node;
	bool is_detached;
	bool is_held; /* threads stop at exceptions (norma exceptions) */
	char *environment[MAX_ENVIRONMENT + 1];
	char **arguments; /* the image first */
};

static int add_environment(struct run *run, size_t *count, char *text)
{
	if (*count == MAX_ENVIRONMENT)
		return cli_usage("more than %d --env.", MAX_ENVIRONMENT);
	if (!strchr(text, '=') || text[0] == '=')
		return cli_usage("`--env %s` is not of the form KEY=VALUE.", text);
	run->environment[(*count)++] = text;
	return CLI_OK;
}

static int parse(int argc, char **argv, struct run *run)
{
	static const struct option options[] = {{"node", required_argument, NULL, 'n'},
						{"env", required_argument, NULL, 'e'},
						{"detach", no_argument, NULL, 'd'},
						{"hold", no_argument, NULL, 'h'},
						{0}};
	size_t count = 0;
	int option, r = CLI_OK;

	while (r == CLI_OK && (option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
		if (option == 'n') {
			run->has_node = true;
			r = cli_parse_node_or_auto(optarg, &run->node);
		} else if (option == 'e')
			r = add_environment(run, &count, optarg);
		else if (option == 'd')
			run->is_detached = true;
		else if (option == 'h')
			run->is_held = true;
		else
			r = cli_option_refused(option, argv);
	}
	if (r == CLI_OK && optind >= argc)
		r = cli_usage("`run` needs the path of a static Linux program.");
	run->arguments = argv + optind;
	return r;
}

int cli_run(int argc, char **argv)
{
	struct run run = {0};
	kern_return_t result = KERN_SUCCESS;
	task_t task;
	int r = parse(argc, argv, &run);

	if (r == CLI_OK)
		r = cli_connect();
	if (r != CLI_OK)
		return r;
	if (!run.is_detached)
		attach_prepare(ATTACH_OWNER);
	if (!run.has_node)
		result = norma_node_self(mach_host_self(), &run.node);
	if (result == KERN_SUCCESS)
		result = (run.is_held ? norma_run_held : norma_run)(
		    run.arguments[0], run.arguments, run.environment, run.node, &task);
	if (result != KERN_SUCCESS)
		return cli_call_failed(result, "run %s", run.arguments[0]);
	if (!run.is_detached)
		return attach_follow(task, ATTACH_OWNER);
	printf(CLI_TASK_FORMAT "\n", task);
	return CLI_OK;
}
