/*
 * The figures of one run, for people.
 */
#ifndef SIMULATOR_REPORT_H
#define SIMULATOR_REPORT_H

#include "tasks.h"

/* Sorts the outcome's latencies. */
void report_print(const char *scenario, const struct fleet *fleet, const struct workload *workload,
		  struct outcome *outcome);

/*
 * How long the real directory takes, on this machine, to go through the pages of an object when a
 * host that shares it is lost: the pager that is their home serves nobody meanwhile.
 */
void report_host_loss(uint64_t page_count);

#endif
