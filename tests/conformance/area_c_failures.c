/*
 * Section C: a host dies while tasks are cloned to it. The driver ends the host's daemon when it
 * reads that cloning has begun; the host is the last one of the table.
 */
#include "conformance.h"

#define SECONDS 60u

/* Return: what the clone that failed returned. */
static kern_return_t clone_until_refused(task_t t, int node)
{
	uint64_t start = 0;

	while (in_time(&start, SECONDS)) {
		task_t c = TASK_NULL;
		kern_return_t result = norma_task_clone(t, TRUE, node, &c);

		if (result != KERN_SUCCESS)
			return result;
		task_terminate(c);
	}
	wrong("clones to the dying host succeeded for %u s", SECONDS);
}

static void case_101(void)
{
	task_t t = task_with_pages(16);
	kern_return_t result;

	pages_fill(t, R, 16, 1);
	remark("case 101 clones to node %d", world.nodes - 1);
	result = clone_until_refused(t, world.nodes - 1);
	if (result != KERN_NODE_DOWN && result != KERN_OPERATION_TIMED_OUT)
		wrong("norma_task_clone returned %d (%s), expected KERN_NODE_DOWN or a time-out",
		      result, mach_error_string(result));
	pages_are(t, R, 16, 1);
	code_do(t, CODE(store), R, 7);
	word_is(t, R, 7);
	is_shared(t, task_clone(t, world.there), R + P);
}

const struct conformance_case area_c_failures[] = {
    {101, "the host dies during a clone: an error, no child, the parent lives", case_101},
    {0, NULL, NULL},
};
