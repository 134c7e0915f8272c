/*
 * norma regions: the memory of a task, region by region.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "client/norma.h"
#include "table.h"

static const char *inheritance_name(vm_inherit_t inheritance)
{
	static const char *const names[] = {"share", "copy", "none"};

	return inheritance <= VM_INHERIT_LAST_VALID ? names[inheritance] : "?";
}

static const char *behavior_name(vm_behavior_t behavior)
{
	static const char *const names[] = {"default", "random", "sequential", "rseqntl"};

	return behavior >= 0 && behavior <= VM_BEHAVIOR_RSEQNTL ? names[behavior] : "?";
}

static void format_protection(vm_prot_t protection, char text[4])
{
	text[0] = protection & VM_PROT_READ ? 'r' : '-';
	text[1] = protection & VM_PROT_WRITE ? 'w' : '-';
	text[2] = protection & VM_PROT_EXECUTE ? 'x' : '-';
	text[3] = '\0';
}

static void add_region(struct table *table, vm_address_t start, vm_size_t bytes,
		       const struct vm_region_basic_info *info)
{
	char from[24], to[24], size[24], current[4], maximum[4];

	snprintf(from, sizeof(from), "0x%010lx", start);
	snprintf(to, sizeof(to), "0x%010lx", start + bytes);
	snprintf(size, sizeof(size), "%lu", bytes / 1024);
	format_protection(info->protection, current);
	format_protection(info->max_protection, maximum);
	table_row(table, from, to, size, current, maximum, inheritance_name(info->inheritance),
		  info->shared ? "yes" : "no", behavior_name(info->behavior));
}

static int list_regions(struct table *table, task_t task)
{
	vm_address_t address = 0;

	for (;;) {
		struct vm_region_basic_info info;
		mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;
		vm_size_t bytes;
		kern_return_t result = vm_region(task, &address, &bytes, VM_REGION_BASIC_INFO,
						 (vm_region_info_t)&info, &count, NULL);

		if (result == KERN_INVALID_ADDRESS)
			return table_print(table); /* no region is left */
		if (result != KERN_SUCCESS)
			return cli_call_failed(result, "look at the memory of " CLI_TASK_FORMAT,
					       task);
		add_region(table, address, bytes, &info);
		address += bytes;
	}
}

int cli_regions(int argc, char **argv)
{
	static const struct table_column columns[] = {
	    {"START", TABLE_TEXT},  {"END", TABLE_TEXT},      {"KIB", TABLE_NUMBER},
	    {"PROT", TABLE_TEXT},   {"MAX", TABLE_TEXT},      {"INHERIT", TABLE_TEXT},
	    {"SHARED", TABLE_TEXT}, {"BEHAVIOR", TABLE_TEXT}, {NULL, TABLE_NUM_KINDS},
	};
	enum table_format format;
	struct table *table;
	task_t task;
	int r = table_options(argc, argv, &format);

	if (r != CLI_OK)
		return r;
	if (optind + 1 != argc)
		return cli_usage("`regions` takes the name of one task.");
	r = cli_parse_task(argv[optind], &task);
	if (r == CLI_OK)
		r = cli_connect();
	if (r != CLI_OK)
		return r;
	table = table_new(columns, "regions", format);
	if (!table)
		return cli_error("there is no memory for the list.");
	r = list_regions(table, task);
	table_free(table);
	return r;
}
