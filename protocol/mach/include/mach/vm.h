/*
 * Calls about a task's memory. Ranges are rounded outward to whole pages (not those of vm_read and
 * vm_write, which are exact). The general return codes are in task.h.
 */
#ifndef MACH_VM_H
#define MACH_VM_H

#include <mach/boolean.h>
#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <mach/vm_region.h>
#include <mach/vm_types.h>

/*
 * Makes a new region of zeros: readable and writable (at most also executable), inherited by copy.
 * anywhere TRUE: *address is set to where it is; FALSE: it is at *address, rounded down. size 0
 * makes nothing and sets *address to 0. Return: KERN_SUCCESS; KERN_INVALID_ADDRESS when the range
 * is not inside the address space; KERN_NO_SPACE when it is taken, or no free range is long enough.
 */
kern_return_t vm_allocate(vm_task_t target_task, vm_address_t *address, vm_size_t size,
			  boolean_t anywhere);

/*
 * Takes a range out of the address space. Pages that are not there do not matter. Tasks that share
 * the memory keep it. Also frees what vm_read and task_threads handed out (target_task
 * mach_task_self(), the address as handed out).
 * Return: KERN_SUCCESS; KERN_INVALID_ADDRESS when the range is not inside the address space.
 */
kern_return_t vm_deallocate(vm_task_t target_task, vm_address_t address, vm_size_t size);

/*
 * Sets the protection, or with set_maximum TRUE the maximum protection, which can only shrink and
 * takes the current one along. All or nothing.
 * Return: KERN_SUCCESS; KERN_INVALID_ADDRESS when a page of the range is not allocated;
 * KERN_PROTECTION_FAILURE when the maximum does not allow it; KERN_INVALID_ARGUMENT when
 * new_protection has other bits than read, write and execute.
 */
kern_return_t vm_protect(vm_task_t target_task, vm_address_t address, vm_size_t size,
			 boolean_t set_maximum, vm_prot_t new_protection);

/*
 * Says what later-made children of the task get of a range: VM_INHERIT_SHARE, _COPY or _NONE.
 * Existing children do not change. All or nothing. size 0 changes nothing and succeeds.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT for another value (looked at first);
 * KERN_INVALID_ADDRESS when a page of the range is not allocated or it leaves the address space.
 */
kern_return_t vm_inherit(vm_task_t target_task, vm_address_t address, vm_size_t size,
			 vm_inherit_t new_inheritance);

/*
 * Finds the region that contains *address, or else the next one: sets *address to its start and
 * *size to its length. flavor VM_REGION_BASIC_INFO: info points to a struct vm_region_basic_info;
 * *info_count is its room in ints, at least VM_REGION_BASIC_INFO_COUNT, and is set to what was
 * written. *object_name is always MACH_PORT_NULL (the pointer may be NULL).
 * Return: KERN_SUCCESS; KERN_INVALID_ADDRESS when no region is at or above *address;
 * KERN_INVALID_ARGUMENT for another flavor or too little room.
 */
kern_return_t vm_region(vm_task_t target_task, vm_address_t *address, vm_size_t *size,
			vm_region_flavor_t flavor, vm_region_info_t info,
			mach_msg_type_number_t *info_count, mach_port_t *object_name);

/*
 * Copies memory of a task into new memory of the caller: *data, *data_count bytes (= size) long,
 * readable and writable. Free it with vm_deallocate(mach_task_self(), *data, *data_count), in a
 * guest and in a client. size 0 gives *data 0. More than 60 KiB is read in several steps, so a task
 * that runs may change it in between. At most 1 GiB at a time. Return: KERN_SUCCESS;
 * KERN_INVALID_ADDRESS when a page of the range is not allocated or it wraps;
 * KERN_PROTECTION_FAILURE when it may not be read; KERN_MEMORY_ERROR when a page was lost with
 * another node; KERN_RESOURCE_SHORTAGE when there is no memory for the copy.
 */
kern_return_t vm_read(vm_task_t target_task, vm_address_t address, vm_size_t size,
		      vm_offset_t *data, mach_msg_type_number_t *data_count);

/*
 * Copies data_count bytes at `data` of the caller into a task's memory; sharers of it see them. The
 * range is checked as a whole before the first byte changes.
 * Return: KERN_SUCCESS; KERN_INVALID_ADDRESS when a page of the range is not allocated or it wraps;
 * KERN_PROTECTION_FAILURE when it may not be written; KERN_MEMORY_ERROR when a page was lost with
 * another node (part of the data may then be written); KERN_RESOURCE_SHORTAGE when there is no
 * memory for the transfer.
 */
kern_return_t vm_write(vm_task_t target_task, vm_address_t address, vm_offset_t data,
		       mach_msg_type_number_t data_count);

#endif
