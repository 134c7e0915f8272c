/*
 * The one table of everything this process answers, and the frame around each answer: decode,
 * check, act, encode.
 */
#include "call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "mach/mach_error.h"
#include "task.h"

/* From hostd and, if message_type_executor says so, from guests; or from hostd only. */
enum call_speed {
	CALL_WAITS, /* may wait for something: hostd's go to a worker */
	CALL_QUICK, /* never does */
};

struct call_entry {
	uint16_t type;
	enum call_speed speed;
	kern_return_t (*answer)(struct call *call);
};

static kern_return_t call_malformed(struct call *call)
{
	return call_fail(call, KERN_INVALID_ARGUMENT, "the request %s is malformed",
			 message_type_name(call->header.type));
}

/* For each call a function that decodes, answers (answer.h) and encodes. */
#define ANSWER(name, speed)                                                                        \
	static kern_return_t name##_frame(struct call *call)                                       \
	{                                                                                          \
		struct name##_request request = {};                                                \
		struct name##_reply reply = {};                                                    \
		kern_return_t code;                                                                \
                                                                                                   \
		name##_request_decode(&call->request, &request);                                   \
		if (wire_reader_end(&call->request))                                               \
			return call_malformed(call);                                               \
		code = answer_##name(call, &request, &reply);                                      \
		if (!code)                                                                         \
			name##_reply_encode(&call->reply, &reply);                                 \
		return code;                                                                       \
	}
#include "answers.def"
#undef ANSWER

static const struct call_entry call_entries[] = {
#define ANSWER(name, speed) {MESSAGE_##name, CALL_##speed, name##_frame},
#include "answers.def"
#undef ANSWER
};

static const struct call_entry *call_entry_find(uint16_t type)
{
	for (size_t i = 0; i < sizeof(call_entries) / sizeof(call_entries[0]); i++)
		if (call_entries[i].type == type)
			return &call_entries[i];
	return NULL;
}

bool call_is_quick(uint16_t type)
{
	const struct call_entry *entry = call_entry_find(type);

	return !entry || entry->speed == CALL_QUICK;
}

struct call_arena *call_arena_new(void)
{
	return calloc(1, sizeof(struct call_arena));
}

kern_return_t call_fail(struct call *call, kern_return_t code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(call->failure.text, sizeof(call->failure.text), format, arguments);
	va_end(arguments);
	return code;
}

const char *call_range_reason(kern_return_t code)
{
	switch (code) {
	case KERN_INVALID_ADDRESS:
		return "not all of it is allocated, or it lies outside the address space";
	case KERN_PROTECTION_FAILURE:
		return "the protection of a region in it does not allow that";
	case KERN_NO_SPACE:
		return "the addresses are taken or there is no room";
	case KERN_INVALID_ARGUMENT:
		return "an argument has a value that does not exist";
	case KERN_RESOURCE_SHORTAGE:
		return "the host is out of memory, or the task has too many regions or as much "
		       "memory "
		       "as its limit allows";
	case KERN_MEMORY_ERROR:
		return "a page is lost: the host that held its only copy is gone";
	default:
		return mach_error_string(code);
	}
}

kern_return_t call_fail_range(struct call *call, kern_return_t code, uint64_t address,
			      uint64_t bytes)
{
	if (!code)
		return KERN_SUCCESS;
	return call_fail(call, code, "%s of 0x%llx bytes at 0x%llx in task 0x%x: %s",
			 message_type_name(call->header.type), (unsigned long long)bytes,
			 (unsigned long long)address, call->task->name, call_range_reason(code));
}

static bool task_answers(struct call *call)
{
	struct task *task = call->task;
	enum task_life life = task_life_now(task);

	if (call->header.type == MESSAGE_vmm_become || call->header.type == MESSAGE_vmm_prepare)
		return true;
	if (life == TASK_ASSIGNED)
		return true;
	call_fail(call, KERN_TERMINATED, "task 0x%x is %s: it does not answer %s", task->name,
		  life < TASK_ASSIGNED ? "not assigned yet" : "ending",
		  message_type_name(call->header.type));
	return false;
}

/* Calls that name a task or a thread must name this task; hostd and hypercalls route by the same
 * field. */
static bool is_for_this_task(struct call *call)
{
	enum message_route route = message_type_route(call->header.type);
	struct wire_reader peek = call->request;
	uint32_t name;

	if (route != ROUTE_TASK && route != ROUTE_THREAD)
		return true;
	name = wire_get_u32(&peek);
	if (route == ROUTE_THREAD && name_kind(name) == NAME_THREAD)
		name = name_task_of_thread(name);
	if (!peek.error && name == call->task->name)
		return true;
	call_fail(call, KERN_INVALID_ARGUMENT, "%s names 0x%x, which is not of task 0x%x",
		  message_type_name(call->header.type), name, call->task->name);
	return false;
}

static kern_return_t call_answer(struct call *call)
{
	const struct call_entry *entry = call_entry_find(call->header.type);

	if (!entry)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "a task does not answer message %u (%s)", call->header.type,
				 message_type_name(call->header.type));
	if (!task_answers(call))
		return KERN_TERMINATED;
	if (!is_for_this_task(call))
		return KERN_INVALID_ARGUMENT;
	return entry->answer(call);
}

uint32_t call_failure_encode(struct call_arena *arena, const struct failure *failure)
{
	struct wire_writer writer;

	wire_writer_init(&writer, arena->reply + MESSAGE_HEADER_BYTES, MESSAGE_MAX_PAYLOAD);
	failure_encode(&writer, failure);
	return (uint32_t)writer.used;
}

kern_return_t call_serve(struct task *task, struct thread *caller,
			 const struct message_header *header, const uint8_t *payload,
			 struct call_arena *arena, uint32_t *ret_reply_bytes)
{
	struct call call = {.task = task, .caller = caller, .header = *header, .arena = arena};
	kern_return_t code;

	wire_reader_init(&call.request, payload, header->bytes, arena->decoded,
			 sizeof(arena->decoded));
	wire_writer_init(&call.reply, arena->reply + MESSAGE_HEADER_BYTES, MESSAGE_MAX_PAYLOAD);
	code = call_answer(&call);
	*ret_reply_bytes = 0;
	if (code == CALL_PARKED)
		return code;
	if (!code && call.reply.error)
		code = call_fail(&call, KERN_RESOURCE_SHORTAGE,
				 "the reply to %s does not fit into a message",
				 message_type_name(header->type));
	if (code && !call.failure.text[0])
		call_fail(&call, code, "%s for task 0x%x: %s", message_type_name(header->type),
			  task->name, mach_error_string(code));
	*ret_reply_bytes =
	    code ? call_failure_encode(arena, &call.failure) : (uint32_t)call.reply.used;
	return code;
}
