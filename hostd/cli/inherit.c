/*
 * norma inherit: what children that are made later get of a range of a task's memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "client/norma.h"

static int parse_inheritance(const char *text, vm_inherit_t *ret_inheritance)
{
	static const char *const names[] = {"share", "copy", "none"};

	for (vm_inherit_t value = 0; value <= VM_INHERIT_LAST_VALID; value++) {
		if (strcmp(text, names[value]) == 0) {
			*ret_inheritance = value;
			return CLI_OK;
		}
	}
	return cli_usage("`%s` is not an inheritance: share, copy or none.", text);
}

/* 4096, 0x1000, 64K, 3M, 1G. */
static int parse_size(const char *text, uint64_t *ret_size)
{
	static const char units[] = "KMG";
	char digits[32];
	size_t length = strlen(text);
	const char *unit = length > 1 ? strchr(units, text[length - 1]) : NULL;
	int shift = unit ? 10 * (int)(unit - units + 1) : 0;
	uint64_t number = 0;
	int r;

	if (length >= sizeof(digits))
		return cli_usage("`%s` is not a size in bytes, like 4096 or 64K.", text);
	memcpy(digits, text, length + 1);
	if (unit)
		digits[length - 1] = '\0';
	r = cli_parse_number("a size in bytes, like 4096 or 64K", digits, UINT64_MAX >> shift,
			     &number);
	if (r == CLI_OK)
		*ret_size = number << shift;
	return r;
}

int cli_inherit(int argc, char **argv)
{
	uint64_t address = 0, size = 0;
	vm_inherit_t inheritance = VM_INHERIT_DEFAULT;
	kern_return_t result;
	task_t task;
	int r;

	if (argc != 5)
		return cli_usage(
		    "`inherit` takes a task, an address, a size and share, copy or none.");
	r = cli_parse_task(argv[1], &task);
	if (r == CLI_OK)
		r = cli_parse_number("an address, like 0x10000", argv[2], UINT64_MAX, &address);
	if (r == CLI_OK)
		r = parse_size(argv[3], &size);
	if (r == CLI_OK)
		r = parse_inheritance(argv[4], &inheritance);
	if (r == CLI_OK)
		r = cli_connect();
	if (r != CLI_OK)
		return r;
	result = vm_inherit(task, address, size, inheritance);
	if (result != KERN_SUCCESS)
		return cli_call_failed(result,
				       "set the inheritance of %s at %s in " CLI_TASK_FORMAT,
				       argv[3], argv[2], task);
	return CLI_OK;
}
