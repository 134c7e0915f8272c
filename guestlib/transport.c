/*
 * The transport under the call stubs in a guest: a message out and a message back by one hypercall.
 * Nothing is kept between calls: a child task inherits all memory, and what is true of this task
 * (its name, above all) need not be true there.
 */
#include "mach/transport.h"

#include <mach/mach.h>

#include "mach/call.h"
#include "message/names.h"
#include "norma_abi.h"

/* The request's bytes are copied before the reply is written, so one buffer serves for both. */
kern_return_t norma_transport_call(uint16_t type, uint8_t *buffer, size_t request_bytes,
				   size_t capacity, size_t *ret_reply_bytes)
{
	struct message_header header = {.type = type, .bytes = (uint32_t)request_bytes};
	struct wire_writer writer;
	long bytes;

	wire_writer_init(&writer, buffer, MESSAGE_HEADER_BYTES);
	message_header_encode(&writer, &header);
	bytes = norma_hypercall(buffer, MESSAGE_HEADER_BYTES + request_bytes, buffer, capacity);
	if (bytes < 0 || message_header_decode(buffer, (size_t)bytes, &header))
		return KERN_FAILURE;
	if (header.flags != MESSAGE_REPLY || header.type != type ||
	    header.bytes != (size_t)bytes - MESSAGE_HEADER_BYTES)
		return KERN_FAILURE;
	*ret_reply_bytes = header.bytes;
	return header.result;
}

static kern_return_t ask_self(struct norma_task_self_reply *ret_self)
{
	struct norma_task_self_request request = {};

	return MACH_CALL_SMALL(norma_task_self, &request, ret_self);
}

task_t mach_task_self(void)
{
	struct norma_task_self_reply self;

	return ask_self(&self) == KERN_SUCCESS ? self.task : TASK_NULL;
}

thread_act_t mach_thread_self(void)
{
	struct norma_task_self_reply self;

	return ask_self(&self) == KERN_SUCCESS ? self.thread : THREAD_NULL;
}

host_t mach_host_self(void)
{
	struct norma_task_self_reply self;

	return ask_self(&self) == KERN_SUCCESS ? name_of_host(self.node) : HOST_NULL;
}

void norma_transport_extend_deadline(unsigned int milliseconds)
{
	(void)milliseconds; /* a hypercall has no deadline */
}

kern_return_t norma_transport_allocate(vm_size_t bytes, vm_offset_t *ret_address)
{
	vm_address_t address = 0;
	kern_return_t result = vm_allocate(mach_task_self(), &address, bytes, TRUE);

	if (result != KERN_SUCCESS)
		return KERN_RESOURCE_SHORTAGE;
	*ret_address = address;
	return KERN_SUCCESS;
}

void norma_transport_free(vm_offset_t address, vm_size_t bytes)
{
	vm_deallocate(mach_task_self(), address, bytes);
}

bool norma_transport_is_apart(task_t task, vm_offset_t address, vm_size_t bytes)
{
	(void)task;
	(void)address;
	(void)bytes;
	return false;
}
