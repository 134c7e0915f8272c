/*
 * Holding threads at exceptions, and telling those who wait for that.
 */
#include "exceptions.h"

#include <assert.h>
#include <string.h>

#include "call.h"
#include "exception_text.h"
#include "runner.h"
#include "task.h"
#include "wait.h"
#include "worker.h"

#define EXIT_STATUS_EXCEPTION 128

static void exception_end(struct thread *thread, const struct exception_description *exception)
{
	char text[MESSAGE_MAX_TEXT];

	exception_text(thread_name(thread), exception, text, sizeof(text));
	task_end(thread->task, TASK_STATE_EXCEPTION, EXIT_STATUS_EXCEPTION + exception->exception,
		 "%s", text);
}

/* Keeps the thread here until it may go on or ends. */
static void thread_be_held_locked(struct thread *thread,
				  const struct exception_description *exception)
{
	struct task *task = thread->task;

	thread->held = (struct thread_held){
	    .exception = *exception,
	    .order = ++task->held_last,
	};
	thread_life_set(thread, THREAD_HELD);
	pthread_cond_broadcast(&task->settled);
	control_wake(&task->control);
	while (thread->held.order && !thread->is_terminated)
		wait_until(&thread->wake, &task->lock, WAIT_FOREVER);
	thread->held.order = 0;
	thread_life_set(thread, THREAD_SERVED);
}

void exception_raise(struct thread *thread, const struct exception_description *exception)
{
	struct task *task = thread->task;
	bool is_held;

	pthread_mutex_lock(&task->lock);
	is_held = task->properties.hold_exceptions && task->life == TASK_ASSIGNED;
	if (is_held && !thread->is_terminated)
		thread_be_held_locked(thread, exception);
	pthread_mutex_unlock(&task->lock);
	if (!is_held)
		exception_end(thread, exception);
}

kern_return_t exception_resume(struct thread *thread)
{
	kern_return_t code = KERN_FAILURE;

	pthread_mutex_lock(&thread->task->lock);
	if (thread->life == THREAD_HELD && thread->held.order) {
		thread->held.order = 0;
		thread_wake_locked(thread);
		code = KERN_SUCCESS;
	}
	pthread_mutex_unlock(&thread->task->lock);
	return code;
}

/* Of the threads that nobody was told of, or that were held after number `since`, the one held
 * longest; with since 0 of all. Return: NULL if there is none. */
static struct thread *held_first_locked(struct task *task, uint64_t since)
{
	struct thread *first = NULL;

	for (uint32_t i = 0; i < NAME_THREADS; i++) {
		struct thread *thread = &task->threads[i];

		if (thread->life != THREAD_HELD || !thread->held.order || thread->is_terminated ||
		    (thread->held.is_told && thread->held.order <= since))
			continue;
		if (!first || thread->held.order < first->held.order)
			first = thread;
	}
	return first;
}

void exceptions_release(struct task *task)
{
	struct exception_description exception;
	struct thread *thread;

	pthread_mutex_lock(&task->lock);
	thread = held_first_locked(task, 0);
	if (thread)
		exception = thread->held.exception;
	pthread_mutex_unlock(&task->lock);
	/* Should somebody have let it go on meanwhile: the exception did happen. */
	if (thread)
		exception_end(thread, &exception);
}

/* Return: whether there is such a thread (held_first_locked); then the reply tells of it. */
static bool held_tell_locked(struct task *task, uint64_t since,
			     struct norma_exception_wait_reply *reply)
{
	struct thread *thread = held_first_locked(task, since);

	if (!thread)
		return false;
	const struct exception_description *exception = &thread->held.exception;
	thread->held.is_told = true;
	*reply = (struct norma_exception_wait_reply){
	    .thread = thread_name(thread),
	    .exception = (uint32_t)exception->exception,
	    .code = (int32_t)exception->code,
	    .address_known = exception->is_address_known,
	    .address = exception->address,
	    .instruction_pointer = exception->rip,
	};
	exception_text(reply->thread, exception, reply->text, sizeof(reply->text));
	return true;
}

/* ---- waiting ---- */

/* At the deadline, a thread that was told of before is better than none: whoever was told may be
 * gone. */
static bool wait_tell_locked(struct task *task, const struct exception_wait *wait,
			     struct norma_exception_wait_reply *reply)
{
	if (held_tell_locked(task, wait->since, reply))
		return true;
	if (clock_now_ns() < wait->deadline_ns)
		return false;
	held_tell_locked(task, 0, reply);
	return true;
}

static kern_return_t wait_park(struct call *call, const struct exception_wait *wait)
{
	struct exception_waits *waits = &call->task->exception_waits;

	if (waits->count == EXCEPTION_WAITS_MAX)
		return call_fail(call, KERN_RESOURCE_SHORTAGE,
				 "%u calls wait already for an exception of task 0x%x",
				 EXCEPTION_WAITS_MAX, call->task->name);
	waits->waits[waits->count++] = *wait;
	return CALL_PARKED;
}

kern_return_t exception_wait(struct call *call, uint32_t timeout_ms,
			     struct norma_exception_wait_reply *reply)
{
	struct task *task = call->task;
	struct exception_wait wait = {
	    .header = call->header,
	    .deadline_ns = wait_deadline_ms(timeout_ms),
	};
	kern_return_t code = KERN_SUCCESS;
	bool is_told;

	pthread_mutex_lock(&task->lock);
	wait.since = task->held_last;
	is_told = wait_tell_locked(task, &wait, reply);
	/* A guest's thread has nothing else to do. */
	while (!is_told && call->caller && !code) {
		wait_until(&task->settled, &task->lock, wait.deadline_ns);
		if (call->caller->is_interrupted)
			code = KERN_ABORTED;
		is_told = wait_tell_locked(task, &wait, reply);
	}
	pthread_mutex_unlock(&task->lock);
	return is_told || code ? code : wait_park(call, &wait);
}

/* Return: whether the call is answered. */
static bool wait_serve(struct task *task, const struct exception_wait *wait)
{
	struct norma_exception_wait_reply reply = {0};
	uint8_t payload[sizeof(reply) + 8];
	struct wire_writer writer;
	bool is_ending;
	bool is_told;

	pthread_mutex_lock(&task->lock);
	is_ending = task->life != TASK_ASSIGNED;
	is_told = !is_ending && wait_tell_locked(task, wait, &reply);
	pthread_mutex_unlock(&task->lock);
	if (is_ending) {
		worker_refuse(task, &wait->header, KERN_TERMINATED,
			      "the task ended while its exceptions were waited for");
		return true;
	}
	if (!is_told)
		return false;
	wire_writer_init(&writer, payload, sizeof(payload));
	norma_exception_wait_reply_encode(&writer, &reply);
	assert(!writer.error);
	worker_reply(task, &wait->header, payload, (uint32_t)writer.used);
	return true;
}

uint64_t exception_waits_serve(struct task *task)
{
	struct exception_waits *waits = &task->exception_waits;
	uint64_t next_ns = WAIT_FOREVER;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < waits->count; i++) {
		if (wait_serve(task, &waits->waits[i]))
			continue;
		if (waits->waits[i].deadline_ns < next_ns)
			next_ns = waits->waits[i].deadline_ns;
		waits->waits[kept++] = waits->waits[i];
	}
	waits->count = kept;
	return next_ns;
}
