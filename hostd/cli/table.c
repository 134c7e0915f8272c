/*
 * Lists by libsmartcols.
 */
#include "table.h"

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

#define TABLE_MAX_COLUMNS 32

struct table {
	struct libscols_table *scols;
	const struct table_column *columns;
	int error; /* the first that happened, 0 or -errno */
};

int table_options_wide(int argc, char **argv, enum table_format *ret_format, bool *ret_is_wide)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'}, {"wide", no_argument, NULL, 'w'}, {0}};
	static const struct option no_wide[] = {{"json", no_argument, NULL, 'j'}, {0}};
	int option;

	*ret_format = TABLE_PLAIN;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":", ret_is_wide ? options : no_wide, NULL)) !=
	       -1) {
		if (option == 'w' && ret_is_wide)
			*ret_is_wide = true;
		else if (option == 'j')
			*ret_format = TABLE_JSON;
		else
			return cli_option_refused(option, argv);
	}
	return CLI_OK;
}

int table_options(int argc, char **argv, enum table_format *ret_format)
{
	return table_options_wide(argc, argv, ret_format, NULL);
}

const char *table_bytes(uint64_t bytes, enum table_format format, char *text, size_t capacity)
{
	static const char units[] = "BKMGTPE";
	double number = (double)bytes;
	int unit = 0;

	if (format == TABLE_JSON) {
		snprintf(text, capacity, "%" PRIu64, bytes);
		return text;
	}
	while (number >= 1024 && units[unit + 1]) {
		number /= 1024;
		unit++;
	}
	snprintf(text, capacity, "%.*f%c", unit && number < 10 ? 1 : 0, number, units[unit]);
	return text;
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
		if (column - columns == TABLE_MAX_COLUMNS ||
		    add_column(table, column, format) < 0) {
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

void table_cells(struct table *table, const char *const *cells)
{
	struct libscols_line *line = scols_table_new_line(table->scols, NULL);

	if (!line)
		table->error = -1;
	for (size_t i = 0; line && table->columns[i].name; i++)
		if (scols_line_set_data(line, i, cells[i]) < 0)
			table->error = -1;
}

void table_row(struct table *table, ...)
{
	const char *cells[TABLE_MAX_COLUMNS];
	va_list arguments;

	va_start(arguments, table);
	for (size_t i = 0; table->columns[i].name; i++)
		cells[i] = va_arg(arguments, const char *);
	va_end(arguments);
	table_cells(table, cells);
}

/* libsmartcols prints nothing at all of a table without lines, but in JSON. */
static void print_headings(const struct table *table)
{
	for (const struct table_column *column = table->columns; column->name; column++)
		printf("%s%s", column->name, column[1].name ? " " : "\n");
}

int table_print(struct table *table)
{
	if (table->error < 0 || scols_print_table(table->scols) < 0)
		return cli_error("there is no memory for the list.");
	if (scols_table_get_nlines(table->scols) == 0 && !scols_table_is_json(table->scols))
		print_headings(table);
	return fflush(stdout) == 0 ? CLI_OK : cli_error("cannot write the list: %m.");
}
