/*
 * norma doctor: runs every check and prints one line each.
 */
#include "doctor.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "table.h"

static const struct doctor_check checks[] = {
    {"kvm", doctor_kvm},
    {"userfaultfd", doctor_userfaultfd},
    {"io_uring", doctor_io_uring},
    {"memfd", doctor_memfd},
    {"huge pages", doctor_huge_pages},
    {"address space", doctor_address_space},
    {"open files", doctor_open_files},
    {"memory", doctor_memory},
    {"namespaces", doctor_namespaces},
    {"cells", doctor_cells},
    {"libvirt's kvm", doctor_kvm_for_libvirt},
    {"hostd", doctor_daemon},
    {"hosts", doctor_hosts},
    {"cpu", doctor_cpu},
    {"libvirt", doctor_libvirt},
};

static const char *const verdicts[] = {"ok", "warn", "FAIL"};
_Static_assert(sizeof(verdicts) / sizeof(verdicts[0]) == DOCTOR_NUM_VERDICTS, "one word each");

static void print_finding(const char *name, const struct doctor_finding *finding)
{
	printf("%-4s  %-14s %s\n", verdicts[finding->verdict], name, finding->text);
	if (finding->advice)
		printf("      %-14s -> %s\n", "", finding->advice);
}

int cli_doctor(int argc, char **argv)
{
	static const struct table_column columns[] = {
	    {"VERDICT", TABLE_TEXT}, {"CHECK", TABLE_TEXT},   {"FINDING", TABLE_TEXT},
	    {"ADVICE", TABLE_TEXT},  {NULL, TABLE_NUM_KINDS},
	};
	enum table_format format;
	struct table *table;
	bool is_able = true;
	int r = table_options(argc, argv, &format);

	if (r != CLI_OK)
		return r;
	table = table_new(columns, "doctor", format);
	if (!table)
		return cli_error("there is no memory for the table.");
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct doctor_finding finding = {.verdict = DOCTOR_FAIL};

		checks[i].run(&finding);
		if (finding.verdict == DOCTOR_FAIL)
			is_able = false;
		if (format == TABLE_PLAIN)
			print_finding(checks[i].name, &finding);
		else
			table_row(table, verdicts[finding.verdict], checks[i].name, finding.text,
				  finding.advice ? finding.advice : "");
	}
	if (format == TABLE_JSON)
		r = table_print(table);
	table_free(table);
	if (r != CLI_OK)
		return r;
	return is_able ? CLI_OK : CLI_ERROR;
}
