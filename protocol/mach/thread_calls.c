/*
 * The stubs of mach/thread_act.h. Freestanding.
 */
#include <string.h>

#include <mach/mach.h>

#include "mach/call.h"
#include "mach/convert.h"

kern_return_t thread_create(task_t parent_task, thread_act_t *child_act)
{
	struct thread_create_request request = {.task = parent_task};
	struct thread_create_reply reply;
	kern_return_t result = MACH_CALL_SMALL(thread_create, &request, &reply);

	if (result == KERN_SUCCESS)
		*child_act = reply.thread;
	return result;
}

kern_return_t thread_resume(thread_act_t target_act)
{
	struct thread_resume_request request = {.thread = target_act};
	struct thread_resume_reply reply;

	return MACH_CALL_SMALL(thread_resume, &request, &reply);
}

kern_return_t thread_suspend(thread_act_t target_act)
{
	struct thread_suspend_request request = {.thread = target_act};
	struct thread_suspend_reply reply;

	return MACH_CALL_SMALL(thread_suspend, &request, &reply);
}

kern_return_t thread_terminate(thread_act_t target_act)
{
	struct thread_terminate_request request = {.thread = target_act};
	struct thread_terminate_reply reply;

	return MACH_CALL_SMALL(thread_terminate, &request, &reply);
}

/* The registers that the public struct and the message have in common. */
#define EACH_REGISTER(do)                                                                          \
	do                                                                                         \
	(rax) do(rbx) do(rcx) do(rdx) do(rsi) do(rdi) do(rsp) do(rbp) do(r8) do(r9) do(r10) do(    \
	    r11) do(r12) do(r13) do(r14) do(r15) do(rip) do(rflags) do(fs_base) do(gs_base)
#define COPY_REGISTER(name) to->name = from->name;

static void state_to_message(struct thread_state64 *to, const struct x86_thread_state64 *from)
{
	EACH_REGISTER(COPY_REGISTER)
}

static void state_of_message(struct x86_thread_state64 *to, const struct thread_state64 *from)
{
	EACH_REGISTER(COPY_REGISTER)
}

/* Encodes the integer registers. Return: KERN_SUCCESS, KERN_INVALID_ARGUMENT. */
static kern_return_t registers_encode(thread_state_t state, mach_msg_type_number_t count,
				      uint8_t encoded[THREAD_STATE64_BYTES],
				      struct wire_span *ret_span)
{
	struct x86_thread_state64 registers;
	struct thread_state64 message;
	struct wire_writer writer;

	if (count != x86_THREAD_STATE64_COUNT)
		return KERN_INVALID_ARGUMENT;
	memcpy(&registers, state, sizeof(registers)); /* may be aligned as ints only */
	state_to_message(&message, &registers);
	wire_writer_init(&writer, encoded, THREAD_STATE64_BYTES);
	thread_state64_encode(&writer, &message);
	*ret_span = (struct wire_span){.data = encoded, .bytes = (uint32_t)writer.used};
	return KERN_SUCCESS;
}

static kern_return_t set_state(thread_act_t thread, thread_state_flavor_t flavor,
			       struct wire_span state)
{
	uint8_t bytes[MACH_DATA_ROOM(X86_FLOAT_STATE64_BYTES)];
	struct mach_room room = {.bytes = bytes, .capacity = sizeof(bytes)};
	struct thread_set_state_request request = {
	    .thread = thread,
	    .flavor = (uint32_t)flavor,
	    .state = state,
	};
	struct thread_set_state_reply reply;

	return mach_call_thread_set_state(&room, &request, &reply);
}

kern_return_t thread_set_state(thread_act_t target_act, thread_state_flavor_t flavor,
			       thread_state_t new_state, mach_msg_type_number_t count)
{
	uint8_t encoded[THREAD_STATE64_BYTES];
	struct wire_span span;
	size_t state_bytes = (size_t)count * sizeof(natural_t);

	if (flavor == x86_FLOAT_STATE64 && state_bytes <= X86_FLOAT_STATE64_BYTES)
		return set_state(target_act, flavor,
				 (struct wire_span){.data = (const uint8_t *)new_state,
						    .bytes = (uint32_t)state_bytes});
	if (flavor != x86_THREAD_STATE64 || registers_encode(new_state, count, encoded, &span))
		return KERN_INVALID_ARGUMENT;
	return set_state(target_act, flavor, span);
}

kern_return_t norma_task_spawn(task_t parent, const struct norma_spawn *spawn, task_t *children)
{
	uint8_t bytes[MACH_DATA_ROOM(NORMA_SPAWN_MAX * sizeof(uint32_t))];
	struct port_name names[NORMA_SPAWN_MAX + 1]; /* the scratch area may have to be aligned */
	struct mach_room room = {bytes, sizeof(bytes), names, sizeof(names)};
	uint8_t encoded[THREAD_STATE64_BYTES];
	struct norma_task_spawn_request request = {
	    .parent = parent,
	    .mode = spawn->mode,
	    .child_node = spawn->child_node,
	    .count = spawn->count,
	    .flavor = (uint32_t)spawn->flavor,
	};
	struct norma_task_spawn_reply reply;
	kern_return_t result;

	if (spawn->flavor != x86_THREAD_STATE64 ||
	    registers_encode(spawn->state, spawn->state_count, encoded, &request.state))
		return KERN_INVALID_ARGUMENT;
	result = mach_call_norma_task_spawn(&room, &request, &reply);
	if (result == KERN_SUCCESS && reply.children_count != spawn->count)
		return KERN_FAILURE;
	for (uint32_t i = 0; result == KERN_SUCCESS && i < reply.children_count; i++)
		children[i] = reply.children[i].name;
	return result;
}

/* Writes a received state in its public form. */
static kern_return_t state_deliver(thread_state_flavor_t flavor, struct wire_span state,
				   thread_state_t old_state, mach_msg_type_number_t *count)
{
	struct x86_thread_state64 registers;
	struct thread_state64 message;
	struct wire_reader reader;
	size_t room_bytes = (size_t)*count * sizeof(natural_t);

	if (flavor == x86_FLOAT_STATE64) {
		if (state.bytes > room_bytes)
			return KERN_INVALID_ARGUMENT;
		memcpy(old_state, state.data, state.bytes);
		*count = state.bytes / (uint32_t)sizeof(natural_t);
		return KERN_SUCCESS;
	}
	wire_reader_init(&reader, state.data, state.bytes, NULL, 0);
	thread_state64_decode(&reader, &message);
	if (wire_reader_end(&reader))
		return KERN_FAILURE;
	state_of_message(&registers, &message);
	memcpy(old_state, &registers, sizeof(registers));
	*count = x86_THREAD_STATE64_COUNT;
	return KERN_SUCCESS;
}

kern_return_t thread_get_state(thread_act_t target_act, thread_state_flavor_t flavor,
			       thread_state_t old_state, mach_msg_type_number_t *count)
{
	uint8_t bytes[MACH_DATA_ROOM(X86_FLOAT_STATE64_BYTES)];
	struct mach_room room = {.bytes = bytes, .capacity = sizeof(bytes)};
	struct thread_get_state_request request = {
	    .thread = target_act,
	    .flavor = (uint32_t)flavor,
	};
	struct thread_get_state_reply reply;
	kern_return_t result;

	if (flavor != x86_THREAD_STATE64 && flavor != x86_FLOAT_STATE64)
		return KERN_INVALID_ARGUMENT;
	if (flavor == x86_THREAD_STATE64 && *count < x86_THREAD_STATE64_COUNT)
		return KERN_INVALID_ARGUMENT;
	result = mach_call_thread_get_state(&room, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	return state_deliver(flavor, reply.state, old_state, count);
}

kern_return_t thread_info(thread_act_t target_act, thread_flavor_t flavor, thread_info_t info,
			  mach_msg_type_number_t *info_count)
{
	struct thread_info_request request = {.thread = target_act, .flavor = flavor};
	struct thread_info_reply reply;
	struct thread_basic_info basic;
	kern_return_t result;

	if (flavor != THREAD_BASIC_INFO || *info_count < THREAD_BASIC_INFO_COUNT)
		return KERN_INVALID_ARGUMENT;
	result = MACH_CALL_SMALL(thread_info, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	basic = (struct thread_basic_info){
	    .user_time = mach_time_of_us(reply.user_time),
	    .system_time = mach_time_of_us(reply.system_time),
	    .cpu_usage = (integer_t)reply.cpu_usage,
	    .policy = (policy_t)reply.policy,
	    .run_state = (integer_t)reply.run_state,
	    .flags = (integer_t)reply.flags,
	    .suspend_count = (integer_t)reply.suspend_count,
	    .sleep_time = (integer_t)reply.sleep_time,
	};
	memcpy(info, &basic, sizeof(basic)); /* `info` may be aligned as ints only */
	*info_count = THREAD_BASIC_INFO_COUNT;
	return KERN_SUCCESS;
}
