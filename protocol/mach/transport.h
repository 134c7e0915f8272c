/*
 * What the call stubs need of the side they run on. guestlib implements it with hypercalls,
 * libnorma with the daemon's socket; the stubs themselves are the same source for both.
 */
#ifndef MACH_TRANSPORT_H
#define MACH_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/vm_types.h>

/*
 * Makes one call of a type and waits for its reply. buffer[capacity] begins with
 * MESSAGE_HEADER_BYTES of room for the header, then comes the request's payload of request_bytes;
 * the reply's payload comes in its place, *ret_reply_bytes long.
 * Return: what the call answered; KERN_FAILURE when no proper answer could be got.
 */
kern_return_t norma_transport_call(uint16_t type, uint8_t *buffer, size_t request_bytes,
				   size_t capacity, size_t *ret_reply_bytes);

/*
 * The next call may wait this long on purpose. A client gives up on a call that takes too long, and
 * adds this to it; a guest waits for its VMM as for a processor, so there it changes nothing.
 */
void norma_transport_extend_deadline(unsigned int milliseconds);

/* Makes memory for the caller, page-aligned zeros. Return: KERN_SUCCESS, KERN_RESOURCE_SHORTAGE. */
kern_return_t norma_transport_allocate(vm_size_t bytes, vm_offset_t *ret_address);

/* Frees the caller's memory from norma_transport_allocate, all of one allocation. */
void norma_transport_free(vm_offset_t address, vm_size_t bytes);

/*
 * vm_deallocate of a task also frees what stubs handed out. In a guest that is memory of the task
 * like any other. A client's memory is not the task's: there it has to be told apart.
 * Return: true when the caller names with (task, address, bytes) a whole allocation of
 * norma_transport_allocate that is not memory of that task.
 */
bool norma_transport_is_apart(task_t task, vm_offset_t address, vm_size_t bytes);

#endif
