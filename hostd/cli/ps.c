/*
 * norma ps: the tasks of all hosts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "client/norma.h"
#include "table.h"

static const char *state_name(enum norma_task_state state)
{
	switch (state) {
	case NORMA_TASK_RUNNING:
		return "running";
	case NORMA_TASK_EXITED:
		return "exited";
	case NORMA_TASK_EXCEPTION:
		return "exception";
	case NORMA_TASK_KILLED:
		return "killed";
	case NORMA_TASK_LOADING:
		return "loading";
	}
	return "?";
}

static void format_age(uint64_t age_ms, char *text, size_t capacity)
{
	uint64_t seconds = age_ms / 1000;

	if (seconds < 60)
		snprintf(text, capacity, "%" PRIu64 ".%" PRIu64 "s", seconds, age_ms % 1000 / 100);
	else if (seconds < 3600)
		snprintf(text, capacity, "%" PRIu64 "m%02" PRIu64 "s", seconds / 60, seconds % 60);
	else
		snprintf(text, capacity, "%" PRIu64 "h%02" PRIu64 "m", seconds / 3600,
			 seconds / 60 % 60);
}

static void add_task(struct table *table, enum table_format format, int node,
		     const struct norma_task_row *row)
{
	char task[16], on[16], parent[16] = "-", uid[16], threads[16], memory[24], age[24], pid[16];

	snprintf(task, sizeof(task), CLI_TASK_FORMAT, row->task);
	snprintf(on, sizeof(on), "%d", node);
	if (row->parent != TASK_NULL)
		snprintf(parent, sizeof(parent), CLI_TASK_FORMAT, row->parent);
	snprintf(uid, sizeof(uid), "%u", row->owner_uid);
	snprintf(threads, sizeof(threads), "%u", row->threads);
	snprintf(pid, sizeof(pid), "%u", row->vmm_pid);
	table_bytes(row->virtual_bytes, format, memory, sizeof(memory));
	if (format == TABLE_JSON)
		snprintf(age, sizeof(age), "%" PRIu64, row->age_ms);
	else
		format_age(row->age_ms, age, sizeof(age));
	table_row(table, task, on, parent, uid, state_name(row->state), threads, memory, age, pid,
		  row->image);
}

static int add_node(struct table *table, enum table_format format, int node)
{
	struct norma_task_row *rows;
	size_t count;
	kern_return_t result = norma_task_list(node, &rows, &count);

	if (result != KERN_SUCCESS)
		return cli_call_failed(result, "list the tasks of node %d", node);
	for (size_t i = 0; i < count; i++)
		add_task(table, format, node, &rows[i]);
	free(rows);
	return CLI_OK;
}

/* A host that does not answer is said, and the others are listed all the same. */
static int list_tasks(struct table *table, enum table_format format)
{
	struct norma_node_row *nodes;
	size_t count;
	kern_return_t result = norma_node_list(&nodes, &count);
	int listed = CLI_OK, printed;

	if (result != KERN_SUCCESS)
		return cli_call_failed(result, "list the hosts");
	for (size_t i = 0; i < count; i++) {
		if (add_node(table, format, nodes[i].node) != CLI_OK)
			listed = CLI_ERROR;
	}
	free(nodes);
	printed = table_print(table);
	return printed != CLI_OK ? printed : listed;
}

int cli_ps(int argc, char **argv)
{
	static const struct table_column columns[] = {
	    {"TASK", TABLE_TEXT},     {"NODE", TABLE_NUMBER},  {"PARENT", TABLE_TEXT},
	    {"UID", TABLE_NUMBER},    {"STATE", TABLE_TEXT},   {"THREADS", TABLE_NUMBER},
	    {"MEMORY", TABLE_NUMBER}, {"AGE", TABLE_NUMBER},   {"PID", TABLE_NUMBER},
	    {"IMAGE", TABLE_TEXT},    {NULL, TABLE_NUM_KINDS},
	};
	enum table_format format;
	struct table *table;
	int r = table_options(argc, argv, &format);

	if (r == CLI_OK)
		r = cli_connect();
	if (r != CLI_OK)
		return r;
	table = table_new(columns, "tasks", format);
	if (!table)
		return cli_error("there is no memory for the list.");
	r = list_tasks(table, format);
	table_free(table);
	return r;
}
