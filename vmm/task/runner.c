/*
 * Runners: making them, giving them threads to carry, and the loop that does.
 */
#include "runner.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/schedule.h"
#include "call.h"
#include "listener.h"
#include "memory_cell.h"
#include "serve.h"
#include "task.h"
#include "vcpu.h"
#include "wait.h"

static struct thread *runner_wait_thread(struct runner *runner)
{
	struct thread *thread;

	pthread_mutex_lock(&runner->task->lock);
	while (!runner->thread)
		wait_until(&runner->wake, &runner->task->lock, WAIT_FOREVER);
	thread = runner->thread;
	pthread_mutex_unlock(&runner->task->lock);
	return thread;
}

static void runner_carry(struct runner *runner, struct thread *thread)
{
	struct vcpu_exit exit;

	while (thread_enter(thread)) {
		listener_look();
		int error = vcpu_run(runner->vcpu, &exit);

		thread_leave(thread);
		serve_exit(thread, &exit, error);
	}
}

/* The thread has ended: its index and this runner are free again. */
static void runner_let_go(struct runner *runner, struct thread *thread)
{
	struct task *task = runner->task;
	int error;

	pthread_mutex_lock(&task->lock);
	while (thread->holds)
		wait_until(&thread->wake, &task->lock, WAIT_FOREVER);
	personality_thread_done(thread);
	error = vcpu_reset(runner->vcpu);
	thread_life_set(thread, THREAD_FREE);
	thread->runner = NULL;
	/* A vCPU that cannot be reset stays with a runner that nobody takes. */
	runner->thread = NULL;
	runner->is_broken = error != 0;
	pthread_cond_broadcast(&task->settled);
	pthread_mutex_unlock(&task->lock);
	if (error)
		log_line(LOG_WARNING, "task=0x%x vCPU %u not reusable: %s", task->name,
			 vcpu_index(runner->vcpu), strerror(-error));
}

_Noreturn void runner_run(struct runner *runner)
{
	while (true) {
		struct thread *thread = runner_wait_thread(runner);

		memory_cell_follow(atomic_load(&runner->task->memory_cell));
		runner_carry(runner, thread);
		runner_let_go(runner, thread);
	}
}

static void *runner_main(void *context)
{
	/* A thread that waited for a page of another host is to run as soon as it came; without
	 * the right to ask for that it only takes longer. */
	schedule_short_slices_only();
	runner_run(context);
}

/* All but the host thread. */
static int runner_equip(struct runner *runner, uint32_t vcpu_number, const char **ret_step)
{
	*ret_step = "allocating a thread's buffers";
	if (!runner->arena)
		runner->arena = call_arena_new();
	if (!runner->arena)
		return -ENOMEM;
	if (runner->vcpu)
		return 0;
	return vcpu_create(&runner->task->machine, vcpu_number, &runner->vcpu, ret_step);
}

static int runner_make(struct runner *runner, uint32_t vcpu_number, const char **ret_step)
{
	int error = runner_equip(runner, vcpu_number, ret_step);

	if (error)
		return error;
	listener_start();
	*ret_step = "starting a host thread";
	return -pthread_create(&runner->pthread, NULL, runner_main, runner);
}

static struct runner *runner_idle_locked(struct task *task)
{
	for (uint32_t i = 0; i < NAME_THREADS; i++) {
		struct runner *runner = &task->runners[i];

		if (runner->is_made && !runner->thread && !runner->is_broken)
			return runner;
	}
	return NULL;
}

/* Makes the first runner that is not made yet. task->create_lock held. Return: 0, -EAGAIN when all
 * are, -errno. */
static int runner_make_next(struct task *task, const char **ret_step)
{
	for (uint32_t i = 0; i < NAME_THREADS; i++) {
		struct runner *runner = &task->runners[i];
		int error;

		if (runner->is_made)
			continue;
		error = runner_make(runner, i, ret_step);
		pthread_mutex_lock(&task->lock);
		runner->is_made = !error;
		pthread_mutex_unlock(&task->lock);
		return error;
	}
	*ret_step = "taking a vCPU: all are in use";
	return -EAGAIN;
}

int runner_prepare(struct task *task, const char **ret_step)
{
	struct runner *runner = &task->runners[0];
	int error = runner_equip(runner, 0, ret_step);

	if (error)
		return error;
	*ret_step = "entering the virtual machine for the first time";
	error = vcpu_warm(runner->vcpu, VCPU_WARM_NO_PAGE);
	if (error)
		return error;
	schedule_short_slices_only();
	runner->pthread = pthread_self();
	runner->is_made = true;
	return 0;
}

/* Return: true while a thread that was ended still has its name and runner. */
static bool is_thread_leaving_locked(const struct task *task)
{
	for (uint32_t i = 0; i < NAME_THREADS; i++)
		if (task->threads[i].life != THREAD_FREE && task->threads[i].is_terminated)
			return true;
	return false;
}

/* Indices are taken in turn, so that a dead thread's name comes back as late as possible. */
static struct thread *thread_free_locked(struct task *task)
{
	for (uint32_t i = 0; i < NAME_THREADS; i++) {
		struct thread *thread = &task->threads[(task->index_next + i) % NAME_THREADS];

		if (thread->life != THREAD_FREE || thread->holds)
			continue;
		task->index_next = (thread->index + 1) % NAME_THREADS;
		return thread;
	}
	return NULL;
}

static bool is_at_thread_limit_locked(const struct task *task)
{
	uint32_t limit = task->properties.limit_threads;

	return limit && threads_alive_locked(task) >= limit;
}

static kern_return_t thread_make_locked(struct task *task, struct runner *runner,
					struct thread **ret_thread, const char **ret_step)
{
	struct thread *thread;

	*ret_step = "starting one while the task ends";
	if (task->life != TASK_ASSIGNED && task->life != TASK_BECOMING)
		return KERN_TERMINATED;
	*ret_step = "taking a thread name: all are in use";
	thread = thread_free_locked(task);
	if (!thread)
		return KERN_RESOURCE_SHORTAGE;
	*ret_step = "starting one more than the task's limit of threads";
	if (is_at_thread_limit_locked(task))
		return KERN_RESOURCE_SHORTAGE;
	*ret_step = "giving a thread its Linux state";
	if (personality_thread_init(thread))
		return KERN_RESOURCE_SHORTAGE;
	thread_life_set(thread, THREAD_STOPPED);
	thread->suspend_count = 1;
	thread->was_named = true;
	thread->is_terminated = false;
	thread->runner = runner;
	thread_times_begin(thread);
	runner->thread = thread;
	pthread_cond_signal(&runner->wake);
	*ret_thread = thread;
	return KERN_SUCCESS;
}

/* Waits for threads that were ended to leave, as long as that may give an idle runner. Return: it,
 * or NULL. */
static struct runner *runner_wait_idle_locked(struct task *task)
{
	uint64_t deadline_ns = wait_deadline_ms(TASK_STOP_MS);
	struct runner *runner;
	int error = 0;

	while (!(runner = runner_idle_locked(task)) && is_thread_leaving_locked(task) && !error)
		error = wait_until(&task->settled, &task->lock, deadline_ns);
	return runner;
}

/* create_lock held, so that nobody else takes what is found or made here. task->lock is not held
 * while a vCPU is made: every thread of the task would stand still. */
static kern_return_t runner_find(struct task *task, struct runner **ret_runner,
				 const char **ret_step)
{
	struct runner *runner;
	int error;

	pthread_mutex_lock(&task->lock);
	runner = runner_idle_locked(task);
	pthread_mutex_unlock(&task->lock);
	if (!runner) {
		error = runner_make_next(task, ret_step);
		if (error && error != -EAGAIN)
			return KERN_RESOURCE_SHORTAGE;
		pthread_mutex_lock(&task->lock);
		runner = runner_wait_idle_locked(task);
		pthread_mutex_unlock(&task->lock);
	}
	if (!runner)
		return KERN_RESOURCE_SHORTAGE;
	*ret_runner = runner;
	return KERN_SUCCESS;
}

kern_return_t thread_make(struct task *task, struct thread **ret_thread, const char **ret_step)
{
	struct runner *runner;
	kern_return_t code;

	pthread_mutex_lock(&task->create_lock);
	code = runner_find(task, &runner, ret_step);
	if (!code) {
		pthread_mutex_lock(&task->lock);
		code = thread_make_locked(task, runner, ret_thread, ret_step);
		pthread_mutex_unlock(&task->lock);
	}
	pthread_mutex_unlock(&task->create_lock);
	return code;
}
