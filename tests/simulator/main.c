/*
 * The scenarios, and how large they are.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "report.h"

/* Rounded from what the pagers of this repository take on one machine (docs/benchmarks.md). */
static const struct fleet_costs costs = {
    .latency_ns = 10000, /* through one switch */
    .message_cpu_ns = 3000,
    .local_cpu_ns = 300,
    .fault_cpu_ns = 3000,
    .page_cpu_ns = 2000,
    .bytes_per_us = 3125, /* 25 Gbit/s */
    .message_bytes = 64,
    .hold_ns = 50000,
};

struct scenario {
	const char *name;
	unsigned int write_percent, hot_percent;
	uint64_t hot_pages;
	bool one_home;
};

static const struct scenario scenarios[] = {
    {"reading", 2, 10, 100, false},
    {"reading and writing", 30, 10, 100, false},
    {"one hot page in each family", 30, 30, 1, false},
    {"one host is everybody's home", 30, 10, 100, true},
};

static void run(const struct scenario *scenario, struct workload workload, unsigned int host_count)
{
	struct outcome outcome;
	struct fleet fleet;

	if (fleet_init(&fleet, &costs, host_count))
		err(1, "%u hosts", host_count);
	workload.write_percent = scenario->write_percent;
	workload.hot_percent = scenario->hot_percent;
	workload.hot_pages = scenario->hot_pages;
	workload.one_home = scenario->one_home;
	workload_run(&fleet, &workload, &outcome);
	report_print(scenario->name, &fleet, &workload, &outcome);
	outcome_done(&outcome);
	fleet_done(&fleet);
}

static const char usage[] =
    "usage: simulator [--hosts N] [--families N] [--tasks N] [--pages N] [--accesses N] [--seed "
    "N]\n"
    "  N hosts; N families of tasks that share memory, with N tasks and N pages each\n";

/* Return: the number; ends the program when it is none. */
static uint64_t number(const char *text, uint64_t smallest, uint64_t largest)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || end == text || value < smallest || value > largest)
		errx(2, "%s is no number from %llu to %llu", text, (unsigned long long)smallest,
		     (unsigned long long)largest);
	return value;
}

static void parse(int argc, char **argv, struct workload *workload, unsigned int *host_count)
{
	static const struct option options[] = {
	    {"hosts", required_argument, NULL, 'h'},	{"families", required_argument, NULL, 'f'},
	    {"tasks", required_argument, NULL, 't'},	{"pages", required_argument, NULL, 'p'},
	    {"accesses", required_argument, NULL, 'a'}, {"seed", required_argument, NULL, 's'},
	    {"help", no_argument, NULL, '?'},		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			*host_count = (unsigned int)number(optarg, HOST_SET_MAX, 100000);
			break;
		case 'f':
			workload->family_count = (unsigned int)number(optarg, 1, 100000);
			break;
		case 't':
			workload->tasks_in_family = (unsigned int)number(optarg, 1, 10000);
			break;
		case 'p':
			workload->pages_in_family = number(optarg, 1000, 1u << 30);
			break;
		case 'a':
			workload->accesses = (unsigned int)number(optarg, 1, 1000000);
			break;
		case 's':
			workload->seed = number(optarg, 0, UINT64_MAX);
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct workload workload = {
	    .family_count = 1000,
	    .tasks_in_family = 100,
	    .hosts_in_family = 50,
	    .pages_in_family = 10000,
	    .accesses = 25,
	    .think_ns = 20000000,
	    .seed = 1,
	};
	unsigned int host_count = 1000;

	parse(argc, argv, &workload, &host_count);
	/* One mapping for each holder's table would be more than a process may have. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		run(&scenarios[i], workload, host_count);
	report_host_loss((uint64_t)workload.family_count * workload.pages_in_family);
	return 0;
}
