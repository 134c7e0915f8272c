/*
 * Signals a program sends to itself. Handlers are remembered but never run: nothing else sends
 * signals here, hardware exceptions are Mach's. A fatal one (abort) ends the task.
 */
#include "linux_internal.h"

#include <errno.h>
#include <signal.h>

#define SIGSET_BYTES   8
#define KERNEL_SIG_DFL 0
#define KERNEL_SIG_IGN 1

static int is_catchable(uint64_t number)
{
	return number >= 1 && number <= LINUX_SIGNALS && number != SIGKILL && number != SIGSTOP;
}

int64_t linux_rt_sigaction(struct linux_call *call)
{
	struct linux_task *task = call->thread->task;
	struct linux_sigaction action, before;
	uint64_t number = call->args[0];
	if (call->args[3] != SIGSET_BYTES || number < 1 || number > LINUX_SIGNALS)
		return -EINVAL;
	if (call->args[1] && !is_catchable(number))
		return -EINVAL;
	int ret = call->args[1] ? call_copy_in(call, call->args[1], &action, sizeof(action)) : 0;
	if (ret)
		return ret;
	pthread_mutex_lock(&task->lock);
	before = task->actions[number];
	if (call->args[1])
		task->actions[number] = action;
	pthread_mutex_unlock(&task->lock);
	return call->args[2] ? call_copy_out(call, call->args[2], &before, sizeof(before)) : 0;
}

int64_t linux_rt_sigprocmask(struct linux_call *call)
{
	struct linux_thread *thread = call->thread;
	uint64_t before = thread->signal_mask, set = 0;
	if (call->args[3] != SIGSET_BYTES)
		return -EINVAL;
	int ret = call->args[1] ? call_copy_in(call, call->args[1], &set, sizeof(set)) : 0;
	if (!ret && call->args[2])
		ret = call_copy_out(call, call->args[2], &before, sizeof(before));
	if (ret || !call->args[1])
		return ret;
	switch ((int)call->args[0]) {
	case SIG_BLOCK:
		thread->signal_mask = before | set;
		return 0;
	case SIG_UNBLOCK:
		thread->signal_mask = before & ~set;
		return 0;
	case SIG_SETMASK:
		thread->signal_mask = set;
		return 0;
	default:
		return -EINVAL;
	}
}

int64_t linux_rt_sigpending(struct linux_call *call)
{
	const uint64_t none = 0;
	if (call->args[1] > SIGSET_BYTES)
		return -EINVAL;
	return call_copy_out(call, call->args[0], &none, (size_t)call->args[1]);
}

int64_t linux_sigaltstack(struct linux_call *call)
{
	const stack_t none = {.ss_flags = SS_DISABLE};
	return call->args[1] ? call_copy_out(call, call->args[1], &none, sizeof(none)) : 0;
}

static int is_ignored(uint64_t number, uint64_t handler)
{
	if (handler == KERNEL_SIG_IGN)
		return number != SIGKILL && number != SIGSTOP;
	return number == SIGCHLD || number == SIGURG || number == SIGWINCH || number == SIGCONT;
}

static int64_t signal_self(struct linux_call *call, uint64_t number)
{
	struct linux_task *task = call->thread->task;
	if (number > LINUX_SIGNALS)
		return -EINVAL;
	if (number == 0)
		return 0;
	pthread_mutex_lock(&task->lock);
	uint64_t handler = task->actions[number].handler;
	pthread_mutex_unlock(&task->lock);
	if (is_ignored(number, handler))
		return 0;
	if (handler != KERNEL_SIG_DFL)
		return -ENOSYS;
	call->outcome = (struct linux_outcome){LINUX_TASK_ENDED, 0, (int)number};
	return 0;
}

int64_t linux_kill(struct linux_call *call)
{
	int64_t target = (int)call->args[0];
	if (target != LINUX_PID && target != 0 && target != -1 &&
	    target != (int64_t)call->thread->id)
		return -ESRCH;
	return signal_self(call, call->args[1]);
}

int64_t linux_tgkill(struct linux_call *call)
{
	if ((int)call->args[0] != LINUX_PID || (uint32_t)call->args[1] != call->thread->id)
		return -ESRCH;
	return signal_self(call, call->args[2]);
}
