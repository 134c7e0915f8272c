/*
 * Waiting for a task's end and its console.
 */
#include <assert.h>
#include <string.h>

#include "connection.h"
#include "mach/transport.h"
#include "norma.h"

static_assert(NORMA_TASK_RUNNING == (int)TASK_STATE_RUNNING &&
		  NORMA_TASK_EXITED == (int)TASK_STATE_EXITED &&
		  NORMA_TASK_EXCEPTION == (int)TASK_STATE_EXCEPTION &&
		  NORMA_TASK_KILLED == (int)TASK_STATE_KILLED &&
		  NORMA_TASK_LOADING == (int)TASK_STATE_LOADING,
	      "the public states are the message's");
static_assert(NORMA_STDOUT == (int)CONSOLE_STDOUT && NORMA_STDERR == (int)CONSOLE_STDERR,
	      "the public streams are the message's");
static_assert(NORMA_TEXT_BYTES == MESSAGE_MAX_TEXT, "a sentence fits");

kern_return_t norma_task_wait(task_t task, unsigned int timeout_ms, struct norma_task_end *ret_end)
{
	struct norma_task_wait_request request = {.task = task, .timeout_ms = timeout_ms};
	struct norma_task_wait_reply reply;
	kern_return_t result;

	norma_transport_extend_deadline(timeout_ms);
	result = MACH_CALL_SMALL(norma_task_wait, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	ret_end->state = (enum norma_task_state)reply.state;
	ret_end->status = reply.status;
	memcpy(ret_end->text, reply.text, sizeof(ret_end->text));
	return KERN_SUCCESS;
}

kern_return_t norma_console_read(struct norma_console *console, void *data, size_t capacity,
				 size_t *ret_bytes)
{
	struct norma_console_read_request request = {
	    .task = console->task,
	    .offset = console->offset,
	    .timeout_ms = console->timeout_ms,
	    .attach = console->attach != FALSE,
	};
	struct norma_console_read_reply reply;
	struct mach_room room;
	kern_return_t result = client_room_get(&room);
	size_t bytes;

	if (result != KERN_SUCCESS)
		return result;
	norma_transport_extend_deadline(console->timeout_ms);
	result = mach_call_norma_console_read(&room, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	/* What does not fit is asked for again: the next offset is behind what was copied. */
	bytes = reply.data.bytes < capacity ? reply.data.bytes : capacity;
	if (bytes)
		memcpy(data, reply.data.data, bytes);
	console->offset = reply.offset + bytes;
	console->stream = (enum norma_stream)reply.stream;
	console->end = reply.end && bytes == reply.data.bytes;
	*ret_bytes = bytes;
	return KERN_SUCCESS;
}

kern_return_t norma_console_write(task_t task, const void *data, size_t bytes, boolean_t end,
				  size_t *ret_accepted)
{
	size_t piece = bytes < MACH_CHUNK_BYTES ? bytes : MACH_CHUNK_BYTES;
	struct norma_console_write_request request = {
	    .task = task,
	    .end = end && piece == bytes,
	    .data = {.data = data, .bytes = (uint32_t)piece},
	};
	struct norma_console_write_reply reply;
	struct mach_room room;
	kern_return_t result = client_room_get(&room);

	if (result == KERN_SUCCESS)
		result = mach_call_norma_console_write(&room, &request, &reply);
	if (result == KERN_SUCCESS)
		*ret_accepted = reply.accepted;
	return result;
}
