/*
 * Calls about a task's memory. Ranges are rounded outward to whole pages (not those of vm_read,
 * vm_read_overwrite, vm_write and vm_copy, which are exact). The general return codes are in
 * task.h.
 */
#ifndef MACH_VM_H
#define MACH_VM_H

#include <mach/boolean.h>
#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/vm_attributes.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <mach/vm_region.h>
#include <mach/vm_sync.h>
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

/*
 * As vm_read, but into the caller's own memory at data[size]. Nothing is written there unless the
 * whole range could be read. Return: as vm_read, with *ret_bytes = size.
 */
kern_return_t vm_read_overwrite(vm_task_t target_task, vm_address_t address, vm_size_t size,
				vm_address_t data, vm_size_t *ret_bytes);

/*
 * Copies memory inside a task, as if it was read and then written: the ranges may overlap and need
 * not be aligned, sharers of the destination see the bytes, its attributes stay. Both ranges are
 * checked as a whole before the first byte changes. size 0 does nothing.
 * Return: KERN_SUCCESS; KERN_INVALID_ADDRESS when a page of a range is not allocated or it wraps;
 * KERN_PROTECTION_FAILURE when the source may not be read or the destination not be written;
 * KERN_MEMORY_ERROR when a page was lost with another node (part of the bytes may then be copied);
 * KERN_RESOURCE_SHORTAGE when there is no memory for the transfer.
 */
kern_return_t vm_copy(vm_task_t target_task, vm_address_t source_address, vm_size_t size,
		      vm_address_t dest_address);

/*
 * Makes a new region with its attributes in one step. memory_object MACH_PORT_NULL: of zeros
 * (offset and copy then do not matter); there are no memory objects to name as yet. anywhere TRUE:
 * at a free place, from *address on, where the bits of `mask` are 0; FALSE: at *address, rounded
 * down. size is in bytes and not 0. Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT when size is 0, a
 * protection has other bits than read, write and execute, or inheritance is not SHARE, COPY or
 * NONE; KERN_INVALID_OBJECT when memory_object is not null; KERN_INVALID_ADDRESS when the range is
 * not inside the address space; KERN_NO_SPACE when it is taken, *address has bits of mask, or no
 * free range is long enough.
 */
kern_return_t vm_map(vm_task_t target_task, vm_address_t *address, vm_size_t size,
		     vm_address_t mask, boolean_t anywhere, mach_port_t memory_object,
		     vm_offset_t offset, boolean_t copy, vm_prot_t cur_protection,
		     vm_prot_t max_protection, vm_inherit_t inheritance);

/*
 * Maps memory of source_task into target_task (they may be the same, and may be on two nodes). copy
 * FALSE: shared, and kept coherent between nodes; TRUE: a copy as of now. Where: as in vm_map. The
 * new regions have the protections of the old ones; *cur_protection and *max_protection are set to
 * what all of them allow.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT when a task is none, size is 0 or inheritance is not
 * SHARE, COPY or NONE; KERN_INVALID_ADDRESS when a page of the source is not allocated, or the new
 * range not inside the address space; KERN_NO_SPACE as in vm_map; KERN_RESOURCE_SHORTAGE.
 */
kern_return_t vm_remap(vm_task_t target_task, vm_address_t *address, vm_size_t size,
		       vm_address_t mask, boolean_t anywhere, vm_task_t source_task,
		       vm_address_t source_address, boolean_t copy, vm_prot_t *cur_protection,
		       vm_prot_t *max_protection, vm_inherit_t inheritance);

/*
 * Wires the range: its pages are brought into the node's memory and stay there, except that a page
 * shared between nodes still moves to the node that stores to it. It nests; access VM_PROT_NONE
 * takes one wiring back, and does nothing where there is none. Never inherited. host_priv is any
 * host's name. All or nothing. Return: KERN_SUCCESS; KERN_INVALID_HOST when host_priv is not a
 * host's name (looked at first); KERN_INVALID_TASK when target_task is not a task's name;
 * KERN_INVALID_ARGUMENT when access has other bits than read, write and execute;
 * KERN_INVALID_ADDRESS when a page of the range is not allocated; KERN_PROTECTION_FAILURE when the
 * protection does not allow the access; KERN_MEMORY_ERROR when a page was lost with another node;
 * KERN_FAILURE when it is wired 65535 times; KERN_RESOURCE_SHORTAGE when the host has not that much
 * memory or may not lock it.
 */
kern_return_t vm_wire(host_priv_t host_priv, vm_task_t target_task, vm_address_t address,
		      vm_size_t size, vm_prot_t access);

/*
 * Brings a range's memory object up to date. sync_flags: VM_SYNC_SYNCHRONOUS or _ASYNCHRONOUS,
 * VM_SYNC_INVALIDATE. Memory without a memory object, and pages that are not there, are skipped.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT when both SYNCHRONOUS and ASYNCHRONOUS are set
 * (looked at first); KERN_INVALID_TASK when target_task is not a task's name.
 */
kern_return_t vm_msync(vm_task_t target_task, vm_address_t address, vm_size_t size,
		       vm_sync_t sync_flags);

/*
 * Says how a range will be referenced (VM_BEHAVIOR_). All or nothing.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT for another behavior; KERN_INVALID_ADDRESS when a
 * page of the range is not allocated or it leaves the address space.
 */
kern_return_t vm_behavior_set(vm_task_t target_task, vm_address_t address, vm_size_t size,
			      vm_behavior_t new_behavior);

/*
 * Gets or sets an attribute of a range that depends on the machine: MATTR_CACHE, _MIGRATE or
 * _REPLICATE. *value is MATTR_VAL_OFF, _ON, or _GET to ask; it is set to the attribute's value.
 * Return: KERN_SUCCESS; KERN_INVALID_ADDRESS when the range leaves the address space;
 * KERN_INVALID_ARGUMENT for another attribute or value, and for a value that the machine cannot
 * have.
 */
kern_return_t vm_machine_attribute(vm_task_t target_task, vm_address_t address, vm_size_t size,
				   vm_machine_attribute_t attribute,
				   vm_machine_attribute_val_t *value);

#endif
