/*
 * norma cpu-baseline: what the hosts' CPUs have in common, and making them promise just that.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "client/norma.h"
#include "table.h"

static int print_nodes(const struct norma_cpu_baseline *baseline)
{
	static const struct table_column columns[] = {
	    {"NODE", TABLE_NUMBER},   {"CPU", TABLE_TEXT},	  {"MASKING", TABLE_TEXT},
	    {"BASELINE", TABLE_TEXT}, {"NOT COMMON", TABLE_TEXT}, {NULL, TABLE_NUM_KINDS},
	};
	struct table *table = table_new(columns, "nodes", TABLE_PLAIN);
	int r;

	for (size_t i = 0; table && i < baseline->node_count; i++) {
		const struct norma_cpu_row *row = &baseline->nodes[i];
		char node[16];

		snprintf(node, sizeof(node), "%d", row->node);
		table_row(table, node, row->known ? row->model : "not known",
			  !row->known	 ? "-"
			  : row->applies ? "works"
					 : "no effect",
			  row->has_baseline ? "applied" : "-", row->text);
	}
	r = table ? table_print(table) : cli_error("there is no memory for the list.");
	table_free(table);
	return r;
}

static void print_pairs(const struct norma_cpu_baseline *baseline, bool is_applied)
{
	if (!baseline->pair_count)
		printf("%s exchange tasks.\n", is_applied
						   ? "All hosts above can"
						   : "With this baseline all hosts above could");
	for (size_t i = 0; i < baseline->pair_count; i++)
		printf("node %d cannot give tasks to node %d: %s\n", baseline->pairs[i].from,
		       baseline->pairs[i].to, baseline->pairs[i].text);
	if (!is_applied)
		printf("Nothing was changed: `norma cpu-baseline --apply` does.\n");
}

int cli_cpu_baseline(int argc, char **argv)
{
	static const struct option options[] = {{"apply", no_argument, NULL, 'a'}, {0}};
	struct norma_cpu_baseline *baseline;
	bool is_applied = false;
	kern_return_t result;
	int option, r;

	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (option != 'a')
			return cli_option_refused(option, argv);
		is_applied = true;
	}
	if (optind != argc)
		return cli_usage("`cpu-baseline` takes --apply only.");
	r = cli_connect();
	if (r != CLI_OK)
		return r;
	result = norma_cpu_baseline(is_applied, &baseline);
	if (result != KERN_SUCCESS)
		return cli_call_failed(result, "%s a CPU baseline", is_applied ? "apply" : "find");
	r = print_nodes(baseline);
	printf("libvirt: %s\n", baseline->libvirt);
	if (*baseline->libvirt_cpu)
		printf("%s\n", baseline->libvirt_cpu);
	print_pairs(baseline, is_applied);
	if (r == CLI_OK && is_applied && baseline->pair_count)
		r = CLI_ERROR;
	free(baseline);
	return r;
}
