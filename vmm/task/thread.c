/*
 * States and counts of threads: who may run, stopping and letting go. See thread.h for the theory.
 */
#include "thread.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "control.h"
#include "runner.h"
#include "task.h"
#include "vcpu.h"
#include "wait.h"

void threads_init(struct task *task)
{
	for (uint32_t i = 0; i < NAME_THREADS; i++) {
		task->threads[i].task = task;
		task->threads[i].index = i;
		task->threads[i].life = THREAD_FREE;
		wait_cond_init(&task->threads[i].wake);
		task->runners[i].task = task;
		wait_cond_init(&task->runners[i].wake);
	}
}

uint32_t thread_name(const struct thread *thread)
{
	return name_of_thread(thread->task->name, thread->index);
}

kern_return_t thread_find(struct task *task, uint32_t name, struct thread **ret_thread)
{
	struct thread *thread = &task->threads[name_thread_index(name)];
	kern_return_t code = KERN_SUCCESS;

	if (name_kind(name) != NAME_THREAD || name_task_of_thread(name) != task->name)
		return KERN_INVALID_ARGUMENT;
	pthread_mutex_lock(&task->lock);
	if (!thread->was_named)
		code = KERN_INVALID_ARGUMENT;
	else if (thread->is_terminated)
		code = KERN_TERMINATED;
	pthread_mutex_unlock(&task->lock);
	if (!code)
		*ret_thread = thread;
	return code;
}

/* The only place where a thread's state changes. */
void thread_life_set(struct thread *thread, enum thread_life life)
{
	assert(thread_life_may_follow(thread->life, life));
	if (thread->life == THREAD_RUNNING || life == THREAD_FREE)
		pthread_cond_broadcast(&thread->task->settled);
	thread->life = life;
	thread->life_since_ns = clock_now_ns();
}

static bool thread_may_run(const struct thread *thread)
{
	const struct task *task = thread->task;

	return task->life == TASK_ASSIGNED && !task->suspend_count && !task->pauses &&
	       !thread->suspend_count && !thread->holds;
}

static void note_first_instruction(struct task *task)
{
	struct timespec now;

	if (atomic_load(&task->statistics.first_instruction_ns))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	atomic_store(&task->statistics.first_instruction_ns,
		     (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec);
}

bool thread_enter(struct thread *thread)
{
	struct task *task = thread->task;
	bool is_terminated;

	pthread_mutex_lock(&task->lock);
	while (!thread->is_terminated && !thread_may_run(thread)) {
		if (thread->life != THREAD_STOPPED)
			thread_life_set(thread, THREAD_STOPPED);
		wait_until(&thread->wake, &task->lock, WAIT_FOREVER);
	}
	is_terminated = thread->is_terminated;
	if (!is_terminated) {
		/* Whoever kicks from now on sees RUNNING; older kicks are answered by being here.
		 */
		vcpu_kick_clear(thread->runner->vcpu);
		note_first_instruction(task);
		thread_life_set(thread, THREAD_RUNNING);
	} else if (thread->life != THREAD_STOPPED) {
		thread_life_set(thread, THREAD_STOPPED);
	}
	pthread_mutex_unlock(&task->lock);
	return !is_terminated;
}

void thread_leave(struct thread *thread)
{
	pthread_mutex_lock(&thread->task->lock);
	thread->is_state_replaced = false;
	atomic_store(&thread->is_interrupted, atomic_load(&thread->is_terminated));
	thread_life_set(thread, THREAD_SERVED);
	pthread_mutex_unlock(&thread->task->lock);
}

void thread_registers_get(struct thread *thread, struct thread_state *ret_state)
{
	pthread_mutex_lock(&thread->task->lock);
	*ret_state = *vcpu_state(thread->runner->vcpu);
	pthread_mutex_unlock(&thread->task->lock);
}

void thread_registers_put(struct thread *thread, const struct thread_state *state)
{
	pthread_mutex_lock(&thread->task->lock);
	if (!thread->is_state_replaced)
		*vcpu_state(thread->runner->vcpu) = *state;
	pthread_mutex_unlock(&thread->task->lock);
}

static uint64_t runner_used_ns(const struct runner *runner)
{
	struct timespec used;
	clockid_t clock;

	if (pthread_getcpuclockid(runner->pthread, &clock) || clock_gettime(clock, &used))
		return 0;
	return (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec;
}

void thread_times_begin(struct thread *thread)
{
	thread->made_ns = clock_now_ns();
	thread->runner_used_ns = runner_used_ns(thread->runner);
}

void thread_times_locked(const struct thread *thread, struct thread_times *ret_times)
{
	uint64_t now_ns = clock_now_ns();

	*ret_times = (struct thread_times){
	    .used_ns = runner_used_ns(thread->runner) - thread->runner_used_ns,
	    .age_ns = now_ns - thread->made_ns,
	    .in_state_ns = now_ns - thread->life_since_ns,
	};
}

/* ---- stopping ---- */

void thread_kick_locked(struct thread *thread)
{
	if (thread->life == THREAD_RUNNING)
		vcpu_kick(thread->runner->vcpu);
}

void thread_wake_locked(struct thread *thread)
{
	if (thread->life == THREAD_STOPPED || thread->life == THREAD_HELD)
		pthread_cond_signal(&thread->wake);
}

/* Kicks the thread and waits until it is out of the guest. Return: 0, -ETIMEDOUT. */
static int thread_wait_out_locked(struct thread *thread)
{
	struct task *task = thread->task;
	uint64_t deadline_ns = wait_deadline_ms(TASK_STOP_MS);
	int error = 0;

	thread_kick_locked(thread);
	while (thread->life == THREAD_RUNNING && error != -ETIMEDOUT)
		error = wait_until(&task->settled, &task->lock, deadline_ns);
	return thread->life == THREAD_RUNNING ? -ETIMEDOUT : 0;
}

/* Raises one of the counts that keep a thread out of the guest, and waits until it is out. */
static kern_return_t thread_raise(struct thread *thread, uint32_t *count)
{
	struct task *task = thread->task;
	kern_return_t code = KERN_SUCCESS;

	pthread_mutex_lock(&task->lock);
	if (thread->is_terminated) {
		pthread_mutex_unlock(&task->lock);
		return KERN_TERMINATED;
	}
	++*count;
	if (thread_wait_out_locked(thread))
		code = KERN_OPERATION_TIMED_OUT;
	else if (thread->is_terminated)
		code = KERN_TERMINATED;
	if (code) {
		--*count;
		thread_wake_locked(thread);
	}
	pthread_mutex_unlock(&task->lock);
	return code;
}

kern_return_t thread_stop(struct thread *thread)
{
	return thread_raise(thread, &thread->suspend_count);
}

kern_return_t thread_hold(struct thread *thread)
{
	return thread_raise(thread, &thread->holds);
}

void thread_release(struct thread *thread)
{
	pthread_mutex_lock(&thread->task->lock);
	thread->holds--;
	thread_wake_locked(thread);
	pthread_mutex_unlock(&thread->task->lock);
}

kern_return_t thread_go(struct thread *thread)
{
	struct task *task = thread->task;
	kern_return_t code = KERN_SUCCESS;

	pthread_mutex_lock(&task->lock);
	if (thread->is_terminated) {
		code = KERN_TERMINATED;
	} else if (!thread->suspend_count) {
		code = KERN_FAILURE;
	} else {
		thread->suspend_count--;
		thread_wake_locked(thread);
	}
	pthread_mutex_unlock(&task->lock);
	return code;
}

/* Ends whatever the thread waits for in the VMM. It is held, so that its name and buffers are not
 * reused meanwhile; no lock is, because the personality's own are taken before this folder's. */
static void thread_interrupt_held(struct thread *thread)
{
	struct task *task = thread->task;

	atomic_store(&thread->is_interrupted, true);
	linux_thread_interrupt(&thread->linux_thread);
	console_input_wake(&task->input);
	control_wake_callers(&task->control);
	pthread_mutex_lock(&task->lock);
	pthread_cond_broadcast(&task->settled);
	pthread_mutex_unlock(&task->lock);
}

int thread_state_replace(struct thread *thread, const struct thread_state *state)
{
	struct task *task = thread->task;
	struct vcpu *vcpu = thread->runner->vcpu;
	bool is_served;
	bool is_same_place;

	if (thread_state_check(state))
		return -EINVAL;
	pthread_mutex_lock(&task->lock);
	/* A held thread whose instruction is over but for its store, and which is to go on behind
	 * it: the store still belongs to it. */
	is_same_place = thread->life == THREAD_HELD && vcpu_state(vcpu)->rip == state->rip;
	*vcpu_state(vcpu) = *state;
	if (!is_same_place)
		vcpu_pending_write_drop(vcpu);
	thread->is_state_replaced = true;
	is_served = thread->life == THREAD_SERVED;
	pthread_mutex_unlock(&task->lock);
	if (is_served)
		thread_interrupt_held(thread);
	return 0;
}

kern_return_t thread_kill(struct thread *thread)
{
	struct task *task = thread->task;
	bool was_terminated;

	pthread_mutex_lock(&task->lock);
	was_terminated = atomic_exchange(&thread->is_terminated, true);
	if (!was_terminated)
		thread->holds++;
	pthread_mutex_unlock(&task->lock);
	if (was_terminated)
		return KERN_TERMINATED;
	thread_interrupt_held(thread);
	pthread_mutex_lock(&task->lock);
	/* If it waits for a page of another host it ends when that comes or is lost. */
	thread_wait_out_locked(thread);
	thread->holds--;
	thread_wake_locked(thread);
	pthread_mutex_unlock(&task->lock);
	return KERN_SUCCESS;
}

bool thread_finish(struct thread *thread)
{
	struct task *task = thread->task;
	bool is_last;

	pthread_mutex_lock(&task->lock);
	is_last = !atomic_exchange(&thread->is_terminated, true) && !threads_alive_locked(task);
	pthread_mutex_unlock(&task->lock);
	return is_last;
}
