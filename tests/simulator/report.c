/*
 * Percentiles, ratios and sums.
 */
#include "report.h"

#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

static int compare(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return (first > second) - (first < second);
}

/* Return: microseconds. */
static double percentile(const struct outcome *outcome, double fraction)
{
	uint64_t index = (uint64_t)((double)(outcome->completed - 1) * fraction);

	return outcome->latencies_ns[index] / 1e3;
}

static void print_depths(const struct outcome *outcome)
{
	printf("  hops until the page is there:   ");
	for (unsigned int depth = 0; depth < DEPTH_MAX; depth++)
		if (outcome->depths[depth])
			printf("%u: %.1f %%  ", depth,
			       100.0 * (double)outcome->depths[depth] / (double)outcome->completed);
	printf("\n");
}

static void print_pagers(const struct fleet *fleet, const struct outcome *outcome)
{
	const struct fleet_host *busiest = &fleet->hosts[outcome->busiest_host];
	double end_ns = (double)outcome->end_ns;
	uint64_t busy_ns = 0;

	for (unsigned int i = 0; i < fleet->host_count; i++)
		busy_ns += fleet->hosts[i].busy_ns;
	printf(
	    "  pagers:                         mean %.1f %% of a processor; host %u, the busiest: "
	    "%.1f %%, longest queue %.0f us, %.2f GiB sent\n",
	    100.0 * (double)busy_ns / end_ns / fleet->host_count, outcome->busiest_host,
	    100.0 * (double)busiest->busy_ns / end_ns, (double)busiest->longest_queue_ns / 1e3,
	    (double)busiest->bytes_out / (1 << 30));
}

static void print_placement(const struct fleet *fleet, const struct outcome *outcome)
{
	unsigned int fewest = UINT_MAX, most = 0;

	for (unsigned int i = 0; i < fleet->host_count; i++) {
		unsigned int count = fleet->hosts[i].task_count;

		fewest = count < fewest ? count : fewest;
		most = count > most ? count : most;
	}
	printf("  placement:                      %u to %u tasks on a host; %.1f us for a decision "
	       "(real "
	       "time)\n",
	       fewest, most, (double)outcome->placement_ns / 1e3 / (double)outcome->placements);
}

void report_print(const char *scenario, const struct fleet *fleet, const struct workload *workload,
		  struct outcome *outcome)
{
	double faults = (double)outcome->completed;

	printf("%s: %u hosts, %u tasks, %llu pages, %u %% writes\n", scenario, fleet->host_count,
	       workload->family_count * workload->tasks_in_family,
	       (unsigned long long)outcome->pages, workload->write_percent);
	if (outcome->completed == 0)
		errx(1, "no task ever faulted");
	qsort(outcome->latencies_ns, outcome->completed, sizeof(*outcome->latencies_ns), compare);
	printf("  accesses, faults:               %llu, %llu, in %.0f ms of virtual time\n",
	       (unsigned long long)outcome->accesses, (unsigned long long)outcome->completed,
	       (double)outcome->end_ns / 1e6);
	printf("  for each fault:                 %.2f messages between hosts, %.2f within one, "
	       "%.2f pages sent\n",
	       (double)fleet->messages / faults, (double)fleet->local_messages / faults,
	       (double)fleet->pages_sent / faults);
	print_depths(outcome);
	printf("  a fault takes:                  p50 %.1f us, p99 %.1f us, max %.1f us\n",
	       percentile(outcome, 0.5), percentile(outcome, 0.99), percentile(outcome, 1));
	print_pagers(fleet, outcome);
	print_placement(fleet, outcome);
	printf("  tables for each page:           %d bytes at home and %d at each of %.0f hosts: "
	       "%.0f in "
	       "all\n\n",
	       DIRECTORY_PAGE_BYTES, HOLDER_PAGE_BYTES,
	       (double)outcome->members / workload->family_count,
	       (double)outcome->table_bytes / (double)outcome->pages);
}

static void nothing(void *context, const struct action *action)
{
	(void)context;
	(void)action;
}

void report_host_loss(uint64_t page_count)
{
	struct action_sink sink = {.emit = nothing};
	struct directory directory;
	uint64_t began_ns;
	uint32_t epoch;

	if (directory_init(&directory, 1, 0, page_count) ||
	    directory_host_join(&directory, 1, &epoch))
		errx(1, "no directory of %llu pages", (unsigned long long)page_count);
	began_ns = clock_now_ns();
	directory_host_lost(&directory, 1, &sink);
	printf("a host is lost: the home of %llu pages that it shared is busy for %.1f ms (real "
	       "time)\n",
	       (unsigned long long)page_count, (double)(clock_now_ns() - began_ns) / 1e6);
	directory_done(&directory);
}
