/*
 * Who hears hostd. A thread costs 45 kB, and most tasks of a host do nothing: so there is no
 * control thread before somebody has something to say to the task.
 *
 * Theory of operation. While the task's first thread is the only one of the process, hostd's socket
 * and the pager's raise SIGIO, which gets it out of the guest, and where it would wait it waits for
 * those two: as long as nobody else is there, nothing else can end a wait. Replies to its own calls
 * it takes itself; for anything else it starts the control thread, which then stays. What it cannot
 * be got out of is a page that the pager fetches, touched by the VMM itself: a task with memory
 * that the pager knows has its control thread from the beginning.
 */
#ifndef TASK_LISTENER_H
#define TASK_LISTENER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct task;

/* The task while its first thread is alone, otherwise NULL. */
extern struct task *_Atomic listener_lone_task;

/* Before any thread: what SIGIO does. Return: 0, -errno. */
int listener_signal_install(void);

/* The first thread, when the process has become a task: from now on it is the listener, or has
 * one. */
void listener_begin(struct task *task);

/*
 * The first thread, alone, where it would wait for another: waits until there is something to hear.
 * A reply it takes itself, for all else it starts the control thread; in any case what it waits for
 * may have come. Whatever lock it holds nobody wants. Return: 0, -ETIMEDOUT.
 */
int listener_wait(uint64_t deadline_ns);

/* The first thread: starts the control thread if there is none. */
void listener_start(void);

/* The first thread, on its way into the guest: starts it if there is something to hear. */
void listener_look(void);

static inline bool listener_is_lone(void)
{
	return atomic_load_explicit(&listener_lone_task, memory_order_relaxed);
}

#endif
