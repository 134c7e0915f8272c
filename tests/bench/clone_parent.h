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
	uint64_t read_later_bytes; /* of one that stays: when it is told to */
	bool stays;
};

/* How children are made. */
struct clone_way {
	bool is_shared;	  /* norma_task_clone's memory in place of norma_task_create's */
	bool is_in_steps; /* a call for the task and three for its thread, not one for all; count 1
			   */
	int node;
	unsigned int count;
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

/* Makes children[way->count], and all of them run. */
void clone_children_make(const struct clone_parent *parent, const struct clone_way *way,
			 const struct clone_child_work *work, task_t *children);

/* Waits for what the child says, CLOCK_MONOTONIC, and for its end unless it stays. */
void clone_child_wait(task_t child, const struct clone_child_work *work,
		      struct clone_child_times *ret_times);

/* Tells a child that stays to read its `read_later_bytes`. Return: when it had, CLOCK_MONOTONIC. */
uint64_t clone_child_read_later(task_t child);

#endif
