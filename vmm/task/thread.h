/*
 * Threads of a task, and the runners that carry them. A thread is an index of the task's name space
 * with its counts; a runner is a host thread with a vCPU. A runner is made when no idle one is
 * left, carries one thread until that ends, and is then idle again, so ending and making threads
 * costs no vCPU.
 *
 * Theory of operation. Everything here is guarded by task->lock. A runner alone moves its thread
 * between RUNNING and the other states: it enters vcpu_run only while nothing forbids it (suspend
 * counts of thread and task, holds, pauses, the task's end), and whoever wants it out raises one of
 * those, kicks the vCPU and waits on task->settled until the thread is not RUNNING. A thread that
 * is SERVED (a system call, a wait for hostd) runs no guest code, so nobody waits for it, and it
 * cannot enter the guest again before it may. The registers of a thread that is not RUNNING may be
 * read by anyone who has the lock; what the VMM does for a SERVED thread ends in
 * thread_registers_put(), which gives way to a thread_set_state that came in between (that also
 * ends whatever the thread waited for).
 */
#ifndef TASK_THREAD_H
#define TASK_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "exception.h"
#include "life.h"
#include "linux_task.h"
#include "mach/kern_return.h"
#include "thread_state.h"

struct call_arena;
struct runner;
struct task;
struct vcpu;

/* Why a thread is HELD. */
struct thread_held {
	struct exception_description exception;
	uint64_t order; /* which of the task's it is; 0: it may go on */
	bool is_told;	/* a norma_exception_wait was answered with it */
};

/* One index of the task's thread names. Lives as long as the task. */
struct thread {
	struct task *task;
	uint32_t index;
	enum thread_life life;
	uint32_t suspend_count;
	uint32_t
	    holds; /* calls that look at its registers: it does not run, its index is not reused */
	bool was_named;
	bool is_state_replaced;	   /* thread_set_state came while the thread was SERVED */
	atomic_bool is_terminated; /* set once per name */
	atomic_bool
	    is_interrupted; /* waits on behalf of the thread end now: the call's result is void */
	struct runner *runner; /* NULL while FREE */
	struct linux_thread linux_thread;
	struct thread_held held;
	uint64_t life_since_ns;	 /* CLOCK_MONOTONIC: when `life` became what it is */
	uint64_t made_ns;	 /* when the thread was made, */
	uint64_t runner_used_ns; /* and how much its runner had computed for others until then */
	pthread_cond_t wake;	 /* its runner waits here while STOPPED or HELD */
};

struct runner {
	struct task *task;
	struct vcpu *vcpu;
	struct call_arena *arena;
	struct thread *thread; /* whom it carries; NULL: idle */
	pthread_t pthread;
	pthread_cond_t wake;
	bool is_made;
	bool is_broken; /* its vCPU could not be reset: never used again */
};

/* ---- made by the task, once ---- */

void threads_init(struct task *task);
/* Makes the calling thread, the only one, the first runner; runner_run() follows. Return: 0, -errno
 * with *ret_step. */
int runner_prepare(struct task *task, const char **ret_step);
/* Carries threads until the process ends. */
_Noreturn void runner_run(struct runner *runner);

/* ---- calls about threads; any thread but the control thread, task->lock not held ---- */

/* A new thread: no registers, suspended once. Return: KERN_SUCCESS, KERN_RESOURCE_SHORTAGE (no
 * index or no vCPU; *ret_step says which), KERN_TERMINATED (the task ends). */
kern_return_t thread_make(struct task *task, struct thread **ret_thread, const char **ret_step);
/* Marks it ended and waits until it runs no more. Return: KERN_SUCCESS, KERN_TERMINATED. */
kern_return_t thread_kill(struct thread *thread);
/* Return: KERN_SUCCESS, KERN_TERMINATED, KERN_OPERATION_TIMED_OUT (it did not stop; not suspended
 * then). */
kern_return_t thread_stop(struct thread *thread);
/* Return: KERN_SUCCESS, KERN_TERMINATED, KERN_FAILURE at count 0. */
kern_return_t thread_go(struct thread *thread);
/*
 * Keeps the thread out of the guest until thread_release. Its vCPU's state may be used then, with
 * task->lock held. Return: KERN_SUCCESS, KERN_TERMINATED, KERN_OPERATION_TIMED_OUT.
 */
kern_return_t thread_hold(struct thread *thread);
void thread_release(struct thread *thread);
/* Sets the registers of a held thread; a call it is in ends without a result. Return: 0, -EINVAL.
 */
int thread_state_replace(struct thread *thread, const struct thread_state *state);

/* How much a thread has computed, and for how long it has been what it is. task->lock held. */
struct thread_times {
	uint64_t used_ns;
	uint64_t age_ns;
	uint64_t in_state_ns;
};
void thread_times_locked(const struct thread *thread, struct thread_times *ret_times);

/* Return: the thread's name. */
uint32_t thread_name(const struct thread *thread);
/* Which thread a name means. Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT (no thread of this task
 * ever had that name), KERN_TERMINATED. */
kern_return_t thread_find(struct task *task, uint32_t name, struct thread **ret_thread);

/* ---- all threads at once (threads.c) ---- */

/* Stops all threads until threads_resume. Nests. Return: 0; -ETIMEDOUT: nothing stopped. */
int threads_pause(struct task *task, uint64_t deadline_ns);
void threads_resume(struct task *task);
/* The task's suspend count, one up, with all threads stopped, or one down.
 * Return: KERN_SUCCESS, KERN_OPERATION_TIMED_OUT (not suspended then); KERN_FAILURE at count 0. */
kern_return_t threads_suspend(struct task *task);
kern_return_t threads_unsuspend(struct task *task);
/* Return: true when no thread can run, or change memory by what the VMM does for it, before hostd
 * asks for something. */
bool threads_are_still(struct task *task);
/* Kicks every RUNNING thread; task->lock held. */
void threads_kick_locked(struct task *task);
/* Lets every stopped thread check whether it may run now; task->lock held. */
void threads_wake_locked(struct task *task);
/* Return: how many threads are RUNNING; task->lock held. */
unsigned int threads_running_locked(const struct task *task);
/* Return: how many threads have a live name; task->lock held. */
unsigned int threads_alive_locked(const struct task *task);

/* ---- by the runner, for the thread it carries ---- */

/* Waits until the thread may run and makes it RUNNING. Return: false when it has ended instead. */
bool thread_enter(struct thread *thread);
/* Back from vcpu_run. */
void thread_leave(struct thread *thread);
/* A copy of the registers, to work on while SERVED; thread_registers_put makes it count. */
void thread_registers_get(struct thread *thread, struct thread_state *ret_state);
void thread_registers_put(struct thread *thread, const struct thread_state *state);
/* The thread ends by itself. Return: true when it was the task's last. */
bool thread_finish(struct thread *thread);

#endif
