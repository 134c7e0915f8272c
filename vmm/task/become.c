/*
 * vmm_become: the waiting process becomes a task, in one step for whoever asks. What can fail is
 * done while the task has no name, and taken back; then it has one, and its first thread may run.
 * The most of it is over before anybody asks when vmm_prepare brought the memory.
 */
#include <string.h>
#include <time.h>

#include "answer.h"
#include "base/clock.h"
#include "base/log.h"
#include "mach/thread_status.h"
#include "memory_cell.h"
#include "space.h"
#include "task.h"
#include "thread_wire.h"
#include "vcpu.h"

struct become {
	struct call *call;
	const struct vmm_become_request *request;
	struct thread_state state;
	struct thread *thread; /* NULL: none is asked for, or not made yet */
};

/* generation and seed are for programs that ask what they are; random bytes come from the kernel.
 */
static kern_return_t become_check(const struct become *become)
{
	const struct vmm_become_request *request = become->request;

	if (name_kind(request->task) != NAME_TASK || name_thread_index(request->task) ||
	    name_node(request->task) != request->node || request->seed.bytes != TASK_SEED_BYTES)
		return call_fail(become->call, KERN_INVALID_ARGUMENT,
				 "vmm_become: 0x%x is no task name of node %d, or the seed is not "
				 "%u bytes long",
				 request->task, request->node, TASK_SEED_BYTES);
	if (request->windows_count != become->call->arena->request_fd_count)
		return call_fail(become->call, KERN_INVALID_ARGUMENT,
				 "vmm_become with %u windows and %u descriptors",
				 request->windows_count, become->call->arena->request_fd_count);
	if (request->properties_count != 1)
		return call_fail(become->call, KERN_INVALID_ARGUMENT,
				 "vmm_become with properties of %u tasks",
				 request->properties_count);
	if (request->memory_cell < MEMORY_CELL_ANY || request->memory_cell > MEMORY_CELL_MAX)
		return call_fail(become->call, KERN_INVALID_ARGUMENT,
				 "vmm_become with memory of cell %d", request->memory_cell);
	if (request->prepared > become->call->task->is_prepared ||
	    (request->prepared && (request->regions_count || request->windows_count)))
		return call_fail(become->call, KERN_INVALID_ARGUMENT,
				 "vmm_become with memory that was not prepared, or with more");
	return KERN_SUCCESS;
}

static kern_return_t become_check_thread(struct become *become)
{
	const struct vmm_become_request *request = become->request;

	if (!request->thread_flavor)
		return KERN_SUCCESS;
	if (request->thread_flavor != x86_THREAD_STATE64)
		return call_fail(become->call, KERN_INVALID_ARGUMENT,
				 "a first thread begins with x86_THREAD_STATE64, not with flavor "
				 "%u",
				 request->thread_flavor);
	if (thread_state_decode(request->thread_state, &become->state) ||
	    thread_state_check(&become->state))
		return call_fail(become->call, KERN_INVALID_ARGUMENT,
				 "the first thread's %u bytes of registers are not a state this "
				 "CPU can load",
				 request->thread_state.bytes);
	become->state.rdi = request->thread_number;
	return KERN_SUCCESS;
}

/* Only one at a time gets beyond this. */
static kern_return_t become_begin(const struct become *become)
{
	struct task *task = become->call->task;
	bool is_waiting;

	pthread_mutex_lock(&task->lock);
	is_waiting = task->life == TASK_WAITING;
	if (is_waiting)
		task_life_set(task, TASK_BECOMING);
	pthread_mutex_unlock(&task->lock);
	if (!is_waiting)
		return call_fail(become->call, KERN_NAME_EXISTS,
				 "this process is a task already, or about to be one");
	return KERN_SUCCESS;
}

static kern_return_t become_make_thread(struct become *become)
{
	struct task *task = become->call->task;
	const char *step;
	kern_return_t code;

	if (!become->request->thread_flavor)
		return KERN_SUCCESS;
	code = thread_make(task, &become->thread, &step);
	if (code)
		return call_fail(become->call, code, "no first thread: %s failed", step);
	/* It was checked, and nobody else knows the thread. */
	pthread_mutex_lock(&task->lock);
	*vcpu_state(become->thread->runner->vcpu) = become->state;
	pthread_mutex_unlock(&task->lock);
	return KERN_SUCCESS;
}

static void become_properties(struct task *task, const struct task_properties *properties)
{
	pthread_mutex_lock(&task->lock);
	task->properties = *properties;
	pthread_mutex_unlock(&task->lock);
	space_limit_set(task->space, properties->limit_memory_bytes);
}

/* Before any memory is touched. A cell that this process may not use is no reason to fail. */
static void become_cell(struct task *task, int cell)
{
	int error = memory_cell_follow(cell);

	if (error)
		log_line(LOG_WARNING, "step=memory-cell cell=%d err=\"%s\" (any will do)", cell,
			 strerror(-error));
	atomic_store(&task->memory_cell, error ? MEMORY_CELL_ANY : cell);
	space_cell_set(task->space, error ? MEMORY_CELL_ANY : cell);
}

/* When the memory came there was no limit yet. */
static kern_return_t become_check_limit(const struct become *become)
{
	uint64_t limit = become->request->properties[0].limit_memory_bytes;
	uint64_t bytes = space_virtual_bytes(become->call->task->space);

	if (!limit || bytes <= limit)
		return KERN_SUCCESS;
	return call_fail(become->call, KERN_RESOURCE_SHORTAGE,
			 "the task would have %llu bytes of memory; its limit is %llu",
			 (unsigned long long)bytes, (unsigned long long)limit);
}

/* The properties first: they limit memory and threads. */
static kern_return_t become_fill(struct become *become)
{
	const struct vmm_become_request *request = become->request;
	struct task *task = become->call->task;
	kern_return_t code;

	become_properties(task, &request->properties[0]);
	become_cell(task, request->memory_cell);
	code = become_make_thread(become);
	if (!code && request->prepared)
		code = become_check_limit(become);
	else if (!code)
		code = space_import(
		    task->space, (struct region_list){request->regions, request->regions_count},
		    (struct window_list){request->windows, become->call->arena->request_fds,
					 request->windows_count},
		    &become->call->failure);
	return code;
}

static void become_undo(struct become *become)
{
	struct task *task = become->call->task;

	if (become->thread)
		thread_kill(become->thread);
	become_properties(task, &(struct task_properties){0});
	become_cell(task, MEMORY_CELL_ANY);
	pthread_mutex_lock(&task->lock);
	task_life_set(task, TASK_WAITING);
	pthread_mutex_unlock(&task->lock);
}

static void become_finish(const struct become *become)
{
	const struct vmm_become_request *request = become->request;
	struct task *task = become->call->task;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	atomic_store(&task->statistics.created_ns,
		     (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec);
	pthread_mutex_lock(&task->lock);
	task->node = request->node;
	task->owner_uid = request->owner_uid;
	task->name = request->task;
	task_life_set(task, TASK_ASSIGNED);
	pthread_mutex_unlock(&task->lock);
}

/*
 * The reply goes out before the thread may run: hostd knows the task before it hears from it, be it
 * a call, output or its end.
 */
static kern_return_t become_answer_and_run(const struct become *become)
{
	struct call *call = become->call;
	struct vmm_become_reply reply = {.thread = thread_name(become->thread)};

	vmm_become_reply_encode(&call->reply, &reply);
	worker_reply(call->task, &call->header, call->reply.data, (uint32_t)call->reply.used);
	thread_go(become->thread);
	return CALL_PARKED;
}

kern_return_t answer_vmm_become(struct call *call, const struct vmm_become_request *request,
				struct vmm_become_reply *reply)
{
	struct become become = {.call = call, .request = request};
	kern_return_t code = become_check(&become);

	(void)reply;
	if (!code)
		code = become_check_thread(&become);
	if (!code)
		code = become_begin(&become);
	if (code)
		return code;
	code = become_fill(&become);
	if (code) {
		become_undo(&become);
		return code;
	}
	become_finish(&become);
	return become.thread ? become_answer_and_run(&become) : KERN_SUCCESS;
}
