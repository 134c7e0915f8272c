/*
 * vmm_prepare: what can be done for a task before anybody asks for it, when its memory is known.
 */
#include "answer.h"
#include "base/log.h"
#include "space.h"
#include "task.h"
#include "thread_wire.h"
#include "vcpu.h"

/* Slots and KVM's tables for where the thread will begin. All of it would come by itself. */
static void prepare_vcpu(struct task *task, struct wire_span expected)
{
	struct vcpu *vcpu = task->runners[0].vcpu;
	struct thread_state state;

	if (thread_state_decode(expected, &state) || thread_state_check(&state))
		return;
	machine_slot_ensure(&task->machine, state.rsp - 1);
	vcpu_state(vcpu)->fs_base = state.fs_base;
	vcpu_state(vcpu)->gs_base = state.gs_base;
	if (vcpu_warm(vcpu, state.rip))
		log_line(LOG_DEBUG, "the vCPU is not prepared");
}

kern_return_t answer_vmm_prepare(struct call *call, const struct vmm_prepare_request *request,
				 struct vmm_prepare_reply *reply)
{
	struct task *task = call->task;
	kern_return_t code;

	(void)reply;
	if (request->windows_count != call->arena->request_fd_count)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "vmm_prepare with %u windows and %u descriptors",
				 request->windows_count, call->arena->request_fd_count);
	if (task_life_now(task) != TASK_WAITING || task->is_prepared)
		return call_fail(call, KERN_NAME_EXISTS, "this process has its memory already");
	code = space_import(task->space,
			    (struct region_list){request->regions, request->regions_count},
			    (struct window_list){request->windows, call->arena->request_fds,
						 request->windows_count},
			    &call->failure);
	if (code)
		return code;
	task->is_prepared = true;
	prepare_vcpu(task, request->thread_state);
	return KERN_SUCCESS;
}
