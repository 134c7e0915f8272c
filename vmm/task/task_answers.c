/*
 * Calls about the task as a whole.
 */
#include <sys/resource.h>
#include <time.h>

#include "answer.h"
#include "base/clock.h"
#include "mach/task_info.h"
#include "space.h"
#include "task.h"

kern_return_t answer_task_suspend(struct call *call, const struct task_suspend_request *request,
				  struct task_suspend_reply *reply)
{
	kern_return_t code = threads_suspend(call->task);

	(void)request;
	(void)reply;
	if (code)
		return call_fail(call, code,
				 "task 0x%x was not suspended: a thread did not stop within %d ms; "
				 "it waits for a page of another host",
				 call->task->name, TASK_STOP_MS);
	return KERN_SUCCESS;
}

kern_return_t answer_task_resume(struct call *call, const struct task_resume_request *request,
				 struct task_resume_reply *reply)
{
	(void)request;
	(void)reply;
	if (threads_unsuspend(call->task))
		return call_fail(call, KERN_FAILURE, "task 0x%x is not suspended",
				 call->task->name);
	return KERN_SUCCESS;
}

kern_return_t answer_vmm_properties(struct call *call, const struct vmm_properties_request *request,
				    struct vmm_properties_reply *reply)
{
	struct task *task = call->task;
	bool is_released;

	(void)reply;
	if (request->properties_count != 1)
		return call_fail(call, KERN_INVALID_ARGUMENT, "vmm_properties of %u tasks",
				 request->properties_count);
	pthread_mutex_lock(&task->lock);
	is_released = task->properties.hold_exceptions && !request->properties[0].hold_exceptions;
	task->properties = request->properties[0];
	pthread_mutex_unlock(&task->lock);
	space_limit_set(task->space, request->properties[0].limit_memory_bytes);
	if (is_released)
		exceptions_release(task);
	return KERN_SUCCESS;
}

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

/* The process is the task, so its processor time is the task's: guest code counts as user time. */
kern_return_t answer_task_info(struct call *call, const struct task_info_request *request,
			       struct task_info_reply *reply)
{
	struct task *task = call->task;
	struct rusage usage;

	if (request->flavor != TASK_BASIC_INFO && request->flavor != TASK_SECURITY_TOKEN)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "task_info flavor %u does not exist: use TASK_BASIC_INFO or "
				 "TASK_SECURITY_TOKEN",
				 request->flavor);
	reply->owner_uid = task->owner_uid;
	if (request->flavor == TASK_SECURITY_TOKEN)
		return KERN_SUCCESS;
	if (getrusage(RUSAGE_SELF, &usage))
		return KERN_FAILURE;
	pthread_mutex_lock(&task->lock);
	reply->suspend_count = task->suspend_count;
	reply->base_priority = task->properties.priority;
	reply->policy = task->properties.policy;
	pthread_mutex_unlock(&task->lock);
	reply->virtual_size = space_virtual_bytes(task->space);
	reply->resident_size = space_resident_bytes(task->space);
	reply->user_time = microseconds(usage.ru_utime);
	reply->system_time = microseconds(usage.ru_stime);
	return KERN_SUCCESS;
}

kern_return_t answer_task_threads(struct call *call, const struct task_threads_request *request,
				  struct task_threads_reply *reply)
{
	struct task *task = call->task;
	struct port_name *names = (struct port_name *)call->arena->decoded;
	uint32_t count = 0;

	(void)request;
	pthread_mutex_lock(&task->lock);
	for (uint32_t i = 0; i < NAME_THREADS; i++) {
		const struct thread *thread = &task->threads[i];

		if (thread->life != THREAD_FREE && !thread->is_terminated)
			names[count++].name = thread_name(thread);
	}
	pthread_mutex_unlock(&task->lock);
	reply->threads = names;
	reply->threads_count = count;
	return KERN_SUCCESS;
}

kern_return_t answer_norma_task_statistics(struct call *call,
					   const struct norma_task_statistics_request *request,
					   struct norma_task_statistics_reply *reply)
{
	struct task *task = call->task;
	struct task_statistics *statistics = &task->statistics;

	(void)request;
	reply->created_ns = atomic_load(&statistics->created_ns);
	reply->first_instruction_ns = atomic_load(&statistics->first_instruction_ns);
	reply->last_pause_ns = atomic_load(&statistics->last_pause_ns);
	reply->hypercalls = atomic_load(&statistics->hypercalls);
	reply->system_calls = atomic_load(&statistics->system_calls);
	personality_unknown_calls(task, &reply->unknown_system_calls, reply->unknown_names,
				  sizeof(reply->unknown_names));
	return KERN_SUCCESS;
}

kern_return_t answer_norma_task_self(struct call *call,
				     const struct norma_task_self_request *request,
				     struct norma_task_self_reply *reply)
{
	(void)request;
	if (!call->caller)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "norma_task_self is for threads of a task");
	reply->task = call->task->name;
	reply->thread = thread_name(call->caller);
	reply->node = call->task->node;
	return KERN_SUCCESS;
}
