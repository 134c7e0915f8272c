/*
 * The stubs of mach/vm.h. Reads and writes that are longer than one message can be are cut here.
 * Freestanding.
 */
#include <string.h>

#include <mach/mach.h>

#include "mach/call.h"
#include "mach/transport.h"

#define VM_READ_MAX_BYTES (1024u * 1024u * 1024u)
/* Up to this much, a request is put together on the stack. */
#define STACK_DATA_BYTES 2048u

kern_return_t vm_allocate(vm_task_t target_task, vm_address_t *address, vm_size_t size,
			  boolean_t anywhere)
{
	struct vm_allocate_request request = {
	    .task = target_task,
	    .address = *address,
	    .size = size,
	    .anywhere = anywhere != FALSE,
	};
	struct vm_allocate_reply reply;
	kern_return_t result = MACH_CALL_SMALL(vm_allocate, &request, &reply);

	if (result == KERN_SUCCESS)
		*address = reply.address;
	return result;
}

kern_return_t vm_deallocate(vm_task_t target_task, vm_address_t address, vm_size_t size)
{
	struct vm_deallocate_request request = {
	    .task = target_task,
	    .address = address,
	    .size = size,
	};
	struct vm_deallocate_reply reply;

	if (norma_transport_is_apart(target_task, address, size)) {
		norma_transport_free(address, size);
		return KERN_SUCCESS;
	}
	return MACH_CALL_SMALL(vm_deallocate, &request, &reply);
}

kern_return_t vm_protect(vm_task_t target_task, vm_address_t address, vm_size_t size,
			 boolean_t set_maximum, vm_prot_t new_protection)
{
	struct vm_protect_request request = {
	    .task = target_task,
	    .address = address,
	    .size = size,
	    .set_maximum = set_maximum != FALSE,
	    .new_protection = (uint32_t)new_protection,
	};
	struct vm_protect_reply reply;

	return MACH_CALL_SMALL(vm_protect, &request, &reply);
}

kern_return_t vm_inherit(vm_task_t target_task, vm_address_t address, vm_size_t size,
			 vm_inherit_t new_inheritance)
{
	struct vm_inherit_request request = {
	    .task = target_task,
	    .address = address,
	    .size = size,
	    .new_inheritance = new_inheritance,
	};
	struct vm_inherit_reply reply;

	return MACH_CALL_SMALL(vm_inherit, &request, &reply);
}

kern_return_t vm_region(vm_task_t target_task, vm_address_t *address, vm_size_t *size,
			vm_region_flavor_t flavor, vm_region_info_t info,
			mach_msg_type_number_t *info_count, mach_port_t *object_name)
{
	struct vm_region_request request = {
	    .task = target_task,
	    .address = *address,
	    .flavor = (uint32_t)flavor,
	};
	struct vm_region_reply reply;
	struct vm_region_basic_info basic;
	kern_return_t result;

	if (flavor != VM_REGION_BASIC_INFO || *info_count < VM_REGION_BASIC_INFO_COUNT)
		return KERN_INVALID_ARGUMENT;
	result = MACH_CALL_SMALL(vm_region, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	memset(&basic, 0, sizeof(basic)); /* no stray bytes of the stack between the fields */
	basic.protection = (vm_prot_t)reply.protection;
	basic.max_protection = (vm_prot_t)reply.max_protection;
	basic.inheritance = reply.inheritance;
	basic.shared = reply.shared ? TRUE : FALSE;
	basic.offset = reply.offset;
	basic.behavior = (vm_behavior_t)reply.behavior;
	basic.user_wired_count = (unsigned short)reply.user_wired_count;
	memcpy(info, &basic, sizeof(basic)); /* `info` may be aligned as ints only */
	*address = reply.address;
	*size = reply.size;
	*info_count = VM_REGION_BASIC_INFO_COUNT;
	if (object_name)
		*object_name = MACH_PORT_NULL;
	return KERN_SUCCESS;
}

static vm_size_t chunk_of(vm_size_t left)
{
	return left < MACH_CHUNK_BYTES ? left : MACH_CHUNK_BYTES;
}

/* Reads size bytes to `to`, one message for each chunk and at least one (it checks the task). */
static kern_return_t read_chunks(const struct mach_room *room, vm_task_t task, vm_address_t address,
				 vm_size_t size, uint8_t *to)
{
	vm_size_t done = 0;

	do {
		struct vm_read_request request = {
		    .task = task,
		    .address = address + done,
		    .size = chunk_of(size - done),
		};
		struct vm_read_reply reply;
		kern_return_t result = mach_call_vm_read(room, &request, &reply);

		if (result != KERN_SUCCESS)
			return result;
		if (reply.data.bytes != request.size)
			return KERN_FAILURE;
		if (reply.data.bytes)
			memcpy(to + done, reply.data.data, reply.data.bytes);
		done += request.size;
	} while (done < size);
	return KERN_SUCCESS;
}

static kern_return_t read_short(vm_task_t task, vm_address_t address, vm_size_t size, uint8_t *to)
{
	uint8_t bytes[MACH_DATA_ROOM(STACK_DATA_BYTES)];
	struct mach_room room = {.bytes = bytes, .capacity = sizeof(bytes)};

	return read_chunks(&room, task, address, size, to);
}

static kern_return_t read_long(vm_task_t task, vm_address_t address, vm_size_t size, uint8_t *to)
{
	struct mach_room room = {.capacity = MACH_DATA_ROOM(chunk_of(size))};
	vm_offset_t message;
	kern_return_t result = norma_transport_allocate(room.capacity, &message);

	if (result != KERN_SUCCESS)
		return result;
	room.bytes = (uint8_t *)message;
	result = read_chunks(&room, task, address, size, to);
	norma_transport_free(message, room.capacity);
	return result;
}

kern_return_t vm_read(vm_task_t target_task, vm_address_t address, vm_size_t size,
		      vm_offset_t *data, mach_msg_type_number_t *data_count)
{
	vm_offset_t copy = 0;
	kern_return_t result = KERN_SUCCESS;

	if (address + size < address)
		return KERN_INVALID_ADDRESS;
	if (size > VM_READ_MAX_BYTES)
		return KERN_RESOURCE_SHORTAGE;
	if (size)
		result = norma_transport_allocate(size, &copy);
	if (result != KERN_SUCCESS)
		return result;
	result = (size <= STACK_DATA_BYTES ? read_short : read_long)(target_task, address, size,
								     (uint8_t *)copy);
	if (result != KERN_SUCCESS) {
		if (copy)
			norma_transport_free(copy, size);
		return result;
	}
	*data = copy;
	*data_count = (mach_msg_type_number_t)size;
	return KERN_SUCCESS;
}

kern_return_t vm_read_overwrite(vm_task_t target_task, vm_address_t address, vm_size_t size,
				vm_address_t data, vm_size_t *ret_bytes)
{
	mach_msg_type_number_t copy_bytes;
	vm_offset_t copy;
	kern_return_t result;

	if (address + size < address)
		return KERN_INVALID_ADDRESS;
	if (size <= MACH_CHUNK_BYTES) { /* one message: all of it comes, or nothing */
		result = (size <= STACK_DATA_BYTES ? read_short : read_long)(target_task, address,
									     size, (uint8_t *)data);
	} else {
		result = vm_read(target_task, address, size, &copy, &copy_bytes);
		if (result == KERN_SUCCESS) {
			memcpy((void *)data, (const void *)copy, size);
			norma_transport_free(copy, size);
		}
	}
	if (result == KERN_SUCCESS)
		*ret_bytes = size;
	return result;
}

static kern_return_t write_chunks(const struct mach_room *room, vm_task_t task,
				  vm_address_t address, vm_size_t size, const uint8_t *from)
{
	vm_size_t done = 0;

	do {
		struct vm_write_request request = {
		    .task = task,
		    .address = address + done,
		    .check_address = address,
		    .check_size = size,
		    .data = {.data = from + done, .bytes = (uint32_t)chunk_of(size - done)},
		};
		struct vm_write_reply reply;
		kern_return_t result = mach_call_vm_write(room, &request, &reply);

		if (result != KERN_SUCCESS)
			return result;
		done += request.data.bytes;
	} while (done < size);
	return KERN_SUCCESS;
}

static kern_return_t write_short(vm_task_t task, vm_address_t address, vm_size_t size,
				 const uint8_t *from)
{
	uint8_t bytes[MACH_DATA_ROOM(STACK_DATA_BYTES)];
	struct mach_room room = {.bytes = bytes, .capacity = sizeof(bytes)};

	return write_chunks(&room, task, address, size, from);
}

kern_return_t vm_write(vm_task_t target_task, vm_address_t address, vm_offset_t data,
		       mach_msg_type_number_t data_count)
{
	struct mach_room room = {.capacity = MACH_DATA_ROOM(chunk_of(data_count))};
	const uint8_t *from = (const uint8_t *)data;
	vm_offset_t message;
	kern_return_t result;

	if (data_count <= STACK_DATA_BYTES)
		return write_short(target_task, address, data_count, from);
	result = norma_transport_allocate(room.capacity, &message);
	if (result != KERN_SUCCESS)
		return result;
	room.bytes = (uint8_t *)message;
	result = write_chunks(&room, target_task, address, data_count, from);
	norma_transport_free(message, room.capacity);
	return result;
}
