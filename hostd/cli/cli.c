/*
 * The error sentences of `norma`, and how a subcommand is found and run.
 */
#include "cli.h"

#include <getopt.h>
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

int cli_option_refused(int option, char **argv)
{
	const char *stopped_at = argv[optind - 1];

	if (option == ':')
		return cli_usage("`%s` needs a value.", stopped_at);
	/* A letter, unless a long option got a value that it does not take. */
	if (optopt && !strchr(stopped_at, '='))
		return cli_usage("`%s` does not take `-%c`.", argv[0], optopt);
	return cli_usage("`%s` does not take `%s`.", argv[0], stopped_at);
}

static void print_command(const struct cli_command *command, const char *prefix)
{
	printf("  %s %s %s\n      %s\n", prefix, command->name, command->synopsis,
	       command->summary);
}

static void print_help(const struct cli_command *commands, const char *prefix)
{
	printf("Usage:\n");
	for (const struct cli_command *command = commands; command->name; command++)
		print_command(command, prefix);
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static int run_command(const struct cli_command *command, const char *prefix, int argc, char **argv)
{
	if (command->has_commands || argc != 2 || !is_help(argv[1]))
		return command->run(argc, argv);
	printf("Usage:\n");
	print_command(command, prefix);
	return CLI_OK;
}

int cli_dispatch(const struct cli_command *commands, const char *prefix, int argc, char **argv)
{
	if (argc < 1)
		return cli_usage("%s needs a command.", prefix);
	if (is_help(argv[0]) || strcmp(argv[0], "help") == 0) {
		print_help(commands, prefix);
		return CLI_OK;
	}
	for (const struct cli_command *command = commands; command->name; command++) {
		if (strcmp(command->name, argv[0]) == 0)
			return run_command(command, prefix, argc, argv);
	}
	return cli_usage("`%s %s` is not a command.", prefix, argv[0]);
}
