/*
 * Connecting to the daemon, reading names and numbers, and reporting refused calls.
 */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include "client/norma.h"
#include "message/names.h"

int cli_connect(void)
{
	if (norma_connect(NULL) == 0)
		return CLI_OK;
	return cli_error("%s", norma_last_error());
}

int cli_call_failed(kern_return_t result, const char *what, ...)
{
	const char *sentence = norma_last_error();
	char text[256];
	va_list arguments;

	va_start(arguments, what);
	vsnprintf(text, sizeof(text), what, arguments);
	va_end(arguments);
	return cli_error("cannot %s: %s", text, *sentence ? sentence : mach_error_string(result));
}

int cli_parse_number(const char *what, const char *text, uint64_t maximum, uint64_t *ret_number)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end || errno || number > maximum)
		return cli_usage("`%s` is not %s.", text, what);
	*ret_number = number;
	return CLI_OK;
}

int cli_parse_task(const char *text, task_t *ret_task)
{
	static const char what[] = "the name of a task, like 0x40000040 (`norma ps` lists them)";
	uint64_t name = 0;
	int r = cli_parse_number(what, text, UINT32_MAX, &name);

	if (r != CLI_OK)
		return r;
	if (name_kind((uint32_t)name) != NAME_TASK || name_thread_index((uint32_t)name) != 0)
		return cli_usage("`%s` is not %s.", text, what);
	*ret_task = (task_t)name;
	return CLI_OK;
}

int cli_parse_node(const char *text, int *ret_node)
{
	uint64_t node = 0;
	int r =
	    cli_parse_number("a node's number (`norma nodes` lists them)", text, INT32_MAX, &node);

	if (r == CLI_OK)
		*ret_node = (int)node;
	return r;
}

int cli_parse_node_or_auto(const char *text, int *ret_node)
{
	if (strcmp(text, "auto") != 0)
		return cli_parse_node(text, ret_node);
	*ret_node = NORMA_NODE_AUTO;
	return CLI_OK;
}
