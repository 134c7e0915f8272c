/*
 * The harness of a client: the first task is a program that waits for input, run on the node that
 * the second argument names (this host's when there is none).
 *
 *   PROGRAM IMAGE [NODE ...]      IMAGE: a static program that waits on standard input
 */
#include "harness.h"

#include <norma.h>
#include <stdio.h>
#include <stdlib.h>

const char harness_name[] = "client";

static task_t first_task;

static void fail(const char *what)
{
	fprintf(stderr, "conformance: %s: %s\n", what, norma_last_error());
	exit(1);
}

task_t harness_begin(int argc, char **argv)
{
	char *arguments[] = {"cat", NULL};
	int node = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: %s IMAGE [NODE ...]\n", argv[0]);
		exit(2);
	}
	if (norma_connect(NULL))
		fail("connecting");
	if (argc > 2)
		node = atoi(argv[2]);
	else if (norma_node_self(mach_host_self(), &node) != KERN_SUCCESS)
		fail("norma_node_self");
	if (norma_run(argv[1], arguments, NULL, node, &first_task) != KERN_SUCCESS)
		fail("running the first task");
	return first_task;
}

void harness_end(void)
{
	task_terminate(first_task);
	norma_disconnect();
}

kern_return_t harness_task_count(int node, unsigned int *ret_count)
{
	struct norma_task_row *rows;
	size_t count;
	kern_return_t result = norma_task_list(node, &rows, &count);

	if (result != KERN_SUCCESS)
		return result;
	*ret_count = 0;
	for (size_t i = 0; i < count; i++)
		*ret_count += rows[i].state == NORMA_TASK_RUNNING;
	free(rows);
	return KERN_SUCCESS;
}

kern_return_t harness_invalidations(int node, uint64_t *ret_count)
{
	struct norma_pager_statistics statistics;
	kern_return_t result = norma_pager_statistics(node, &statistics);

	if (result == KERN_SUCCESS)
		*ret_count = statistics.invalidations;
	return result;
}
