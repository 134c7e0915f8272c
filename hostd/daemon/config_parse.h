/*
 * Reading the configuration, between its file (config.c) and its keys (config_keys.c). Internal.
 */
#ifndef DAEMON_CONFIG_PARSE_H
#define DAEMON_CONFIG_PARSE_H

#include <stdio.h>

#include "config.h"

#define CONFIG_LINE_BYTES 190 /* below inih's 200 with its newline and NUL */

/* More than there are keys. */
#define CONFIG_MAX_KEYS 64u

struct parse {
	struct config *config;
	FILE *file;
	const char *path;
	char *error;	   /* CONFIG_ERROR_BYTES; empty while all is well */
	unsigned int line; /* of the line that inih works on */
	bool key_seen[CONFIG_MAX_KEYS];
};

/* Notes the first thing that is wrong, with its place. */
__attribute__((format(printf, 2, 3))) void parse_fail(struct parse *parse, const char *format, ...);

/* What stands behind a key, or that there is no such key. Errors are noted. */
void parse_value(struct parse *parse, const char *section, const char *name, const char *value);

#endif
