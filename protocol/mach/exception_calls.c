/*
 * The stubs of mach/norma_task.h for threads that are held at an exception. Freestanding.
 */
#include <string.h>

#include <mach/mach.h>

#include "mach/call.h"
#include "mach/transport.h"

_Static_assert(NORMA_EXCEPTION_TEXT_BYTES == MESSAGE_MAX_TEXT, "a sentence fits");

kern_return_t norma_exception_hold(task_t task, boolean_t hold)
{
	struct norma_exception_hold_request request = {.task = task, .hold = hold != FALSE};
	struct norma_exception_hold_reply reply;

	return MACH_CALL_SMALL(norma_exception_hold, &request, &reply);
}

kern_return_t norma_exception_wait(task_t task, unsigned int timeout_ms,
				   struct norma_exception *ret_exception)
{
	struct norma_exception_wait_request request = {.task = task, .timeout_ms = timeout_ms};
	struct norma_exception_wait_reply reply;
	kern_return_t result;

	norma_transport_extend_deadline(timeout_ms);
	result = MACH_CALL_SMALL(norma_exception_wait, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	memset(ret_exception, 0, sizeof(*ret_exception));
	if (reply.thread == THREAD_NULL)
		return KERN_SUCCESS;
	ret_exception->thread = reply.thread;
	ret_exception->exception = (exception_type_t)reply.exception;
	ret_exception->code = reply.code;
	ret_exception->address_known = reply.address_known ? TRUE : FALSE;
	ret_exception->address = reply.address;
	ret_exception->instruction_pointer = reply.instruction_pointer;
	memcpy(ret_exception->text, reply.text, sizeof(reply.text));
	return KERN_SUCCESS;
}

kern_return_t norma_exception_resume(thread_act_t thread)
{
	struct norma_exception_resume_request request = {.thread = thread};
	struct norma_exception_resume_reply reply;

	return MACH_CALL_SMALL(norma_exception_resume, &request, &reply);
}
