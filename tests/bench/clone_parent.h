/*
 * The parent task (guest-bench_parent) as the measuring clients use it: starting it, telling it
 * what to do, and starting its children. Every call that is refused ends the program with a
 * sentence.
 */
#ifndef BENCH_CLONE_PARENT_H
#define BENCH_CLONE_PARENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <norma.h>

#define CLONE_TIMEOUT_MS 60000

struct clone_parent {
	task_t task;
	int node;
	struct norma_console console;
	uint64_t entry;	  /* where a child's first thread starts */
	uint64_t address; /* of its memory */
};

/* What a child's first thread does; all 0: it ends at once. See bench_parent.c. */
struct clone_child_work {
	uint64_t read_bytes;
	bool stays;
};

struct clone_child_times {
	uint64_t first_ns; /* its first exit */
	uint64_t read_ns;  /* it has read all that it was to read */
};

/* How the parent is run; numbers are texts, as on a command line. */
struct clone_parent_options {
	const char *program, *mib, *dirty_mib;
	bool is_random;
};

void clone_check(kern_return_t result, const char *what);

/* Connects this thread to $NORMA_SOCKET. */
void clone_connect(void);

/* Runs the parent on this host and waits until its memory is filled. */
void clone_parent_start(struct clone_parent *parent, const struct clone_parent_options *options);

/* Gives the parent a one-letter command and takes its answer, a line. */
void clone_parent_command(struct clone_parent *parent, char letter, char *answer, size_t capacity);

/* Gives the child its first thread and lets it run. */
void clone_child_start(const struct clone_parent *parent, task_t child,
		       const struct clone_child_work *work);

/* Waits for what the child says, CLOCK_MONOTONIC, and for its end unless it stays. */
void clone_child_wait(task_t child, const struct clone_child_work *work,
		      struct clone_child_times *ret_times);

#endif
