/*
 * The table: an array by serial, and two lists. Serials are given out in a circle, so one comes
 * back only after all others were used.
 */
#include "tasks.h"

#include <errno.h>
#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hostd.h"
#include "placement/cell.h"

int task_table_init(struct task_table *table, struct hostd *hostd, int node)
{
	*table = (struct task_table){.hostd = hostd, .node = node};
	TAILQ_INIT(&table->live);
	TAILQ_INIT(&table->ended);
	table->by_serial = calloc(NAME_MAX_SERIAL + 1, sizeof(*table->by_serial));
	return table->by_serial ? 0 : -ENOMEM;
}

void task_table_done(struct task_table *table)
{
	struct task *task;

	if (!table->by_serial)
		return;
	while ((task = TAILQ_FIRST(&table->ended)) || (task = TAILQ_FIRST(&table->live)))
		task_forget(task);
	free(table->by_serial);
	table->by_serial = NULL;
}

static unsigned int tasks_of_user(const struct task_table *table, uint32_t uid)
{
	const struct task *task;
	unsigned int count = 0;

	TAILQ_FOREACH (task, &table->live, entry)
		count += task->owner_uid == uid;
	return count;
}

/* Serial 0 is never used: a task's name is then never all zeros behind its node. */
static uint32_t next_serial(struct task_table *table)
{
	for (uint32_t tries = 0; tries < NAME_MAX_SERIAL; tries++) {
		table->last_serial = table->last_serial % NAME_MAX_SERIAL + 1;
		if (!table->by_serial[table->last_serial])
			return table->last_serial;
	}
	return 0;
}

static int32_t check_limits(const struct task_table *table, uint32_t uid,
			    char error[MESSAGE_MAX_TEXT])
{
	const struct config *config = &table->hostd->config;

	if (table->live_count >= config->tasks) {
		snprintf(error, MESSAGE_MAX_TEXT,
			 "node %d has %u tasks, which is its limit ([limits] tasks)", table->node,
			 table->live_count);
		return KERN_RESOURCE_SHORTAGE;
	}
	if (uid != 0 && tasks_of_user(table, uid) >= config->tasks_per_user) {
		snprintf(error, MESSAGE_MAX_TEXT,
			 "user %u has %lld tasks on node %d, which is the limit ([limits] "
			 "tasks_per_user)",
			 uid, (long long)config->tasks_per_user, table->node);
		return KERN_RESOURCE_SHORTAGE;
	}
	return KERN_SUCCESS;
}

int32_t task_new(struct task_table *table, const struct task_setup *setup, struct task **ret_task,
		 char error[MESSAGE_MAX_TEXT])
{
	int32_t result = check_limits(table, setup->owner_uid, error);
	uint32_t serial;
	struct task *task;

	if (result)
		return result;
	serial = next_serial(table);
	task = serial ? calloc(1, sizeof(*task)) : NULL;
	if (!task) {
		snprintf(error, MESSAGE_MAX_TEXT, "node %d has no memory for another task",
			 table->node);
		return KERN_RESOURCE_SHORTAGE;
	}
	task->hostd = table->hostd;
	task->name = name_of_task(table->node, serial);
	task->parent = setup->parent;
	task->memory_cell = PLACEMENT_CELL_ANY;
	task->owner_uid = setup->owner_uid;
	task->state = setup->state;
	task->properties = *setup->properties;
	task->cpu = setup->take_cpu;
	task->kernel_port = task->name;
	task->created_ns = clock_now_ns();
	snprintf(task->image, sizeof(task->image), "%s", setup->image);
	LIST_INIT(&task->waiters);
	TAILQ_INIT(&task->outputs);
	LIST_INIT(&task->reads);
	LIST_INIT(&task->attachments);
	TAILQ_INIT(&task->exports);
	TAILQ_INIT(&task->changes);
	console_init(&task->console, (size_t)table->hostd->config.console_bytes);
	table->by_serial[serial] = task;
	TAILQ_INSERT_TAIL(&table->live, task, entry);
	table->live_count++;
	*ret_task = task;
	return KERN_SUCCESS;
}

void task_forget(struct task *task)
{
	struct task_table *table = &task->hostd->tasks;

	room_release(task);
	if (task->phase == TASK_ENDED) {
		TAILQ_REMOVE(&table->ended, task, entry);
		table->ended_count--;
		table->ended_console_bytes -= console_used(&task->console);
	} else {
		TAILQ_REMOVE(&table->live, task, entry);
		table->live_count--;
	}
	table->by_serial[name_serial(task->name)] = NULL;
	console_done(&task->console);
	cpu_identity_put(task->cpu);
	free(task);
}

/* Old consoles go before old entries: most of them are small, a few are not. */
static void trim_consoles(struct task_table *table)
{
	struct task *task;

	TAILQ_FOREACH (task, &table->ended, entry) {
		if (table->ended_console_bytes <= TASKS_ENDED_CONSOLE_BYTES)
			return;
		table->ended_console_bytes -= console_used(&task->console);
		console_drop(&task->console);
	}
}

void task_retire(struct task *task)
{
	struct task_table *table = &task->hostd->tasks;

	room_release(task);
	TAILQ_REMOVE(&table->live, task, entry);
	table->live_count--;
	task->phase = TASK_ENDED;
	console_seal(&task->console);
	/* Nothing is cloned from it any more. */
	cpu_identity_put(task->cpu);
	task->cpu = NULL;
	TAILQ_INSERT_TAIL(&table->ended, task, entry);
	table->ended_console_bytes += console_used(&task->console);
	trim_consoles(table);
	if (++table->ended_count > TASKS_ENDED_MAX)
		task_forget(TAILQ_FIRST(&table->ended));
}

bool task_is_reachable(const struct task *task)
{
	return task->phase == TASK_ALIVE && task->vmm->channel;
}

struct task *tasks_find(const struct task_table *table, uint32_t name)
{
	struct task *task;

	if (name_kind(name) != NAME_TASK || name_node(name) != table->node)
		return NULL;
	task = table->by_serial[name_serial(name)];
	return task && task->name == name ? task : NULL;
}
