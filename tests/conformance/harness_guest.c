/*
 * The harness of a program that is itself a task: the first task is the program.
 */
#include "harness.h"

#include "mach/call.h"

#define LIST_ROOM_BYTES (60u * 1024u)
#define LIST_MAX_ROWS	512u

const char harness_name[] = "guest";

task_t harness_begin(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return mach_task_self();
}

void harness_end(void)
{
}

/* Mach has no such call, so guests have no stub for it; the message is the client's. */
kern_return_t harness_task_count(int node, unsigned int *ret_count)
{
	static uint8_t bytes[LIST_ROOM_BYTES];
	static struct task_row rows[LIST_MAX_ROWS];
	const struct mach_room room = {
	    .bytes = bytes,
	    .capacity = sizeof(bytes),
	    .scratch = rows,
	    .scratch_bytes = sizeof(rows),
	};
	struct norma_task_list_request request = {.node = node};
	struct norma_task_list_reply reply;
	kern_return_t result = mach_call_norma_task_list(&room, &request, &reply);

	if (result != KERN_SUCCESS)
		return result;
	*ret_count = 0;
	for (unsigned int i = 0; i < reply.tasks_count; i++)
		*ret_count += reply.tasks[i].state == TASK_STATE_RUNNING;
	return KERN_SUCCESS;
}

kern_return_t harness_invalidations(int node, uint64_t *ret_count)
{
	struct norma_pager_statistics_request request = {.node = node};
	struct norma_pager_statistics_reply reply;
	kern_return_t result = MACH_CALL_SMALL(norma_pager_statistics, &request, &reply);

	if (result == KERN_SUCCESS)
		*ret_count = reply.invalidations;
	return result;
}
