/*
 * Between thread.c, threads.c and runner.c: nobody else includes this.
 */
#ifndef TASK_RUNNER_H
#define TASK_RUNNER_H

#include "thread.h"

/* Moves a thread to another state, task->lock held; the only place where it changes. */
void thread_life_set(struct thread *thread, enum thread_life life);
/* Starts to count what a new thread computes; its runner is set. */
void thread_times_begin(struct thread *thread);
/* With task->lock held: gets it out of the guest, if it is in; has it look whether it may run, if
 * it waits to. */
void thread_kick_locked(struct thread *thread);
void thread_wake_locked(struct thread *thread);

#endif
