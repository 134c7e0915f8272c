/*
 * The stubs of mach/vm.h that make, map and advise about regions. Where Mach fixes which wrong
 * argument is answered first and the messages cannot carry it, it is looked at here. Freestanding.
 */
#include <mach/mach.h>

#include "mach/call.h"
#include "message/names.h"

kern_return_t vm_copy(vm_task_t target_task, vm_address_t source_address, vm_size_t size,
		      vm_address_t dest_address)
{
	struct vm_copy_request request = {
	    .task = target_task,
	    .source_address = source_address,
	    .size = size,
	    .dest_address = dest_address,
	};
	struct vm_copy_reply reply;

	return MACH_CALL_SMALL(vm_copy, &request, &reply);
}

static boolean_t is_protection(vm_prot_t protection)
{
	return (protection & ~VM_PROT_ALL) == 0;
}

kern_return_t vm_map(vm_task_t target_task, vm_address_t *address, vm_size_t size,
		     vm_address_t mask, boolean_t anywhere, mach_port_t memory_object,
		     vm_offset_t offset, boolean_t copy, vm_prot_t cur_protection,
		     vm_prot_t max_protection, vm_inherit_t inheritance)
{
	struct vm_map_request request = {
	    .task = target_task,
	    .address = *address,
	    .size = size,
	    .mask = mask,
	    .anywhere = anywhere != FALSE,
	    .cur_protection = (uint32_t)cur_protection,
	    .max_protection = (uint32_t)max_protection,
	    .inheritance = inheritance,
	};
	struct vm_map_reply reply;
	kern_return_t result;

	(void)offset, (void)copy; /* say nothing about memory without an object */
	if (name_kind(target_task) != NAME_TASK || size == 0 || !is_protection(cur_protection) ||
	    !is_protection(max_protection) || inheritance > VM_INHERIT_LAST_VALID)
		return KERN_INVALID_ARGUMENT;
	if (memory_object != MACH_PORT_NULL)
		return KERN_INVALID_OBJECT;
	result = MACH_CALL_SMALL(vm_map, &request, &reply);
	if (result == KERN_SUCCESS)
		*address = reply.address;
	return result;
}

kern_return_t vm_remap(vm_task_t target_task, vm_address_t *address, vm_size_t size,
		       vm_address_t mask, boolean_t anywhere, vm_task_t source_task,
		       vm_address_t source_address, boolean_t copy, vm_prot_t *cur_protection,
		       vm_prot_t *max_protection, vm_inherit_t inheritance)
{
	struct vm_remap_request request = {
	    .target_task = target_task,
	    .address = *address,
	    .size = size,
	    .mask = mask,
	    .anywhere = anywhere != FALSE,
	    .source_task = source_task,
	    .source_address = source_address,
	    .copy = copy != FALSE,
	    .inheritance = inheritance,
	};
	struct vm_remap_reply reply;
	kern_return_t result = MACH_CALL_SMALL(vm_remap, &request, &reply);

	if (result != KERN_SUCCESS)
		return result;
	*address = reply.address;
	*cur_protection = (vm_prot_t)reply.cur_protection;
	*max_protection = (vm_prot_t)reply.max_protection;
	return KERN_SUCCESS;
}

kern_return_t vm_wire(host_priv_t host_priv, vm_task_t target_task, vm_address_t address,
		      vm_size_t size, vm_prot_t access)
{
	struct vm_wire_request request = {
	    .task = target_task,
	    .address = address,
	    .size = size,
	    .access = (uint32_t)access,
	};
	struct vm_wire_reply reply;

	if (name_kind(host_priv) != NAME_HOST)
		return KERN_INVALID_HOST;
	if (name_kind(target_task) != NAME_TASK)
		return KERN_INVALID_TASK;
	return MACH_CALL_SMALL(vm_wire, &request, &reply);
}

kern_return_t vm_msync(vm_task_t target_task, vm_address_t address, vm_size_t size,
		       vm_sync_t sync_flags)
{
	const vm_sync_t both = VM_SYNC_SYNCHRONOUS | VM_SYNC_ASYNCHRONOUS;
	struct vm_msync_request request = {
	    .task = target_task,
	    .address = address,
	    .size = size,
	    .flags = sync_flags,
	};
	struct vm_msync_reply reply;

	if ((sync_flags & both) == both)
		return KERN_INVALID_ARGUMENT;
	if (name_kind(target_task) != NAME_TASK)
		return KERN_INVALID_TASK;
	return MACH_CALL_SMALL(vm_msync, &request, &reply);
}

kern_return_t vm_behavior_set(vm_task_t target_task, vm_address_t address, vm_size_t size,
			      vm_behavior_t new_behavior)
{
	struct vm_behavior_set_request request = {
	    .task = target_task,
	    .address = address,
	    .size = size,
	    .behavior = (uint32_t)new_behavior,
	};
	struct vm_behavior_set_reply reply;

	return MACH_CALL_SMALL(vm_behavior_set, &request, &reply);
}

kern_return_t vm_machine_attribute(vm_task_t target_task, vm_address_t address, vm_size_t size,
				   vm_machine_attribute_t attribute,
				   vm_machine_attribute_val_t *value)
{
	struct vm_machine_attribute_request request = {
	    .task = target_task,
	    .address = address,
	    .size = size,
	    .attribute = attribute,
	    .value = *value,
	};
	struct vm_machine_attribute_reply reply;
	kern_return_t result = MACH_CALL_SMALL(vm_machine_attribute, &request, &reply);

	if (result == KERN_SUCCESS)
		*value = reply.value;
	return result;
}
