/*
 * Waiting inside a system call: sleeps and futexes, on one lock and a condition per thread.
 *
 * Theory of operation. A waiter is on task->waiters exactly while it is in linux_wait_locked. An
 * interrupted call is not finished with EINTR but made again: the thread's registers then say
 * "about to make this call", which is a state a clone can start from. Its deadline is kept with the
 * address of the call, so that being interrupted does not make a sleep longer.
 */
#include "linux_internal.h"

#include <errno.h>

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NANOSECONDS + now.tv_nsec;
}

int64_t linux_deadline(const struct linux_call *call, int64_t timeout_ns)
{
	int64_t deadline;
	if (call->thread->restart_rip && call->thread->restart_rip == call->state->rip)
		return call->thread->restart_deadline_ns;
	if (timeout_ns < 0 || __builtin_add_overflow(now_ns(), timeout_ns, &deadline))
		return LINUX_NO_DEADLINE;
	return deadline;
}

static void waiter_remove(struct linux_task *task, const struct linux_thread *thread)
{
	for (struct linux_thread **at = &task->waiters; *at; at = &(*at)->next) {
		if (*at != thread)
			continue;
		*at = thread->next;
		return;
	}
}

int64_t linux_wait_locked(struct linux_call *call, int64_t deadline_ns)
{
	struct linux_thread *thread = call->thread;
	struct linux_task *task = thread->task;
	struct timespec deadline = {deadline_ns / NANOSECONDS, deadline_ns % NANOSECONDS};
	int error = 0;
	call_host(call)->before_wait(call_host(call)->context);
	thread->is_woken = 0;
	thread->next = task->waiters;
	task->waiters = thread;
	while (!thread->is_woken && !thread->is_interrupted && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&thread->wake, &task->lock, &deadline);
	waiter_remove(task, thread);
	if (thread->is_woken)
		return 0;
	if (!thread->is_interrupted)
		return -ETIMEDOUT;
	thread->is_interrupted = 0;
	thread->restart_rip = call->state->rip;
	thread->restart_deadline_ns = deadline_ns;
	return LINUX_RESTART;
}

int64_t linux_sleep(struct linux_call *call, int64_t timeout_ns)
{
	struct linux_thread *thread = call->thread;
	pthread_mutex_lock(&thread->task->lock);
	thread->wait_address = 0;
	int64_t ret = linux_wait_locked(call, linux_deadline(call, timeout_ns));
	pthread_mutex_unlock(&thread->task->lock);
	return ret == -ETIMEDOUT ? 0 : ret;
}

void linux_thread_interrupt(struct linux_thread *thread)
{
	pthread_mutex_lock(&thread->task->lock);
	thread->is_interrupted = 1;
	pthread_cond_signal(&thread->wake);
	pthread_mutex_unlock(&thread->task->lock);
}

int linux_timespec_in(const struct linux_call *call, uint64_t address, int64_t *ret_ns)
{
	int64_t time[2];
	int64_t ns;
	int ret = call_copy_in(call, address, time, sizeof(time));
	if (ret)
		return ret;
	if (time[0] < 0 || time[1] < 0 || time[1] >= NANOSECONDS)
		return -EINVAL;
	if (__builtin_mul_overflow(time[0], NANOSECONDS, &ns) ||
	    __builtin_add_overflow(ns, time[1], &ns))
		ns = INT64_MAX;
	*ret_ns = ns;
	return 0;
}

int64_t linux_futex_wake(struct linux_task *task, uint64_t address, uint32_t count, uint32_t bits)
{
	int64_t woken = 0;
	pthread_mutex_lock(&task->lock);
	for (struct linux_thread *at = task->waiters; at && woken < count; at = at->next) {
		if (at->wait_address != address || !(at->wait_bits & bits) || at->is_woken)
			continue;
		at->is_woken = 1;
		pthread_cond_signal(&at->wake);
		woken++;
	}
	pthread_mutex_unlock(&task->lock);
	return woken;
}

int linux_thread_init(struct linux_thread *thread, struct linux_task *task, uint32_t id)
{
	pthread_condattr_t attributes;
	*thread = (struct linux_thread){.task = task, .id = id};
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	int error = pthread_cond_init(&thread->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	return -error;
}

void linux_thread_done(struct linux_thread *thread)
{
	pthread_cond_destroy(&thread->wake);
}
