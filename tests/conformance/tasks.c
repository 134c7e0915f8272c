/*
 * The tasks of a case: all are ended when it ends.
 */
#include "conformance.h"
#include "harness.h"

#define MAX_TASKS 64u

static task_t kept[MAX_TASKS];
static unsigned int kept_count;

task_t task_keep(task_t task)
{
	if (kept_count == MAX_TASKS) {
		task_terminate(task);
		wrong("the case makes more than %u tasks", MAX_TASKS);
	}
	kept[kept_count++] = task;
	return task;
}

/* Last first: children before their parents. Those that the case has ended refuse. */
void tasks_end_all(void)
{
	while (kept_count)
		task_terminate(kept[--kept_count]);
}

task_t task_new(void)
{
	task_t task = TASK_NULL;

	OK(norma_task_create(world.first, FALSE, world.here, &task));
	return task_keep(task);
}

task_t task_with_pages(vm_size_t pages)
{
	task_t task = task_new();

	region_make(task, R, pages);
	pages_fill(task, R, pages, 1);
	return task;
}

task_t task_fork(task_t parent)
{
	task_t child = TASK_NULL;

	OK(task_create(parent, NULL, 0, TRUE, &child));
	return task_keep(child);
}

task_t task_clone(task_t parent, int node)
{
	task_t child = TASK_NULL;

	OK(norma_task_clone(parent, TRUE, node, &child));
	return task_keep(child);
}

task_t task_ncreate(task_t parent, int node)
{
	task_t child = TASK_NULL;

	OK(norma_task_create(parent, TRUE, node, &child));
	return task_keep(child);
}

void task_end(task_t task)
{
	OK(task_terminate(task));
}

struct task_basic_info task_facts(task_t task)
{
	struct task_basic_info info;
	mach_msg_type_number_t count = TASK_BASIC_INFO_COUNT;

	OK(task_info(task, TASK_BASIC_INFO, (task_info_t)&info, &count));
	return info;
}

unsigned int tasks_of_all_nodes(void)
{
	unsigned int sum = 0;

	for (int node = 0; node < world.nodes; node++) {
		unsigned int count;

		OK(harness_task_count(node, &count));
		sum += count;
	}
	return sum;
}
