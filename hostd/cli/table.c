/*
 * Lists by libsmartcols.
 */
#include "table.h"

#include <ctype.h>
#include <getopt.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

struct table {
	struct libscols_table *scols;
	const struct table_column *columns;
	int error; /* the first that happened, 0 or -errno */
};

int table_options(int argc, char **argv, enum table_format *ret_format)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	int option;

	*ret_format = TABLE_PLAIN;
	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'j')
			return CLI_USAGE;
		*ret_format = TABLE_JSON;
	}
	return CLI_OK;
}

/* JSON names are in lower case, table headings in upper case. */
static int add_column(struct table *table, const struct table_column *column,
		      enum table_format format)
{
	int flags = column->kind == TABLE_NUMBER ? SCOLS_FL_RIGHT : 0;
	struct libscols_column *added;
	char name[32];
	size_t i;

	for (i = 0; column->name[i] && i + 1 < sizeof(name); i++)
		name[i] = format == TABLE_JSON ? (char)tolower(column->name[i]) : column->name[i];
	name[i] = '\0';
	added = scols_table_new_column(table->scols, name, 0, flags);
	if (!added)
		return -1;
	if (column->kind == TABLE_NUMBER)
		return scols_column_set_json_type(added, SCOLS_JSON_NUMBER);
	return 0;
}

struct table *table_new(const struct table_column *columns, const char *name,
			enum table_format format)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = columns;
	table->scols = scols_new_table();
	if (!table->scols || scols_table_set_name(table->scols, name) < 0) {
		table_free(table);
		return NULL;
	}
	scols_table_enable_json(table->scols, format == TABLE_JSON);
	/* Lines are as long as they are: nothing is cut to the width of a terminal. */
	scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_NEVER);
	for (const struct table_column *column = columns; column->name; column++) {
		if (add_column(table, column, format) < 0) {
			table_free(table);
			return NULL;
		}
	}
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	scols_unref_table(table->scols);
	free(table);
}

void table_row(struct table *table, ...)
{
	struct libscols_line *line = scols_table_new_line(table->scols, NULL);
	va_list cells;

	if (!line) {
		table->error = -1;
		return;
	}
	va_start(cells, table);
	for (size_t i = 0; table->columns[i].name; i++) {
		if (scols_line_set_data(line, i, va_arg(cells, const char *)) < 0)
			table->error = -1;
	}
	va_end(cells);
}

int table_print(struct table *table)
{
	if (table->error < 0 || scols_print_table(table->scols) < 0)
		return cli_error("there is no memory for the list.");
	return fflush(stdout) == 0 ? CLI_OK : cli_error("cannot write the list: %m.");
}
