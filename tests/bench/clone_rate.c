/*
 * Measures many clones of one suspended task, as a client sees them.
 *
 *   clone_rate rate PARENT_PROGRAM MIB COUNT   COUNT children one after another from each of two
 *                                              connections, every one run, ended and reaped: us
 *                                              for each child
 *   clone_rate many PARENT_PROGRAM MIB COUNT   COUNT children by one call: us from the call to
 *                                              the last one's first exit
 *   clone_rate alive PARENT_PROGRAM MIB COUNT  COUNT children more, by one call, which run and
 *                                              then stay until the end of the input: us until all
 *                                              have run
 *
 * A line for each round that standard input asks for (see samples.h). PARENT_PROGRAM is
 * guest-bench_parent.
 */
#include <pthread.h>

#include "clone_parent.h"
#include "samples.h"

#define USAGE "clone_rate rate|many|alive PROGRAM MIB COUNT"

enum { MAX_COUNT = NORMA_SPAWN_MAX, MAKERS = 2 };

struct measurement {
	struct clone_parent parent;
	unsigned long count;
	struct clone_child_work work;
};

static void make(const struct measurement *measurement, unsigned long count, task_t *children)
{
	const struct clone_way way = {.node = measurement->parent.node,
				      .count = (unsigned int)count};

	clone_children_make(&measurement->parent, &way, &measurement->work, children);
}

static void *make_children(void *context)
{
	const struct measurement *measurement = context;
	struct clone_child_times times;

	clone_connect();
	for (unsigned long i = 0; i < measurement->count; i++) {
		task_t child;

		make(measurement, 1, &child);
		clone_child_wait(child, &measurement->work, &times);
	}
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

	make(measurement, measurement->count, children);
	for (unsigned long i = 0; i < measurement->count; i++) {
		struct clone_child_times times;

		clone_child_wait(children[i], &measurement->work, &times);
		if (times.first_ns > last)
			last = times.first_ns;
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

static void end_children(const struct clone_parent *parent)
{
	struct norma_task_row *rows;
	size_t count;

	do {
		size_t left = 0;

		clone_check(norma_task_list(parent->node, &rows, &count), "listing tasks");
		for (size_t i = 0; i < count; i++)
			if (rows[i].parent == parent->task && ++left)
				task_terminate(rows[i].task); /* or it has ended meanwhile */
		free(rows);
		if (!left)
			return;
	} while (count); /* a list has 512 rows at most */
}

int main(int argc, char **argv)
{
	struct measurement measurement = {
	    .count = samples_number(argc, argv, 4, MAX_COUNT, USAGE),
	    .work.stays = !strcmp(argv[1], "alive"),
	};
	struct clone_parent_options options = {
	    .program = argv[2], .mib = argv[3], .dirty_mib = "0"};

	clone_connect();
	clone_parent_start(&measurement.parent, &options);
	clone_check(task_suspend(measurement.parent.task), "suspending the parent");
	samples_serve(strcmp(argv[1], "rate") ? measure_many : measure_rate, &measurement);
	end_children(&measurement.parent);
	clone_check(task_terminate(measurement.parent.task), "ending the parent");
	norma_disconnect();
	return 0;
}
