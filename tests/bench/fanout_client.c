/*
 * Measures one suspended parent's children on many hosts at once.
 *
 *   fanout_client PROGRAM MIB HOSTS      children on the nodes 1 to HOSTS
 *
 * Each round has a parent of its own, full of random bytes; its children run and read all of it.
 * PROGRAM is guest-bench_parent. A line for each round that standard input asks for (see
 * samples.h):
 *   RUNNING  us from the first call until the last child's first exit
 *   READ     us from the first call until all have read all
 *   LINK     the most bytes that went over one host's link in one direction, as the pagers count
 */
#include <pthread.h>

#include "clone_parent.h"
#include "samples.h"

#define USAGE "fanout_client PROGRAM MIB HOSTS"

enum { MAX_MIB = 4096, MAX_HOSTS = 31 };

struct measurement {
	struct clone_parent_options options;
	struct clone_child_work work;
	int hosts;
};

struct branch {
	const struct measurement *measurement;
	const struct clone_parent *parent;
	int node;
	pthread_t thread;
	pthread_barrier_t *begin;
	struct clone_child_times times;
	task_t child;
};

static void *branch_main(void *context)
{
	struct branch *branch = context;
	const struct clone_way way = {.node = branch->node, .count = 1};

	clone_connect();
	pthread_barrier_wait(branch->begin);
	clone_children_make(branch->parent, &way, &branch->measurement->work, &branch->child);
	clone_child_wait(branch->child, &branch->measurement->work, &branch->times);
	norma_disconnect();
	return NULL;
}

static void read_pagers(const struct measurement *measurement,
			struct norma_pager_statistics statistics[MAX_HOSTS + 1])
{
	for (int node = 0; node <= measurement->hosts; node++)
		clone_check(norma_pager_statistics(node, &statistics[node]), "asking a pager");
}

static uint64_t most_bytes(const struct measurement *measurement,
			   const struct norma_pager_statistics *before,
			   const struct norma_pager_statistics *after)
{
	uint64_t most = 0;

	for (int node = 0; node <= measurement->hosts; node++) {
		uint64_t in = after[node].bytes_in - before[node].bytes_in;
		uint64_t out = after[node].bytes_out - before[node].bytes_out;

		most = in > most ? in : most;
		most = out > most ? out : most;
	}
	return most;
}

/* Return: when all had begun to wait for the beginning. */
static uint64_t run_branches(const struct measurement *measurement,
			     const struct clone_parent *parent, struct branch *branches)
{
	pthread_barrier_t begin;
	uint64_t called;

	pthread_barrier_init(&begin, NULL, (unsigned int)measurement->hosts + 1);
	for (int i = 0; i < measurement->hosts; i++) {
		branches[i] = (struct branch){
		    .measurement = measurement, .parent = parent, .node = i + 1, .begin = &begin};
		if (pthread_create(&branches[i].thread, NULL, branch_main, &branches[i]))
			fatal("cannot start a thread");
	}
	called = samples_now_ns();
	pthread_barrier_wait(&begin);
	for (int i = 0; i < measurement->hosts; i++)
		pthread_join(branches[i].thread, NULL);
	pthread_barrier_destroy(&begin);
	return called;
}

static void measure_once(const struct measurement *measurement, const struct clone_parent *parent)
{
	struct norma_pager_statistics before[MAX_HOSTS + 1], after[MAX_HOSTS + 1];
	uint64_t called, running = 0, read = 0;
	struct branch branches[MAX_HOSTS];

	read_pagers(measurement, before);
	called = run_branches(measurement, parent, branches);
	read_pagers(measurement, after);
	for (int i = 0; i < measurement->hosts; i++) {
		const struct clone_child_times *times = &branches[i].times;

		running = times->first_ns > running ? times->first_ns : running;
		read = times->read_ns > read ? times->read_ns : read;
		clone_check(task_terminate(branches[i].child), "ending a child");
	}
	printf("%.1f %.1f %lu\n", samples_us(called, running), samples_us(called, read),
	       most_bytes(measurement, before, after));
}

static void measure(void *context, unsigned long rounds)
{
	const struct measurement *measurement = context;

	while (rounds--) {
		struct clone_parent parent;

		clone_parent_start(&parent, &measurement->options);
		clone_check(task_suspend(parent.task), "suspending the parent");
		measure_once(measurement, &parent);
		clone_check(task_terminate(parent.task), "ending the parent");
	}
}

int main(int argc, char **argv)
{
	struct measurement measurement = {
	    .hosts = (int)samples_number(argc, argv, 3, MAX_HOSTS, USAGE),
	    .work = {.read_bytes = samples_number(argc, argv, 2, MAX_MIB, USAGE) << 20,
		     .stays = true},
	    .options = {.program = argv[1], .mib = argv[2], .dirty_mib = "0", .is_random = true},
	};

	clone_connect();
	samples_serve(measure, &measurement);
	norma_disconnect();
	return 0;
}
