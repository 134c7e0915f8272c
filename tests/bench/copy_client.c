/*
 * Measures how a parent's memory comes to a child on another host. Each round has a parent of its
 * own, full of random bytes, so that nothing of it is anywhere else; it is filled before the round
 * is asked for, so that the caller decides what state the machine's memory is in when it begins.
 *
 *   copy_client bulk PROGRAM MIB NODE DAEMON...    until all is resident there; then its program,
 *                                                  which touched nothing before, reads all
 *   copy_client scan PROGRAM MIB NODE DAEMON...    until the child has read all, page by page
 *   copy_client shared PROGRAM MIB NODE DAEMON...  the same with norma_task_clone
 *
 * PROGRAM is guest-bench_parent, the DAEMONs are the process numbers of both hosts' norma-hostd. A
 * line for each round that standard input asks for (see samples.h), microseconds:
 *   FIRST  from the call to the child's first exit
 *   ALL    from the call until all bytes have come (bulk), or from the child's first exit until it
 *          has read all of them (scan, shared)
 *   MAPPED from the call until all is mapped in the child, too: until its program, told to when all
 *          had come, has read a word of each page (bulk); else 0
 *   CPU    processor time of both hosts' daemons, pagers and VMMs from the call until all came
 */

#include "clone_parent.h"
#include "samples.h"

#define USAGE "copy_client bulk|scan|shared PROGRAM MIB NODE DAEMON..."

enum { MAX_MIB = 6144, MAX_NODE = 255, FIRST_DAEMON = 5, LOOK_NS = 1000000 };

struct measurement {
	struct clone_parent_options options;
	bool is_bulk, is_shared;
	uint64_t bytes;
	int node;
	int daemon_count;
	char **daemons;
	struct clone_parent parent; /* of the next round */
};

static uint64_t process_cpu_ns(int pid)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &used))
		return 0; /* it has ended */
	return (uint64_t)used.tv_sec * 1000000000ull + (uint64_t)used.tv_nsec;
}

/* Adds up a process and its children's children, two levels: VMMs may have a parent of their own.
 */
static uint64_t tree_cpu_ns(int pid, int levels)
{
	uint64_t sum = process_cpu_ns(pid);
	char path[64];
	FILE *children;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	children = levels ? fopen(path, "re") : NULL;
	while (children && fscanf(children, "%d", &child) == 1)
		sum += tree_cpu_ns(child, levels - 1);
	if (children)
		fclose(children);
	return sum;
}

static uint64_t cpu_ns(const struct measurement *measurement)
{
	uint64_t sum = 0;

	for (int i = 0; i < measurement->daemon_count; i++)
		sum += tree_cpu_ns(atoi(measurement->daemons[i]), 2);
	return sum;
}

static uint64_t received_bytes(const struct measurement *measurement)
{
	struct norma_pager_statistics statistics;

	clone_check(norma_pager_statistics(measurement->node, &statistics), "asking the pager");
	return statistics.bytes_in;
}

/* No event tells that the last page has come: it is looked for every millisecond. */
static void await_arrival(const struct measurement *measurement, uint64_t received_before)
{
	uint64_t deadline = samples_now_ns() + CLONE_TIMEOUT_MS * 1000000ull;
	const struct timespec pause = {.tv_nsec = LOOK_NS};

	while (received_bytes(measurement) - received_before < measurement->bytes) {
		if (samples_now_ns() > deadline)
			fatal("the memory did not come within %d s", CLONE_TIMEOUT_MS / 1000);
		nanosleep(&pause, NULL);
	}
}

static void print_bulk(const struct measurement *measurement, task_t child, uint64_t called,
		       uint64_t received_before, uint64_t cpu_before)
{
	uint64_t resident, cpu;

	await_arrival(measurement, received_before);
	resident = samples_now_ns();
	cpu = cpu_ns(measurement);
	printf(" %.1f %.1f %.1f\n", samples_us(called, resident),
	       samples_us(called, clone_child_read_later(child)), samples_us(cpu_before, cpu));
}

static void measure_child(const struct measurement *measurement)
{
	const struct clone_child_work work = {
	    .read_bytes = measurement->is_bulk ? 0 : measurement->bytes,
	    .read_later_bytes = measurement->is_bulk ? measurement->bytes : 0,
	    .stays = true,
	};
	const struct clone_way way = {
	    .is_shared = measurement->is_shared, .node = measurement->node, .count = 1};
	uint64_t received_before = received_bytes(measurement);
	uint64_t cpu_before = cpu_ns(measurement), called = samples_now_ns();
	struct clone_child_times times;
	task_t child;

	clone_children_make(&measurement->parent, &way, &work, &child);
	clone_child_wait(child, &work, &times);
	printf("%.1f", samples_us(called, times.first_ns));
	if (measurement->is_bulk)
		print_bulk(measurement, child, called, received_before, cpu_before);
	else
		printf(" %.1f 0 %.1f\n", samples_us(times.first_ns, times.read_ns),
		       samples_us(cpu_before, cpu_ns(measurement)));
	task_terminate(child); /* or it has ended meanwhile */
}

static void make_parent(struct measurement *measurement)
{
	clone_parent_start(&measurement->parent, &measurement->options);
	clone_check(task_suspend(measurement->parent.task), "suspending the parent");
}

static void end_parent(const struct measurement *measurement)
{
	clone_check(task_terminate(measurement->parent.task), "ending the parent");
}

static void measure(void *context, unsigned long rounds)
{
	struct measurement *measurement = context;

	while (rounds--) {
		measure_child(measurement);
		end_parent(measurement);
		make_parent(measurement);
	}
}

int main(int argc, char **argv)
{
	struct measurement measurement = {
	    .bytes = samples_number(argc, argv, 3, MAX_MIB, USAGE) << 20,
	    .node = (int)samples_number(argc, argv, 4, MAX_NODE, USAGE),
	    .options = {.program = argv[2], .mib = argv[3], .dirty_mib = "0", .is_random = true},
	    .is_bulk = !strcmp(argv[1], "bulk"),
	    .is_shared = !strcmp(argv[1], "shared"),
	    .daemon_count = argc - FIRST_DAEMON,
	    .daemons = argv + FIRST_DAEMON,
	};

	clone_connect();
	make_parent(&measurement);
	samples_serve(measure, &measurement);
	end_parent(&measurement);
	norma_disconnect();
	return 0;
}
