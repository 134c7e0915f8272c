/*
 * Mach's calls on a task's memory beyond allocating, reading and protecting.
 */
#include "answer.h"
#include "base/checked.h"
#include "mach/vm_attributes.h"
#include "mach/vm_sync.h"
#include "norma_abi.h"
#include "space.h"
#include "task.h"

kern_return_t answer_vm_map(struct call *call, const struct vm_map_request *request,
			    struct vm_map_reply *reply)
{
	const struct space_place_request place = {
	    .address = request->address,
	    .mask = request->mask,
	    .is_anywhere = request->anywhere != 0,
	};
	const struct space_attributes attributes = {
	    .protection = (vm_prot_t)request->cur_protection,
	    .max_protection = (vm_prot_t)request->max_protection,
	    .inheritance = request->inheritance,
	};
	kern_return_t code = space_map_region(call->task->space, &place, &attributes, request->size,
					      &reply->address);

	return call_fail_range(call, code, request->address, request->size);
}

kern_return_t answer_vm_copy(struct call *call, const struct vm_copy_request *request,
			     struct vm_copy_reply *reply)
{
	kern_return_t code = space_copy(call->task->space, request->source_address, request->size,
					request->dest_address);

	(void)reply;
	if (!code)
		return KERN_SUCCESS;
	return call_fail(call, code, "vm_copy of 0x%llx, %llu bytes, to 0x%llx: %s",
			 (unsigned long long)request->source_address,
			 (unsigned long long)request->size,
			 (unsigned long long)request->dest_address, call_range_reason(code));
}

kern_return_t answer_vm_wire(struct call *call, const struct vm_wire_request *request,
			     struct vm_wire_reply *reply)
{
	(void)reply;
	return call_fail_range(call,
			       space_wire(call->task->space, request->address, request->size,
					  (vm_prot_t)request->access),
			       request->address, request->size);
}

/* All memory here is anonymous, and coherent by itself: there is never anything to bring back. */
kern_return_t answer_vm_msync(struct call *call, const struct vm_msync_request *request,
			      struct vm_msync_reply *reply)
{
	const uint32_t both = VM_SYNC_SYNCHRONOUS | VM_SYNC_ASYNCHRONOUS;

	(void)reply;
	if ((request->flags & both) == both)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "vm_msync cannot be synchronous and asynchronous");
	return KERN_SUCCESS;
}

kern_return_t answer_vm_behavior_set(struct call *call,
				     const struct vm_behavior_set_request *request,
				     struct vm_behavior_set_reply *reply)
{
	(void)reply;
	return call_fail_range(call,
			       space_behavior(call->task->space, request->address, request->size,
					      (vm_behavior_t)request->behavior),
			       request->address, request->size);
}

/*
 * Memory is always cached, and the pager always moves and replicates pages between hosts as they
 * are used: each attribute is on and cannot be switched off.
 */
kern_return_t answer_vm_machine_attribute(struct call *call,
					  const struct vm_machine_attribute_request *request,
					  struct vm_machine_attribute_reply *reply)
{
	uint64_t end;

	if (!checked_add_u64(request->address, request->size, &end) ||
	    request->address < NORMA_USER_START || end > NORMA_USER_END)
		return call_fail_range(call, KERN_INVALID_ADDRESS, request->address, request->size);
	if (request->attribute != MATTR_CACHE && request->attribute != MATTR_MIGRATE &&
	    request->attribute != MATTR_REPLICATE)
		return call_fail(call, KERN_INVALID_ARGUMENT, "there is no machine attribute %u",
				 request->attribute);
	if (request->value != MATTR_VAL_GET && request->value != MATTR_VAL_ON)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "machine attribute %u is always on: it cannot become %d",
				 request->attribute, request->value);
	reply->value = MATTR_VAL_ON;
	return KERN_SUCCESS;
}
