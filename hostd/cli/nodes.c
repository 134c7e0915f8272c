/*
 * norma nodes: the hosts that this host's daemon knows, and what each says of itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "client/norma.h"
#include "table.h"

#define CELL_BYTES 192

struct node_cell {
	char text[CELL_BYTES];
	enum table_format format;
};

/* A column: whether only --wide and --json have it, and how its cell is written. */
struct node_column {
	struct table_column column;
	enum { EVERYWHERE, WIDE } place;
	enum { OF_THE_TABLE, OF_THE_HOST } source; /* what a host says that does not answer */
	void (*write)(const struct norma_node_row *row, struct node_cell *cell);
};

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

static const char *libvirt_name(enum norma_libvirt_state state)
{
	switch (state) {
	case NORMA_LIBVIRT_OFF:
		return "off";
	case NORMA_LIBVIRT_ABSENT:
		return "absent";
	case NORMA_LIBVIRT_DOWN:
		return "down";
	case NORMA_LIBVIRT_UP:
		return "up";
	}
	return "?";
}

static const char *compatible_name(enum norma_cpu_compatibility compatible)
{
	switch (compatible) {
	case NORMA_CPU_UNKNOWN:
		return "unknown";
	case NORMA_CPU_COMPATIBLE:
		return "yes";
	case NORMA_CPU_INCOMPATIBLE:
		return "no";
	}
	return "?";
}

#define CELL_TEXT(name, format, ...)                                                               \
	static void write_##name(const struct norma_node_row *row, struct node_cell *cell)         \
	{                                                                                          \
		snprintf(cell->text, sizeof(cell->text), format, __VA_ARGS__);                     \
	}
#define CELL_BYTES_OF(name)                                                                        \
	static void write_##name(const struct norma_node_row *row, struct node_cell *cell)         \
	{                                                                                          \
		table_bytes(row->name, cell->format, cell->text, sizeof(cell->text));              \
	}

CELL_TEXT(node, "%d", row->node)
CELL_TEXT(state, "%s", state_name(row->state))
CELL_TEXT(address, "%s", row->address)
CELL_TEXT(tasks, "%u", row->tasks)
CELL_TEXT(cores, "%u", row->cpus)
CELL_TEXT(load, "%u.%02u", row->load_hundredths / 100, row->load_hundredths % 100)
CELL_TEXT(busy, "%u.%u", row->busy_permille / 10, row->busy_permille % 10)
CELL_TEXT(cells, "%u", row->cells)
CELL_TEXT(cells_add_up, "%s", row->cells_add_up ? "yes" : "no")
CELL_TEXT(guests, "%u", row->guests)
CELL_TEXT(guest_cpus, "%u", row->guest_cpus)
CELL_TEXT(compatible, "%s", compatible_name(row->cpu_compatible))
CELL_TEXT(cpu, "%s", row->cpu_model)
CELL_TEXT(vendor, "%s", row->cpu_vendor)
CELL_TEXT(cpu_name, "%s", row->cpu_name)
CELL_TEXT(libvirt, "%s", libvirt_name(row->libvirt))
CELL_TEXT(why, "%s", row->libvirt_why)
CELL_BYTES_OF(memory_bytes)
CELL_BYTES_OF(available_bytes)
CELL_BYTES_OF(huge_bytes)
CELL_BYTES_OF(huge_free_bytes)
CELL_BYTES_OF(guests_memory_bytes)
CELL_BYTES_OF(guests_resident_bytes)

/* No limit is not a limit of 0. */
static void write_of_limit(const struct norma_node_row *row, uint64_t bytes, struct node_cell *cell)
{
	if (row->limit_bytes || cell->format == TABLE_JSON)
		table_bytes(bytes, cell->format, cell->text, sizeof(cell->text));
	else
		snprintf(cell->text, sizeof(cell->text), "-");
}

static void write_limit(const struct norma_node_row *row, struct node_cell *cell)
{
	write_of_limit(row, row->limit_bytes, cell);
}

static void write_limit_left(const struct norma_node_row *row, struct node_cell *cell)
{
	write_of_limit(row, row->limit_left_bytes, cell);
}

static const struct node_column node_columns[] = {
    {{"NODE", TABLE_NUMBER}, EVERYWHERE, OF_THE_TABLE, write_node},
    {{"STATE", TABLE_TEXT}, EVERYWHERE, OF_THE_TABLE, write_state},
    {{"TASKS", TABLE_NUMBER}, EVERYWHERE, OF_THE_HOST, write_tasks},
    {{"ADDRESS", TABLE_TEXT}, EVERYWHERE, OF_THE_TABLE, write_address},
    {{"CORES", TABLE_NUMBER}, EVERYWHERE, OF_THE_HOST, write_cores},
    {{"LOAD", TABLE_NUMBER}, EVERYWHERE, OF_THE_HOST, write_load},
    {{"BUSY", TABLE_NUMBER}, WIDE, OF_THE_HOST, write_busy},
    {{"MEMORY", TABLE_NUMBER}, WIDE, OF_THE_HOST, write_memory_bytes},
    {{"AVAILABLE", TABLE_NUMBER}, EVERYWHERE, OF_THE_HOST, write_available_bytes},
    {{"LIMIT", TABLE_NUMBER}, WIDE, OF_THE_HOST, write_limit},
    {{"LIMIT_LEFT", TABLE_NUMBER}, WIDE, OF_THE_HOST, write_limit_left},
    {{"CELLS", TABLE_NUMBER}, WIDE, OF_THE_HOST, write_cells},
    {{"ADD_UP", TABLE_TEXT}, WIDE, OF_THE_HOST, write_cells_add_up},
    {{"HUGE", TABLE_NUMBER}, WIDE, OF_THE_HOST, write_huge_bytes},
    {{"HUGE_FREE", TABLE_NUMBER}, EVERYWHERE, OF_THE_HOST, write_huge_free_bytes},
    {{"GUESTS", TABLE_NUMBER}, EVERYWHERE, OF_THE_HOST, write_guests},
    {{"GUEST_CPUS", TABLE_NUMBER}, WIDE, OF_THE_HOST, write_guest_cpus},
    {{"GUEST_MEMORY", TABLE_NUMBER}, WIDE, OF_THE_HOST, write_guests_memory_bytes},
    {{"GUEST_RESIDENT", TABLE_NUMBER}, WIDE, OF_THE_HOST, write_guests_resident_bytes},
    {{"COMPATIBLE", TABLE_TEXT}, EVERYWHERE, OF_THE_HOST, write_compatible},
    {{"CPU", TABLE_TEXT}, EVERYWHERE, OF_THE_HOST, write_cpu},
    {{"VENDOR", TABLE_TEXT}, WIDE, OF_THE_HOST, write_vendor},
    {{"CPU_NAME", TABLE_TEXT}, WIDE, OF_THE_HOST, write_cpu_name},
    {{"LIBVIRT", TABLE_TEXT}, EVERYWHERE, OF_THE_HOST, write_libvirt},
    {{"WHY", TABLE_TEXT}, EVERYWHERE, OF_THE_HOST, write_why},
};
#define NODE_COLUMNS (sizeof(node_columns) / sizeof(node_columns[0]))

/* The columns that are shown, and the table's own list of them. */
struct shown {
	const struct node_column *columns[NODE_COLUMNS];
	struct table_column list[NODE_COLUMNS + 1];
	size_t count;
	enum table_format format;
};

static void choose_columns(struct shown *shown, bool is_wide)
{
	for (size_t i = 0; i < NODE_COLUMNS; i++) {
		if (node_columns[i].place == WIDE && !is_wide && shown->format != TABLE_JSON)
			continue;
		shown->columns[shown->count] = &node_columns[i];
		shown->list[shown->count++] = node_columns[i].column;
	}
	shown->list[shown->count] = (struct table_column){NULL, TABLE_NUM_KINDS};
}

static void add_row(struct table *table, const struct shown *shown,
		    const struct norma_node_row *row)
{
	bool answers = row->state == NORMA_NODE_SELF || row->state == NORMA_NODE_UP;
	struct node_cell cells[NODE_COLUMNS];
	const char *texts[NODE_COLUMNS];

	for (size_t i = 0; i < shown->count; i++) {
		cells[i].format = shown->format;
		texts[i] = cells[i].text;
		if (answers || shown->columns[i]->source == OF_THE_TABLE)
			shown->columns[i]->write(row, &cells[i]);
		else
			texts[i] = shown->format == TABLE_JSON ? NULL : "-";
	}
	table_cells(table, texts);
}

int cli_nodes(int argc, char **argv)
{
	struct shown shown = {0};
	struct norma_node_row *rows;
	bool is_wide = false;
	struct table *table;
	kern_return_t result;
	size_t count;
	int r = table_options_wide(argc, argv, &shown.format, &is_wide);

	if (r == CLI_OK)
		r = cli_connect();
	if (r != CLI_OK)
		return r;
	result = norma_node_list(&rows, &count);
	if (result != KERN_SUCCESS)
		return cli_call_failed(result, "list the hosts");
	choose_columns(&shown, is_wide);
	table = table_new(shown.list, "nodes", shown.format);
	for (size_t i = 0; table && i < count; i++)
		add_row(table, &shown, &rows[i]);
	free(rows);
	r = table ? table_print(table) : cli_error("there is no memory for the list.");
	table_free(table);
	return r;
}
