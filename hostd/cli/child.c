/*
 * norma clone and norma create: children of a running task, on any host.
 */
#include <getopt.h>
#include <stdio.h>

#include "cli.h"
#include "client/norma.h"

#define NODE_TEXT_BYTES 24

static int parse(int argc, char **argv, task_t *ret_task, int *ret_node)
{
	static const struct option options[] = {{"node", required_argument, NULL, 'n'}, {0}};
	const char *node = NULL;
	int option, r;

	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (option != 'n')
			return cli_option_refused(option, argv);
		node = optarg;
	}
	if (optind + 1 != argc || !node)
		return cli_usage("`%s` takes the name of one task, and --node N or auto.", argv[0]);
	r = cli_parse_task(argv[optind], ret_task);
	return r == CLI_OK ? cli_parse_node_or_auto(node, ret_node) : r;
}

/* For messages. Return: `text`. */
static const char *node_text(int node, char text[NODE_TEXT_BYTES])
{
	if (node == NORMA_NODE_AUTO)
		snprintf(text, NODE_TEXT_BYTES, "on any node");
	else
		snprintf(text, NODE_TEXT_BYTES, "on node %d", node);
	return text;
}

typedef kern_return_t child_call(task_t parent, boolean_t inherit_memory, int node, task_t *child);

static int make_child(int argc, char **argv, child_call *call, const char *doing)
{
	kern_return_t result;
	char where[NODE_TEXT_BYTES];
	task_t task, child;
	int node, r = parse(argc, argv, &task, &node);

	if (r == CLI_OK)
		r = cli_connect();
	if (r != CLI_OK)
		return r;
	result = call(task, TRUE, node, &child);
	if (result != KERN_SUCCESS)
		return cli_call_failed(result, "%s " CLI_TASK_FORMAT " %s", doing, task,
				       node_text(node, where));
	printf(CLI_TASK_FORMAT "\n", child);
	return CLI_OK;
}

int cli_clone(int argc, char **argv)
{
	return make_child(argc, argv, norma_task_clone, "clone");
}

int cli_create(int argc, char **argv)
{
	return make_child(argc, argv, norma_task_create, "create a child of");
}
