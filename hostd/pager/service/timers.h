/*
 * Timers of one thread: a binary heap by due time. A timer is embedded in what it belongs to and
 * fires once.
 */
#ifndef SERVICE_TIMERS_H
#define SERVICE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
	void (*fire)(struct timer *timer); /* may start it again or free it */
	uint64_t due_ns;		   /* CLOCK_MONOTONIC */
	size_t position;		   /* in the heap, from 1; 0: not running */
};

struct timers {
	struct timer **heap; /* heap[1..count] */
	size_t count, capacity;
};

void timers_done(struct timers *timers);

/* Starts or moves a timer. Return: 0, or -ENOMEM (then it is as before). */
int timer_start(struct timers *timers, struct timer *timer, uint64_t due_ns);
/* Stops a timer if it runs. */
void timer_stop(struct timers *timers, struct timer *timer);
static inline bool timer_is_running(const struct timer *timer)
{
	return timer->position != 0;
}

/* Return: when the first timer is due, or UINT64_MAX. */
uint64_t timers_next_ns(const struct timers *timers);
/* Fires what was due when it was called; what those start waits for the next call. */
void timers_run(struct timers *timers, uint64_t now_ns);

#endif
