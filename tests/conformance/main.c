/*
 * Runs the numbered cases of the specification and our own. Built as a guest and as a client.
 *
 *   PROGRAM IMAGE CALLER VARIANT NODES [CASE...]
 *
 * IMAGE    see harness_client.c; a guest does not look at it
 * CALLER   the node where this program runs
 * VARIANT  local: tested tasks are on that node; remote: on another one
 * NODES    how many nodes the table has, at least 3; 0 to 2 are up
 * CASE     only these; without any: all but those that are on request
 *
 * One line per case, "case 42 remote guest: ok" or "...: WRONG: what was seen, what was expected",
 * then a table. Exit status 0: none was wrong.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"
#include "harness.h"
#include "runner.h"

struct world world;

static const char *variant;
static jmp_buf case_end;
static char wrong_sentence[RUNNER_SENTENCE_BYTES];

static const struct conformance_area areas[] = {
    {"A. vm_inherit: arguments and ranges", area_a, false},
    {"B. task_create by attribute", area_b, false},
    {"C. norma_task_clone", area_c, false},
    {"C. norma_task_clone, a host dies", area_c_failures, true},
    {"D. norma_task_create", area_d, false},
    {"E. coherence between nodes", area_e, false},
    {"F. other calls about memory", area_f, false},
    {"G. tasks, threads, ports", area_g, false},
    {"own: copies", area_copies, false},
    {"own: spawn", area_spawn, false},
    {"own: sharing", area_shares, false},
    {"own: nodes", area_nodes, false},
    {"own: ranges", area_ranges, false},
};
#define NUM_AREAS (sizeof(areas) / sizeof(areas[0]))

void runner_end_case(const char *sentence)
{
	snprintf(wrong_sentence, sizeof(wrong_sentence), "%s", sentence);
	longjmp(case_end, 1);
}

/* Return: whether nothing was wrong. Nothing local changes between setjmp and longjmp. */
static bool case_holds(const struct conformance_case *one)
{
	threads_begin();
	if (setjmp(case_end))
		return false;
	one->run();
	return true;
}

static bool case_report(const struct conformance_case *one)
{
	bool holds = case_holds(one);

	tasks_end_all();
	printf("case %d %s %s: %s%s\n", one->number, variant, harness_name,
	       holds ? "ok" : "WRONG: ", holds ? "" : wrong_sentence);
	return holds;
}

static bool is_asked(const struct conformance_area *area, int number, char **asked)
{
	if (!*asked)
		return !area->is_on_request;
	for (; *asked; asked++)
		if (atoi(*asked) == number)
			return true;
	return false;
}

static void print_table(const unsigned int ok[], const unsigned int bad[])
{
	unsigned int all_ok = 0, all_bad = 0;

	printf("%-44s %5s %5s\n", "section", "ok", "wrong");
	for (size_t i = 0; i < NUM_AREAS; i++) {
		if (ok[i] + bad[i])
			printf("%-44s %5u %5u\n", areas[i].name, ok[i], bad[i]);
		all_ok += ok[i];
		all_bad += bad[i];
	}
	printf("%-44s %5u %5u\n", "all", all_ok, all_bad);
}

static unsigned int run_areas(char **asked)
{
	unsigned int ok[NUM_AREAS] = {0}, bad[NUM_AREAS] = {0}, all_bad = 0;

	for (size_t i = 0; i < NUM_AREAS; i++) {
		for (const struct conformance_case *one = areas[i].cases; one->sentence; one++) {
			if (!is_asked(&areas[i], one->number, asked))
				continue;
			if (case_report(one))
				ok[i]++;
			else
				bad[i]++;
		}
		all_bad += bad[i];
	}
	print_table(ok, bad);
	return all_bad;
}

/* For the driver: number and sentence of every case that is not on request. */
static int list_cases(void)
{
	for (size_t i = 0; i < NUM_AREAS; i++)
		for (const struct conformance_case *one = areas[i].cases; one->sentence; one++)
			if (!areas[i].is_on_request)
				printf("%d %s\n", one->number, one->sentence);
	return 0;
}

static bool world_init(char **argv)
{
	vm_size_t page_bytes = 0;

	world.caller = atoi(argv[2]);
	variant = argv[3];
	world.nodes = atoi(argv[4]);
	world.host = mach_host_self();
	world.here = strcmp(variant, "remote") ? world.caller : (world.caller + 1) % 3;
	world.there = (world.here + 1) % 2;
	world.third = 3 - world.here - world.there;
	return host_page_size(world.host, &page_bytes) == KERN_SUCCESS && page_bytes == P;
}

int main(int argc, char **argv)
{
	unsigned int bad;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list_cases();
	if (argc < 5) {
		fprintf(stderr, "usage: %s IMAGE CALLER VARIANT NODES [CASE...]\n", argv[0]);
		return 2;
	}
	world.first = harness_begin(argc, argv);
	if (!world_init(argv)) {
		fprintf(stderr, "conformance: the page size is not %lu.\n", P);
		return 1;
	}
	bad = run_areas(argv + 5);
	harness_end();
	return bad ? 1 : 0;
}
