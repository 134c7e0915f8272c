/*
 * Who touches what: families of tasks that share one object, spread over hosts. A task thinks, then
 * reads or writes a page; when the page is not there it waits for it. Pages are chosen from the
 * task's own neighbourhood or from those that the whole family is after.
 */
#ifndef SIMULATOR_TASKS_H
#define SIMULATOR_TASKS_H

#include "shared_object.h"

struct workload {
	unsigned int family_count;
	unsigned int tasks_in_family;
	unsigned int hosts_in_family;
	uint64_t pages_in_family;
	unsigned int accesses; /* of each task */
	unsigned int write_percent;
	unsigned int hot_percent; /* accesses to the family's hot pages */
	uint64_t hot_pages;
	uint64_t think_ns;
	bool one_home; /* every family's parent runs on host 0 */
	uint64_t seed;
};

#define DEPTH_MAX 16u

struct outcome {
	uint64_t accesses, completed; /* faults */
	uint64_t depths[DEPTH_MAX]; /* faults by crossings between hosts until the page was there */
	uint32_t *latencies_ns;	    /* latencies_ns[completed], in order of completion */
	uint64_t table_bytes, pages, members;
	uint64_t placements, placement_ns; /* real time */
	unsigned int busiest_host;
	uint64_t end_ns; /* virtual */
};

/* Runs the workload to its end on an empty fleet. Ends the program when memory is short. */
void workload_run(struct fleet *fleet, const struct workload *workload,
		  struct outcome *ret_outcome);
void outcome_done(struct outcome *outcome);

#endif
