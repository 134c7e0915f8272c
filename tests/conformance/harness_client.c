/*
 * The harness of a client: the first task is a program that waits for input, run on the node that
 * the second argument names (this host's when there is none).
 *
 *   PROGRAM IMAGE [NODE]      IMAGE: a static program that waits on standard input
 */
#include "harness.h"

#include <norma.h>
#include <stdio.h>
#include <stdlib.h>

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
		fprintf(stderr, "usage: %s IMAGE [NODE]\n", argv[0]);
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
