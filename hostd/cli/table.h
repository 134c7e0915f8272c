/*
 * Lists on standard output: aligned columns for people, or JSON for programs (--json), both from
 * the same rows.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_format { TABLE_PLAIN, TABLE_JSON };

enum table_kind {
	TABLE_TEXT,
	TABLE_NUMBER, /* right-aligned; a number in JSON */
	TABLE_NUM_KINDS,
};

struct table_column {
	const char *name; /* NULL ends the list */
	enum table_kind kind;
};

struct table;

/*
 * Reads the options of a subcommand that prints a list: --json, and --wide unless ret_is_wide is
 * NULL; optind is left at the first argument. Return: CLI_OK or CLI_USAGE.
 */
int table_options_wide(int argc, char **argv, enum table_format *ret_format, bool *ret_is_wide);
int table_options(int argc, char **argv, enum table_format *ret_format);

/* `columns` must outlive the table; `name` is the list's name in JSON. Return: NULL without memory.
 */
struct table *table_new(const struct table_column *columns, const char *name,
			enum table_format format);
void table_free(struct table *table);
/* Adds a row: one const char * for each column, copied. */
void table_row(struct table *table, ...);
/* The same with cells[] of all columns; NULL is an empty cell, null in JSON. */
void table_cells(struct table *table, const char *const *cells);
/* 1234567890 bytes as "1.1G"; in JSON the number. Return: text. */
const char *table_bytes(uint64_t bytes, enum table_format format, char *text, size_t capacity);
/* Prints all rows. Return: CLI_OK, or CLI_ERROR after a sentence when a row was lost. */
int table_print(struct table *table);
#endif
