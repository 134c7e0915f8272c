/*
 * norma nodes: the hosts that this host's daemon knows.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "client/norma.h"
#include "table.h"

static const char *state_name(enum norma_node_state state)
{
	switch (state) {
	case NORMA_NODE_SELF:
		return "self";
	case NORMA_NODE_UP:
		return "up";
	case NORMA_NODE_DOWN:
		return "down";
	case NORMA_NODE_UNKNOWN:
		return "not tried";
	}
	return "?";
}

int cli_nodes(int argc, char **argv)
{
	static const struct table_column columns[] = {
	    {"NODE", TABLE_NUMBER},  {"STATE", TABLE_TEXT},   {"TASKS", TABLE_NUMBER},
	    {"ADDRESS", TABLE_TEXT}, {NULL, TABLE_NUM_KINDS},
	};
	struct norma_node_row *rows;
	enum table_format format;
	struct table *table;
	kern_return_t result;
	size_t count;
	int r = table_options(argc, argv, &format);

	if (r == CLI_OK)
		r = cli_connect();
	if (r != CLI_OK)
		return r;
	result = norma_node_list(&rows, &count);
	if (result != KERN_SUCCESS)
		return cli_call_failed(result, "list the hosts");
	table = table_new(columns, "nodes", format);
	for (size_t i = 0; table && i < count; i++) {
		char node[16], tasks[16];

		snprintf(node, sizeof(node), "%d", rows[i].node);
		snprintf(tasks, sizeof(tasks), "%u", rows[i].tasks);
		table_row(table, node, state_name(rows[i].state), tasks, rows[i].address);
	}
	free(rows);
	r = table ? table_print(table) : cli_error("there is no memory for the list.");
	table_free(table);
	return r;
}
