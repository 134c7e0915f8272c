/*
 * What the subcommands of `norma` share: how they are found, how they connect, parse names and
 * report errors. Every subcommand lives in a file of its own and returns the exit status.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mach/mach.h>

#define CLI_OK	  0
#define CLI_ERROR 1 /* what was asked for did not happen; a sentence on standard error says why */
#define CLI_USAGE 2 /* the command line makes no sense */

/* A subcommand. argv[0] is its name. */
struct cli_command {
	const char *name;
	const char *synopsis; /* what follows the name */
	const char *summary;
	int (*run)(int argc, char **argv);
	bool has_commands; /* of its own, and says itself what they are */
};

int cli_run(int argc, char **argv);
int cli_ps(int argc, char **argv);
int cli_nodes(int argc, char **argv);
int cli_regions(int argc, char **argv);
int cli_inherit(int argc, char **argv);
int cli_clone(int argc, char **argv);
int cli_create(int argc, char **argv);
int cli_cpu_baseline(int argc, char **argv);
int cli_console(int argc, char **argv);
int cli_exceptions(int argc, char **argv);
int cli_kill(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_lab(int argc, char **argv);

/* Runs argv[0] out of `commands`, which ends with a NULL name. `prefix` is what was typed so far.
 */
int cli_dispatch(const struct cli_command *commands, const char *prefix, int argc, char **argv);

/* Says "norma: SENTENCE" on standard error. Return: CLI_ERROR. */
int cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same with a hint how to get help. Return: CLI_USAGE. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says what getopt_long stopped at; its short options begin with a colon (behind a plus), so that
 * it is silent and tells a missing value. Return: CLI_USAGE. */
int cli_option_refused(int option, char **argv);

/* Connects to the daemon. Return: CLI_OK, or CLI_ERROR after a sentence. */
int cli_connect(void);
/* Says that a call failed and why: "norma: cannot WHAT: SENTENCE". Return: CLI_ERROR. */
int cli_call_failed(kern_return_t result, const char *what, ...)
    __attribute__((format(printf, 2, 3)));

/* These read one argument. Return: CLI_OK, or CLI_USAGE after a sentence. */
int cli_parse_task(const char *text, task_t *ret_task);
int cli_parse_node(const char *text, int *ret_node);
/* The same where a task is made: also `auto`, NORMA_NODE_AUTO. */
int cli_parse_node_or_auto(const char *text, int *ret_node);
int cli_parse_number(const char *what, const char *text, uint64_t maximum, uint64_t *ret_number);

/* A task's name as it is printed everywhere. */
#define CLI_TASK_FORMAT "0x%08x"

#endif
