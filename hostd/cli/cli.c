/*
 * The error sentences of `norma`, and how a subcommand is found and run.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 1, 0))) static void print_sentence(const char *format,
								 va_list arguments)
{
	fflush(stdout);
	fputs("norma: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

int cli_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_sentence(format, arguments);
	va_end(arguments);
	return CLI_ERROR;
}

int cli_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_sentence(format, arguments);
	va_end(arguments);
	fputs("Try `norma --help`.\n", stderr);
	return CLI_USAGE;
}

static void print_help(const struct cli_command *commands, const char *prefix)
{
	printf("Usage:\n");
	for (const struct cli_command *command = commands; command->name; command++)
		printf("  %s %s %s\n      %s\n", prefix, command->name, command->synopsis,
		       command->summary);
}

int cli_dispatch(const struct cli_command *commands, const char *prefix, int argc, char **argv)
{
	if (argc < 1)
		return cli_usage("%s needs a command.", prefix);
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "help") == 0) {
		print_help(commands, prefix);
		return CLI_OK;
	}
	for (const struct cli_command *command = commands; command->name; command++) {
		if (strcmp(command->name, argv[0]) == 0)
			return command->run(argc, argv);
	}
	return cli_usage("`%s %s` is not a command.", prefix, argv[0]);
}
