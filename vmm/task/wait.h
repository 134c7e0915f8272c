/*
 * Condition variables with CLOCK_MONOTONIC deadlines, the only kind of wait in this folder.
 */
#ifndef TASK_WAIT_H
#define TASK_WAIT_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "base/clock.h"
#include "listener.h"

#define WAIT_FOREVER UINT64_MAX

static inline void wait_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* Waits for a signal; the caller checks its condition again. Return: 0, -ETIMEDOUT. */
static inline int wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t deadline_ns)
{
	struct timespec deadline = {
	    .tv_sec = (time_t)(deadline_ns / NS_PER_S),
	    .tv_nsec = (long)(deadline_ns % NS_PER_S),
	};

	if (listener_is_lone())
		return listener_wait(deadline_ns);
	if (deadline_ns == WAIT_FOREVER)
		return -pthread_cond_wait(cond, lock);
	return -pthread_cond_timedwait(cond, lock, &deadline);
}

static inline uint64_t wait_deadline_ms(uint64_t ms)
{
	return clock_now_ns() + ms * NS_PER_MS;
}

#endif
