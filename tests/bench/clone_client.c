/*
 * Measures clones one by one, as a client sees them: a program on the host, connected to its
 * norma-hostd before anything is timed, clones a running or a suspended task.
 *
 *   clone_client [options] PARENT_PROGRAM MIB     (PARENT_PROGRAM: guest-bench_parent)
 *     --clone        children as of norma_task_clone (all memory shared) in place of
 *                    norma_task_create (by inheritance)
 *     --steps        make them with four calls: the task, its thread, the registers, resume; not
 *                    with norma_task_spawn
 *     --node N       where the child is made; the parent is always on this host
 *     --dirty MIB    before each round the running parent writes that much
 *     --running      while it is measured the parent runs, its second thread spins; otherwise
 *                    the parent is suspended
 *     --random       the memory is full of random bytes
 *     --pool DAEMON  before each round, wait until the norma-hostd with this process number has
 *                    WAITING_VMMS waiting VMMs again, so that every child finds one
 *
 * A line for each round that standard input asks for (see samples.h), microseconds since just
 * before the request was written:
 *   FIRST   the child's first exit: CLOCK_MONOTONIC, read by its VMM when its first instructions,
 *           which ask for the time, have left the guest. Child and client are on one machine.
 *   REPLY   the last call that makes the child and lets it run has returned
 *   PAUSE   how long the parent's threads were stopped for it, as its VMM says
 *   GAP     how long the parent's spinning thread stood still at most (0 when it does not spin)
 */
#include <getopt.h>

#include "clone_parent.h"
#include "clone_pool.h"
#include "samples.h"

#define USAGE "clone_client [options] PROGRAM MIB (see the top of clone_client.c)"

struct measurement {
	struct clone_parent_options options;
	struct clone_parent parent;
	struct clone_way way; /* node -1: here */
	bool is_running;
	const char *daemon; /* NULL: nothing is waited for */
};

static double parent_gap_us(struct clone_parent *parent)
{
	char line[64];
	double ns;

	clone_parent_command(parent, 'g', line, sizeof(line));
	if (sscanf(line, "gap %lf", &ns) != 1)
		fatal("the parent said `%s`", line);
	return ns / 1e3;
}

static void prepare_round(struct measurement *measurement)
{
	char line[64];

	if (measurement->daemon)
		clone_pool_wait(measurement->daemon);
	if (!measurement->is_running)
		return;
	clone_parent_command(&measurement->parent, 'd', line, sizeof(line));
	parent_gap_us(&measurement->parent);
}

static void measure_once(struct measurement *measurement)
{
	struct clone_parent *parent = &measurement->parent;
	struct norma_task_statistics statistics;
	const struct clone_child_work work = {0};
	struct clone_child_times times;
	uint64_t called, replied;
	double gap_us = 0;
	task_t child;

	prepare_round(measurement);
	called = samples_now_ns();
	clone_children_make(parent, &measurement->way, &work, &child);
	replied = samples_now_ns();
	clone_child_wait(child, &work, &times);
	if (measurement->is_running)
		gap_us = parent_gap_us(parent);
	clone_check(norma_task_statistics(parent->task, &statistics), "asking for statistics");
	printf("%.1f %.1f %.1f %.1f\n", samples_us(called, times.first_ns),
	       samples_us(called, replied), (double)statistics.last_pause_ns / 1e3, gap_us);
}

/* Between the caller's turns the parent is suspended: it must not slow down the reference. */
static void measure(void *context, unsigned long rounds)
{
	struct measurement *measurement = context;

	if (measurement->is_running)
		clone_check(task_resume(measurement->parent.task), "resuming the parent");
	while (rounds--)
		measure_once(measurement);
	if (measurement->is_running)
		clone_check(task_suspend(measurement->parent.task), "suspending the parent");
}

static void parse(int argc, char **argv, struct measurement *measurement)
{
	static const struct option known[] = {
	    {"clone", no_argument, NULL, 'c'},	     {"node", required_argument, NULL, 'n'},
	    {"dirty", required_argument, NULL, 'd'}, {"running", no_argument, NULL, 'r'},
	    {"random", no_argument, NULL, 'x'},	     {"steps", no_argument, NULL, 's'},
	    {"pool", required_argument, NULL, 'p'},  {0}};
	int option;

	*measurement =
	    (struct measurement){.way = {.node = -1, .count = 1}, .options.dirty_mib = "0"};
	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
		if (option == 'c')
			measurement->way.is_shared = true;
		else if (option == 'n')
			measurement->way.node = atoi(optarg);
		else if (option == 's')
			measurement->way.is_in_steps = true;
		else if (option == 'p')
			measurement->daemon = optarg;
		else if (option == 'd')
			measurement->options.dirty_mib = optarg;
		else if (option == 'r')
			measurement->is_running = true;
		else if (option == 'x')
			measurement->options.is_random = true;
		else
			fatal("usage: %s", USAGE);
	}
	if (optind + 2 != argc)
		fatal("usage: %s", USAGE);
	measurement->options.program = argv[optind];
	measurement->options.mib = argv[optind + 1];
}

int main(int argc, char **argv)
{
	struct measurement measurement;
	char line[64];

	parse(argc, argv, &measurement);
	clone_connect();
	clone_parent_start(&measurement.parent, &measurement.options);
	if (measurement.way.node < 0)
		measurement.way.node = measurement.parent.node;
	if (measurement.is_running)
		clone_parent_command(&measurement.parent, 's', line, sizeof(line));
	clone_check(task_suspend(measurement.parent.task), "suspending the parent");
	samples_serve(measure, &measurement);
	clone_check(task_terminate(measurement.parent.task), "ending the parent");
	norma_disconnect();
	return 0;
}
