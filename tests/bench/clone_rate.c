/*
 * Measures many clones of one suspended task, as a client sees them.
 *
 *   clone_rate rate PARENT_PROGRAM MIB COUNT   COUNT children one after another from each of two
 *                                              connections, every one run, ended and reaped: us
 *                                              for each child
 *   clone_rate many PARENT_PROGRAM MIB COUNT   COUNT children: us from the first call to the last
 *                                              one's first exit
 *
 * A line for each round that standard input asks for (see samples.h). PARENT_PROGRAM is
 * guest-bench_parent.
 */
#include <pthread.h>

#include "clone_parent.h"
#include "samples.h"

#define USAGE "clone_rate rate|many PROGRAM MIB COUNT"

enum { MAX_COUNT = 1024, MAKERS = 2 };

struct measurement {
	struct clone_parent parent;
	unsigned long count;
};

static task_t make_child(const struct clone_parent *parent)
{
	task_t child;

	clone_check(task_create(parent->task, NULL, 0, TRUE, &child), "making a child");
	clone_child_start(child, parent->entry);
	return child;
}

static void *make_children(void *context)
{
	const struct measurement *measurement = context;

	clone_connect();
	for (unsigned long i = 0; i < measurement->count; i++)
		clone_child_first_ns(make_child(&measurement->parent));
	norma_disconnect();
	return NULL;
}

static double rate_us(struct measurement *measurement)
{
	uint64_t before = samples_now_ns();
	pthread_t makers[MAKERS];

	for (int i = 0; i < MAKERS; i++)
		if (pthread_create(&makers[i], NULL, make_children, measurement))
			fatal("cannot start a thread");
	for (int i = 0; i < MAKERS; i++)
		pthread_join(makers[i], NULL);
	return samples_us(before, samples_now_ns()) / (double)(MAKERS * measurement->count);
}

static double many_us(const struct measurement *measurement)
{
	uint64_t before = samples_now_ns(), last = 0;
	task_t children[MAX_COUNT];

	for (unsigned long i = 0; i < measurement->count; i++)
		children[i] = make_child(&measurement->parent);
	for (unsigned long i = 0; i < measurement->count; i++) {
		uint64_t first = clone_child_first_ns(children[i]);

		if (first > last)
			last = first;
	}
	return samples_us(before, last);
}

static void measure_rate(void *context, unsigned long rounds)
{
	while (rounds--)
		printf("%.1f\n", rate_us(context));
}

static void measure_many(void *context, unsigned long rounds)
{
	while (rounds--)
		printf("%.1f\n", many_us(context));
}

int main(int argc, char **argv)
{
	struct measurement measurement = {
	    .count = samples_number(argc, argv, 4, MAX_COUNT, USAGE),
	};
	struct clone_parent_options options = {
	    .program = argv[2], .mib = argv[3], .dirty_mib = "0"};

	clone_connect();
	clone_parent_start(&measurement.parent, &options);
	clone_check(task_suspend(measurement.parent.task), "suspending the parent");
	samples_serve(strcmp(argv[1], "many") ? measure_rate : measure_many, &measurement);
	clone_check(task_terminate(measurement.parent.task), "ending the parent");
	norma_disconnect();
	return 0;
}
