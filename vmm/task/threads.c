/*
 * Stopping and letting go all threads of the task at once.
 */
#include <errno.h>

#include "runner.h"
#include "task.h"
#include "wait.h"

void threads_kick_locked(struct task *task)
{
	for (uint32_t i = 0; i < NAME_THREADS; i++)
		thread_kick_locked(&task->threads[i]);
}

void threads_wake_locked(struct task *task)
{
	for (uint32_t i = 0; i < NAME_THREADS; i++)
		thread_wake_locked(&task->threads[i]);
}

unsigned int threads_running_locked(const struct task *task)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < NAME_THREADS; i++)
		count += task->threads[i].life == THREAD_RUNNING;
	return count;
}

unsigned int threads_alive_locked(const struct task *task)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < NAME_THREADS; i++)
		count += task->threads[i].life != THREAD_FREE && !task->threads[i].is_terminated;
	return count;
}

static bool thread_is_still_locked(const struct thread *thread)
{
	if (thread->life == THREAD_FREE)
		return true;
	if (thread->life == THREAD_HELD)
		return thread->held.order != 0;
	return thread->life == THREAD_STOPPED &&
	       (thread->task->suspend_count || thread->suspend_count);
}

/*
 * One that is served may yet be given data; of standard input only when a client has sent some,
 * which hostd would know. A served thread that is not among those that starve has not begun to, or
 * is about to go on; with nobody else running, one that starves still does.
 */
bool threads_are_still(struct task *task)
{
	unsigned int served = 0;
	bool are_still = true;

	pthread_mutex_lock(&task->lock);
	for (uint32_t i = 0; i < NAME_THREADS; i++)
		if (task->threads[i].life == THREAD_SERVED)
			served++;
		else
			are_still = are_still && thread_is_still_locked(&task->threads[i]);
	pthread_mutex_unlock(&task->lock);
	return are_still && served == (served ? console_input_starving(&task->input) : 0);
}

/* Raises a count that keeps every thread out of the guest, and waits until all are. Return: 0,
 * -ETIMEDOUT. */
static int threads_raise_locked(struct task *task, uint32_t *count, uint64_t deadline_ns)
{
	int error = 0;

	++*count;
	threads_kick_locked(task);
	while (threads_running_locked(task) && error != -ETIMEDOUT)
		error = wait_until(&task->settled, &task->lock, deadline_ns);
	if (!threads_running_locked(task))
		return 0;
	--*count;
	threads_wake_locked(task);
	return -ETIMEDOUT;
}

int threads_pause(struct task *task, uint64_t deadline_ns)
{
	uint64_t began_ns = clock_now_ns();
	int error;

	pthread_mutex_lock(&task->lock);
	error = threads_raise_locked(task, &task->pauses, deadline_ns);
	if (!error && task->pauses == 1)
		task->pause_began_ns = began_ns;
	pthread_mutex_unlock(&task->lock);
	return error;
}

void threads_resume(struct task *task)
{
	pthread_mutex_lock(&task->lock);
	if (!--task->pauses)
		atomic_store(&task->statistics.last_pause_ns,
			     clock_now_ns() - task->pause_began_ns);
	threads_wake_locked(task);
	pthread_mutex_unlock(&task->lock);
}

kern_return_t threads_suspend(struct task *task)
{
	int error;

	pthread_mutex_lock(&task->lock);
	error = threads_raise_locked(task, &task->suspend_count, wait_deadline_ms(TASK_STOP_MS));
	pthread_mutex_unlock(&task->lock);
	return error ? KERN_OPERATION_TIMED_OUT : KERN_SUCCESS;
}

kern_return_t threads_unsuspend(struct task *task)
{
	kern_return_t code = KERN_FAILURE;

	pthread_mutex_lock(&task->lock);
	if (task->suspend_count) {
		task->suspend_count--;
		threads_wake_locked(task);
		code = KERN_SUCCESS;
	}
	pthread_mutex_unlock(&task->lock);
	return code;
}
