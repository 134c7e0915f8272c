/*
 * A thread's own affairs: segment bases, its end, futexes.
 */
#include "linux_internal.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>

#define ROBUST_HEAD_BYTES 24

int64_t linux_arch_prctl(struct linux_call *call)
{
	struct thread_state *state = call->state;
	uint64_t value = call->args[1];
	switch ((int)call->args[0]) {
	case ARCH_SET_FS:
		if (value >= THREAD_CANONICAL_END)
			return -EPERM;
		state->fs_base = value;
		return 0;
	case ARCH_SET_GS:
		if (value >= THREAD_CANONICAL_END)
			return -EPERM;
		state->gs_base = value;
		return 0;
	case ARCH_GET_FS:
		return call_copy_out(call, value, &state->fs_base, sizeof(state->fs_base));
	case ARCH_GET_GS:
		return call_copy_out(call, value, &state->gs_base, sizeof(state->gs_base));
	default:
		return -EINVAL;
	}
}

int64_t linux_set_tid_address(struct linux_call *call)
{
	call->thread->clear_child_tid = call->args[0];
	return call->thread->id;
}

/* Accepted for the C library's start-up; only another process could ever need the list. */
int64_t linux_set_robust_list(struct linux_call *call)
{
	return call->args[1] == ROBUST_HEAD_BYTES ? 0 : -EINVAL;
}

int64_t linux_exit(struct linux_call *call)
{
	const uint32_t zero = 0;
	uint64_t address = call->thread->clear_child_tid;
	if (address && !call_copy_out(call, address, &zero, sizeof(zero)))
		linux_futex_wake(call->thread->task, address, 1, FUTEX_BITSET_MATCH_ANY);
	call->outcome = (struct linux_outcome){LINUX_THREAD_ENDED, (int)(call->args[0] & 0xff), 0};
	return 0;
}

int64_t linux_exit_group(struct linux_call *call)
{
	call->outcome = (struct linux_outcome){LINUX_TASK_ENDED, (int)(call->args[0] & 0xff), 0};
	return 0;
}

int64_t linux_sched_yield(struct linux_call *call)
{
	(void)call;
	sched_yield();
	return 0;
}

/* FUTEX_WAIT's timeout is relative; FUTEX_WAIT_BITSET's is absolute on the named clock. */
static int futex_timeout(struct linux_call *call, int is_absolute, int64_t *ret_timeout_ns)
{
	const struct linux_host *host = call_host(call);
	struct timespec now;
	*ret_timeout_ns = -1;
	if (!call->args[3])
		return 0;
	int ret = linux_timespec_in(call, call->args[3], ret_timeout_ns);
	if (ret || !is_absolute)
		return ret;
	clockid_t clock = call->args[1] & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	ret = host->clock_get(host->context, clock, &now);
	if (ret)
		return ret;
	*ret_timeout_ns -= now.tv_sec * NANOSECONDS + now.tv_nsec;
	if (*ret_timeout_ns < 0)
		*ret_timeout_ns = 0;
	return 0;
}

/* The comparison is under the lock that wakers take, so a wake between comparing and waiting is not
 * lost. */
static int64_t futex_wait(struct linux_call *call, uint32_t bits, int is_absolute)
{
	struct linux_thread *thread = call->thread;
	int64_t timeout_ns;
	uint32_t value;
	int64_t ret = futex_timeout(call, is_absolute, &timeout_ns);
	if (ret)
		return ret;
	int64_t deadline_ns = linux_deadline(call, timeout_ns);
	pthread_mutex_lock(&thread->task->lock);
	ret = call_copy_in(call, call->args[0], &value, sizeof(value));
	if (!ret && value != (uint32_t)call->args[2])
		ret = -EAGAIN;
	if (!ret) {
		thread->wait_address = call->args[0];
		thread->wait_bits = bits;
		ret = linux_wait_locked(call, deadline_ns);
	}
	pthread_mutex_unlock(&thread->task->lock);
	return ret;
}

int64_t linux_futex(struct linux_call *call)
{
	struct linux_task *task = call->thread->task;
	uint64_t address = call->args[0];
	uint32_t bits = (uint32_t)call->args[5];
	if (address % sizeof(uint32_t))
		return -EINVAL;
	switch ((int)call->args[1] & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
		return futex_wait(call, FUTEX_BITSET_MATCH_ANY, 0);
	case FUTEX_WAIT_BITSET:
		return bits ? futex_wait(call, bits, 1) : -EINVAL;
	case FUTEX_WAKE:
		return linux_futex_wake(task, address, (uint32_t)call->args[2],
					FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return bits ? linux_futex_wake(task, address, (uint32_t)call->args[2], bits)
			    : -EINVAL;
	default:
		return -ENOSYS;
	}
}
