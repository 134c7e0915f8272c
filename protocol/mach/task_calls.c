/*
 * The stubs of mach/task.h, and of mach/norma.h what makes tasks. Freestanding.
 */
#include <string.h>

#include <mach/mach.h>

#include "mach/call.h"
#include "mach/convert.h"
#include "mach/transport.h"
#include "message/names.h"

kern_return_t norma_task_clone(task_t parent_task, boolean_t inherit_memory, int child_node,
			       task_t *child_task)
{
	struct norma_task_clone_request request = {
	    .parent = parent_task,
	    .inherit_memory = inherit_memory != FALSE,
	    .child_node = child_node,
	};
	struct norma_task_clone_reply reply;
	kern_return_t result = MACH_CALL_SMALL(norma_task_clone, &request, &reply);

	if (result == KERN_SUCCESS)
		*child_task = reply.child;
	return result;
}

kern_return_t norma_task_create(task_t parent_task, boolean_t inherit_memory, int child_node,
				task_t *child_task)
{
	struct norma_task_create_request request = {
	    .parent = parent_task,
	    .inherit_memory = inherit_memory != FALSE,
	    .child_node = child_node,
	};
	struct norma_task_create_reply reply;
	kern_return_t result = MACH_CALL_SMALL(norma_task_create, &request, &reply);

	if (result == KERN_SUCCESS)
		*child_task = reply.child;
	return result;
}

kern_return_t task_create(task_t parent, ledger_port_array_t ledgers, int ledger_count,
			  boolean_t inherit_memory, task_t *child)
{
	struct task_create_request request = {
	    .parent = parent,
	    .ledger_count = (uint32_t)ledger_count,
	    .inherit_memory = inherit_memory != FALSE,
	};
	struct task_create_reply reply;
	kern_return_t result = MACH_CALL_SMALL(task_create, &request, &reply);

	(void)ledgers; /* only an empty list is accepted, and that needs no list */
	if (result == KERN_SUCCESS)
		*child = reply.child;
	return result;
}

kern_return_t task_terminate(task_t task)
{
	struct task_terminate_request request = {.task = task};
	struct task_terminate_reply reply;

	return MACH_CALL_SMALL(task_terminate, &request, &reply);
}

kern_return_t task_suspend(task_t task)
{
	struct task_suspend_request request = {.task = task};
	struct task_suspend_reply reply;

	return MACH_CALL_SMALL(task_suspend, &request, &reply);
}

kern_return_t task_resume(task_t task)
{
	struct task_resume_request request = {.task = task};
	struct task_resume_reply reply;

	return MACH_CALL_SMALL(task_resume, &request, &reply);
}

static void basic_info_deliver(const struct task_info_reply *reply, task_info_t info)
{
	struct task_basic_info basic = {
	    .suspend_count = (integer_t)reply->suspend_count,
	    .base_priority = (integer_t)reply->base_priority,
	    .virtual_size = reply->virtual_size,
	    .resident_size = reply->resident_size,
	    .user_time = mach_time_of_us(reply->user_time),
	    .system_time = mach_time_of_us(reply->system_time),
	    .policy = (policy_t)reply->policy,
	};

	memcpy(info, &basic, sizeof(basic)); /* `info` may be aligned as ints only */
}

/* Return: how long the flavor's struct is in natural_t; 0 for a flavor that does not exist. */
static mach_msg_type_number_t task_info_length(task_flavor_t flavor)
{
	if (flavor == TASK_BASIC_INFO)
		return TASK_BASIC_INFO_COUNT;
	return flavor == TASK_SECURITY_TOKEN ? TASK_SECURITY_TOKEN_COUNT : 0;
}

kern_return_t task_info(task_t task, task_flavor_t flavor, task_info_t info,
			mach_msg_type_number_t *info_count)
{
	struct task_info_request request = {.task = task, .flavor = flavor};
	struct task_info_reply reply;
	mach_msg_type_number_t length = task_info_length(flavor);
	kern_return_t result;

	if (length == 0 || *info_count < length)
		return KERN_INVALID_ARGUMENT;
	result = MACH_CALL_SMALL(task_info, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	if (flavor == TASK_SECURITY_TOKEN)
		memcpy(info, &(security_token_t){{reply.owner_uid, 0}}, sizeof(security_token_t));
	else
		basic_info_deliver(&reply, info);
	*info_count = length;
	return KERN_SUCCESS;
}

kern_return_t task_threads(task_t task, thread_act_array_t *ret_threads,
			   mach_msg_type_number_t *ret_count)
{
	uint8_t bytes[MACH_DATA_ROOM(NAME_THREADS * sizeof(uint32_t))];
	struct port_name names[NAME_THREADS + 1]; /* the scratch area may have to be aligned */
	struct mach_room room = {bytes, sizeof(bytes), names, sizeof(names)};
	struct task_threads_request request = {.task = task};
	struct task_threads_reply reply;
	vm_offset_t list = 0;
	kern_return_t result = mach_call_task_threads(&room, &request, &reply);

	if (result == KERN_SUCCESS && reply.threads_count)
		result =
		    norma_transport_allocate(reply.threads_count * sizeof(thread_act_t), &list);
	if (result != KERN_SUCCESS)
		return result;
	*ret_threads = (thread_act_array_t)list;
	*ret_count = reply.threads_count;
	for (uint32_t i = 0; i < reply.threads_count; i++)
		(*ret_threads)[i] = reply.threads[i].name;
	return KERN_SUCCESS;
}
