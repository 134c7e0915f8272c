/*
 * The Linux personality's host: its memory, console and clock callbacks in terms of this task.
 * Every task has one, also a child that was never loaded from a file: its threads may make system
 * calls as their parent's did.
 */
#ifndef TASK_PERSONALITY_H
#define TASK_PERSONALITY_H

#include <stddef.h>
#include <stdint.h>

#include "linux_host.h"
#include "linux_task.h"

struct linux_program_loaded;
struct task;
struct thread;

struct personality {
	struct linux_host host;
	struct linux_task linux_task;
	uint64_t map_start; /* mmap looks for room from here on: above program, heap and stack */
};

/* Before the task has threads. Return: 0, -errno. */
int personality_init(struct task *task);
/* The task runs this program from now on; before it has threads. Return: 0, -errno. */
int personality_program(struct task *task, const char *path,
			const struct linux_program_loaded *loaded);

/* The thread gets a name or loses it. */
int personality_thread_init(struct thread *thread);
void personality_thread_done(struct thread *thread);

/* The runner, with its thread SERVED: answers the system call in *state, or ends the thread or the
 * task. */
void personality_serve(struct thread *thread, struct thread_state *state);

/* Calls that were answered with ENOSYS: how many, and "name(count) name(count)...". */
void personality_unknown_calls(struct task *task, uint64_t *ret_count, char *names,
			       size_t names_bytes);

#endif
