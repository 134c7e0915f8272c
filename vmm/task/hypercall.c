/*
 * Guest calls: copied once, checked, answered here or by hostd.
 */
#include "hypercall.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "control.h"
#include "space.h"
#include "task.h"
#include "wait.h"

/*
 * How long hostd may take. It has deadlines of its own for everything it does, the longest for a
 * child on another host; this one is for a hostd that has stopped working.
 */
#define HYPERCALL_DEADLINE_MS 120000u

struct hypercall {
	struct thread *thread;
	struct call_arena *arena;
	struct message_header request; /* the guest's sequence is kept for the reply */
	const uint8_t *payload;
};

static kern_return_t hypercall_refuse(struct hypercall *hypercall, kern_return_t code,
				      const char *why, uint32_t *ret_reply_bytes)
{
	struct failure failure;

	snprintf(failure.text, sizeof(failure.text), "%s: %s",
		 message_type_name(hypercall->request.type), why);
	*ret_reply_bytes = call_failure_encode(hypercall->arena, &failure);
	return code;
}

/* Calls that wait on purpose say for how long. */
static uint64_t hypercall_deadline_ns(const struct hypercall *hypercall)
{
	uint64_t wait_ms = HYPERCALL_DEADLINE_MS;
	struct wire_reader reader;

	wire_reader_init(&reader, hypercall->payload, hypercall->request.bytes, NULL, 0);
	if (hypercall->request.type == MESSAGE_norma_task_wait) {
		struct norma_task_wait_request request = {0};

		norma_task_wait_request_decode(&reader, &request);
		wait_ms += request.timeout_ms;
	} else if (hypercall->request.type == MESSAGE_norma_console_read) {
		struct norma_console_read_request request = {0};

		norma_console_read_request_decode(&reader, &request);
		wait_ms += request.timeout_ms;
	} else if (hypercall->request.type == MESSAGE_norma_exception_wait) {
		struct norma_exception_wait_request request = {0};

		norma_exception_wait_request_decode(&reader, &request);
		wait_ms += request.timeout_ms;
	}
	return wait_deadline_ms(wait_ms);
}

static kern_return_t hypercall_forward(struct hypercall *hypercall, uint32_t *ret_reply_bytes)
{
	struct task *task = hypercall->thread->task;
	const struct wire_span payload = {hypercall->payload, hypercall->request.bytes};
	const struct message_header header = {
	    .type = hypercall->request.type,
	    .uid = task->owner_uid,
	};
	struct control_wait wait = {
	    .deadline_ns = hypercall_deadline_ns(hypercall),
	    .is_cancelled = &hypercall->thread->is_interrupted,
	    .payload = hypercall->arena->reply + MESSAGE_HEADER_BYTES,
	};
	int error = control_call(&task->control, &header, &payload, &wait);

	switch (error) {
	case 0:
		*ret_reply_bytes = wait.header.bytes;
		return wait.header.result;
	case -ETIMEDOUT:
		return hypercall_refuse(hypercall, KERN_OPERATION_TIMED_OUT,
					"norma-hostd did not answer in time", ret_reply_bytes);
	case -ECANCELED:
		return hypercall_refuse(hypercall, KERN_ABORTED,
					"the calling thread was interrupted", ret_reply_bytes);
	default:
		return hypercall_refuse(hypercall, KERN_FAILURE,
					"norma-hostd cannot be reached from this task",
					ret_reply_bytes);
	}
}

/* Return: true when this process itself answers the call: about its own task or the caller. */
static bool hypercall_is_own(const struct hypercall *hypercall)
{
	enum message_route route = message_type_route(hypercall->request.type);
	struct wire_reader reader;
	uint32_t name;

	if (message_type_executor(hypercall->request.type) != EXECUTOR_VMM)
		return false;
	if (route == ROUTE_HERE)
		return true;
	wire_reader_init(&reader, hypercall->payload, hypercall->request.bytes, NULL, 0);
	name = wire_get_u32(&reader);
	if (name_kind(name) == NAME_THREAD)
		name = name_task_of_thread(name);
	/* Too short to hold a name: refused here rather than sent around. */
	return reader.error || name == hypercall->thread->task->name;
}

static kern_return_t hypercall_answer(struct hypercall *hypercall, uint32_t *ret_reply_bytes)
{
	if (message_type_route(hypercall->request.type) == ROUTE_NONE)
		return hypercall_refuse(hypercall, KERN_INVALID_ARGUMENT,
					"programs have no such call", ret_reply_bytes);
	if (hypercall_is_own(hypercall))
		return call_serve(hypercall->thread->task, hypercall->thread, &hypercall->request,
				  hypercall->payload, hypercall->arena, ret_reply_bytes);
	return hypercall_forward(hypercall, ret_reply_bytes);
}

/* Copies and checks the message. Return: 0 or what the guest gets. */
static int hypercall_take(struct hypercall *hypercall, const struct thread_state *state)
{
	struct space *space = hypercall->thread->task->space;
	uint8_t *message = hypercall->arena->request;
	uint64_t bytes = state->rsi;
	int error;

	if (bytes < MESSAGE_HEADER_BYTES)
		return -EINVAL;
	if (bytes > MESSAGE_MAX_BYTES)
		return -E2BIG;
	error = space_copy_in(space, state->rdi, message, bytes);
	if (error)
		return error;
	error = message_header_decode(message, bytes, &hypercall->request);
	if (error)
		return error;
	if (hypercall->request.flags || hypercall->request.bytes != bytes - MESSAGE_HEADER_BYTES)
		return -EBADMSG;
	/* On whose behalf is not for the guest to say. */
	hypercall->request.uid = hypercall->thread->task->owner_uid;
	hypercall->payload = message + MESSAGE_HEADER_BYTES;
	return 0;
}

static int64_t hypercall_give(struct hypercall *hypercall, const struct thread_state *state,
			      kern_return_t code, uint32_t reply_bytes)
{
	const struct message_header reply = {
	    .type = hypercall->request.type,
	    .flags = MESSAGE_REPLY,
	    .bytes = reply_bytes,
	    .sequence = hypercall->request.sequence,
	    .result = code,
	    .uid = hypercall->request.uid,
	};
	uint64_t bytes = MESSAGE_HEADER_BYTES + reply_bytes;
	struct wire_writer writer;
	int error;

	if (bytes > state->r10)
		return -ENOSPC;
	wire_writer_init(&writer, hypercall->arena->reply, MESSAGE_HEADER_BYTES);
	message_header_encode(&writer, &reply);
	error = space_copy_out(hypercall->thread->task->space, state->rdx, hypercall->arena->reply,
			       bytes);
	return error ? error : (int64_t)bytes;
}

void hypercall_serve(struct thread *thread, struct thread_state *state)
{
	struct hypercall hypercall = {.thread = thread, .arena = thread->runner->arena};
	int64_t result;

	atomic_fetch_add(&thread->task->statistics.hypercalls, 1);
	result = hypercall_take(&hypercall, state);
	if (!result) {
		uint32_t reply_bytes = 0;
		kern_return_t code = hypercall_answer(&hypercall, &reply_bytes);

		result = hypercall_give(&hypercall, state, code, reply_bytes);
	}
	state->rax = (uint64_t)result;
}
