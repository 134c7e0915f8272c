/*
 * Calls about one thread.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "answer.h"
#include "base/clock.h"
#include "mach/thread_info.h"
#include "mach/thread_status.h"
#include "task.h"
#include "thread_wire.h"
#include "vcpu.h"

static kern_return_t fail_thread(struct call *call, kern_return_t code, uint32_t name)
{
	const char *what = message_type_name(call->header.type);

	switch (code) {
	case KERN_SUCCESS:
		return KERN_SUCCESS;
	case KERN_TERMINATED:
		return call_fail(call, code, "%s: thread 0x%x has ended", what, name);
	case KERN_INVALID_ARGUMENT:
		return call_fail(call, code, "%s: task 0x%x never had a thread 0x%x", what,
				 call->task->name, name);
	case KERN_OPERATION_TIMED_OUT:
		return call_fail(call, code,
				 "%s: thread 0x%x did not stop within %d ms; it waits for a page "
				 "of another host",
				 what, name, TASK_STOP_MS);
	case KERN_FAILURE:
		return call_fail(call, code, "%s: thread 0x%x is not suspended", what, name);
	default:
		return code;
	}
}

kern_return_t answer_thread_create(struct call *call, const struct thread_create_request *request,
				   struct thread_create_reply *reply)
{
	struct thread *thread;
	const char *step;
	kern_return_t code = thread_make(call->task, &thread, &step);

	(void)request;
	if (code)
		return call_fail(call, code, "no new thread in task 0x%x: %s failed",
				 call->task->name, step);
	reply->thread = thread_name(thread);
	return KERN_SUCCESS;
}

kern_return_t answer_thread_resume(struct call *call, const struct thread_resume_request *request,
				   struct thread_resume_reply *reply)
{
	struct thread *thread;
	kern_return_t code = thread_find(call->task, request->thread, &thread);

	(void)reply;
	if (!code)
		code = thread_go(thread);
	return fail_thread(call, code, request->thread);
}

kern_return_t answer_thread_suspend(struct call *call, const struct thread_suspend_request *request,
				    struct thread_suspend_reply *reply)
{
	struct thread *thread;
	kern_return_t code = thread_find(call->task, request->thread, &thread);

	(void)reply;
	if (!code)
		code = thread_stop(thread);
	return fail_thread(call, code, request->thread);
}

kern_return_t answer_thread_terminate(struct call *call,
				      const struct thread_terminate_request *request,
				      struct thread_terminate_reply *reply)
{
	struct thread *thread;
	kern_return_t code = thread_find(call->task, request->thread, &thread);

	(void)reply;
	if (!code)
		code = thread_kill(thread);
	return fail_thread(call, code, request->thread);
}

/* ---- exceptions ---- */

kern_return_t answer_norma_exception_wait(struct call *call,
					  const struct norma_exception_wait_request *request,
					  struct norma_exception_wait_reply *reply)
{
	return exception_wait(call, request->timeout_ms, reply);
}

kern_return_t answer_norma_exception_resume(struct call *call,
					    const struct norma_exception_resume_request *request,
					    struct norma_exception_resume_reply *reply)
{
	struct thread *thread;
	kern_return_t code = thread_find(call->task, request->thread, &thread);

	(void)reply;
	if (!code && exception_resume(thread))
		return call_fail(call, KERN_FAILURE, "thread 0x%x is not held at an exception",
				 request->thread);
	return fail_thread(call, code, request->thread);
}

/* ---- thread_info ---- */

static uint32_t run_state_locked(const struct thread *thread)
{
	if (thread->life == THREAD_HELD || thread->suspend_count || thread->task->suspend_count)
		return TH_STATE_STOPPED;
	return thread->life == THREAD_SERVED ? TH_STATE_WAITING : TH_STATE_RUNNING;
}

/* Processor time of a thread is its runner's; the kernel's share of it is not told apart. */
static void info_fill_locked(const struct thread *thread, struct thread_info_reply *reply)
{
	struct thread_times times;

	thread_times_locked(thread, &times);
	reply->user_time = times.used_ns / NS_PER_US;
	if (times.age_ns)
		reply->cpu_usage =
		    (uint32_t)((double)times.used_ns / (double)times.age_ns * TH_USAGE_SCALE);
	reply->policy = thread->task->properties.policy;
	reply->run_state = run_state_locked(thread);
	reply->suspend_count = thread->suspend_count;
	if (reply->run_state != TH_STATE_RUNNING)
		reply->sleep_time = (uint32_t)(times.in_state_ns / NS_PER_S);
}

kern_return_t answer_thread_info(struct call *call, const struct thread_info_request *request,
				 struct thread_info_reply *reply)
{
	struct thread *thread;
	kern_return_t code;

	if (request->flavor != THREAD_BASIC_INFO)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "thread_info flavor %u does not exist: use THREAD_BASIC_INFO",
				 request->flavor);
	code = thread_find(call->task, request->thread, &thread);
	if (code)
		return fail_thread(call, code, request->thread);
	pthread_mutex_lock(&call->task->lock);
	/* Looked up before the lock was taken: it may have ended. */
	if (thread->is_terminated || !thread->runner)
		code = KERN_TERMINATED;
	else
		info_fill_locked(thread, reply);
	pthread_mutex_unlock(&call->task->lock);
	return fail_thread(call, code, request->thread);
}

/* ---- registers ---- */

/* Finds and stops the thread a register call is about; not the caller, whose registers are in
 * motion. */
static kern_return_t thread_hold_named(struct call *call, uint32_t name, struct thread **ret_thread)
{
	kern_return_t code = thread_find(call->task, name, ret_thread);

	if (!code && *ret_thread == call->caller)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "a thread cannot call %s for itself (thread 0x%x)",
				 message_type_name(call->header.type), name);
	if (!code)
		code = thread_hold(*ret_thread);
	return fail_thread(call, code, name);
}

static kern_return_t fail_flavor(struct call *call, uint32_t flavor)
{
	return call_fail(
	    call, KERN_INVALID_ARGUMENT,
	    "%s: flavor %u does not exist: use x86_THREAD_STATE64 or x86_FLOAT_STATE64",
	    message_type_name(call->header.type), flavor);
}

static int thread_set_flavor(struct thread *thread, uint32_t flavor, struct wire_span state)
{
	struct thread_state general;
	int error;

	if (flavor == x86_THREAD_STATE64) {
		error = thread_state_decode(state, &general);
		return error ? error : thread_state_replace(thread, &general);
	}
	pthread_mutex_lock(&thread->task->lock);
	error = vcpu_xsave_set(thread->runner->vcpu, state.data, state.bytes);
	pthread_mutex_unlock(&thread->task->lock);
	return error;
}

kern_return_t answer_thread_set_state(struct call *call,
				      const struct thread_set_state_request *request,
				      struct thread_set_state_reply *reply)
{
	struct thread *thread;
	kern_return_t code;
	int error;

	(void)reply;
	if (request->flavor != x86_THREAD_STATE64 && request->flavor != x86_FLOAT_STATE64)
		return fail_flavor(call, request->flavor);
	code = thread_hold_named(call, request->thread, &thread);
	if (code)
		return code;
	error = thread_set_flavor(thread, request->flavor, request->state);
	thread_release(thread);
	if (error)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "thread_set_state of thread 0x%x: %u bytes of flavor %u are not a "
				 "state this CPU can load",
				 request->thread, request->state.bytes, request->flavor);
	return KERN_SUCCESS;
}

static int vcpu_get_flavor(struct thread *thread, uint32_t flavor, struct wire_writer *writer)
{
	struct task *task = thread->task;
	struct vcpu *vcpu = thread->runner->vcpu;
	int error;

	if (flavor == x86_THREAD_STATE64) {
		thread_state_encode(writer, vcpu_state(vcpu));
		return writer->error;
	}
	if (task->machine_host.xsave_bytes > writer->capacity)
		return -ENOSPC;
	error = vcpu_xsave_get(vcpu, writer->data, task->machine_host.xsave_bytes);
	if (!error)
		writer->used = task->machine_host.xsave_bytes;
	return error;
}

kern_return_t answer_thread_get_state(struct call *call,
				      const struct thread_get_state_request *request,
				      struct thread_get_state_reply *reply)
{
	struct thread *thread;
	struct wire_writer writer;
	kern_return_t code;
	int error;

	if (request->flavor != x86_THREAD_STATE64 && request->flavor != x86_FLOAT_STATE64)
		return fail_flavor(call, request->flavor);
	code = thread_hold_named(call, request->thread, &thread);
	if (code)
		return code;
	wire_writer_init(&writer, call->arena->data, X86_FLOAT_STATE64_BYTES);
	pthread_mutex_lock(&call->task->lock);
	error = vcpu_get_flavor(thread, request->flavor, &writer);
	pthread_mutex_unlock(&call->task->lock);
	thread_release(thread);
	if (error)
		return call_fail(call, KERN_FAILURE,
				 "thread_get_state of thread 0x%x: KVM did not give flavor %u: %s",
				 request->thread, request->flavor, strerror(-error));
	reply->state = (struct wire_span){call->arena->data, (uint32_t)writer.used};
	return KERN_SUCCESS;
}
