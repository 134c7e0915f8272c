/*
 * The stubs of mach/task.h for what a task hands down to its children: special and registered
 * ports, priority; and of mach/norma_task.h its limits. Freestanding.
 */
#include <string.h>

#include <mach/mach.h>

#include "mach/call.h"
#include "mach/transport.h"

kern_return_t task_get_special_port(task_t task, int which, mach_port_t *ret_port)
{
	struct task_get_special_port_request request = {.task = task, .which = (uint32_t)which};
	struct task_get_special_port_reply reply;
	kern_return_t result = MACH_CALL_SMALL(task_get_special_port, &request, &reply);

	if (result == KERN_SUCCESS)
		*ret_port = reply.port;
	return result;
}

kern_return_t task_set_special_port(task_t task, int which, mach_port_t port)
{
	struct task_set_special_port_request request = {
	    .task = task,
	    .which = (uint32_t)which,
	    .port = port,
	};
	struct task_set_special_port_reply reply;

	return MACH_CALL_SMALL(task_set_special_port, &request, &reply);
}

kern_return_t mach_ports_register(task_t task, mach_port_array_t ports,
				  mach_msg_type_number_t count)
{
	struct port_name names[TASK_PORT_REGISTER_MAX];
	struct mach_ports_register_request request = {
	    .task = task,
	    .ports = names,
	    .ports_count = count,
	};
	struct mach_ports_register_reply reply;

	if (count > TASK_PORT_REGISTER_MAX)
		return KERN_INVALID_ARGUMENT;
	for (mach_msg_type_number_t i = 0; i < count; i++)
		names[i].name = ports[i];
	return MACH_CALL_SMALL(mach_ports_register, &request, &reply);
}

kern_return_t mach_ports_lookup(task_t task, mach_port_array_t *ret_ports,
				mach_msg_type_number_t *ret_count)
{
	uint8_t bytes[MACH_SMALL_ROOM];
	struct port_name names[TASK_PORT_REGISTER_MAX + 1]; /* the scratch may have to be aligned */
	struct mach_room room = {bytes, sizeof(bytes), names, sizeof(names)};
	struct mach_ports_lookup_request request = {.task = task};
	struct mach_ports_lookup_reply reply;
	vm_offset_t list;
	kern_return_t result = mach_call_mach_ports_lookup(&room, &request, &reply);

	if (result == KERN_SUCCESS)
		result =
		    norma_transport_allocate(TASK_PORT_REGISTER_MAX * sizeof(mach_port_t), &list);
	if (result != KERN_SUCCESS)
		return result;
	*ret_ports = (mach_port_array_t)list; /* of zeros: slots that the reply lacks are null */
	*ret_count = TASK_PORT_REGISTER_MAX;
	for (uint32_t i = 0; i < reply.ports_count; i++)
		(*ret_ports)[i] = reply.ports[i].name;
	return KERN_SUCCESS;
}

kern_return_t task_priority(task_t task, int priority, boolean_t change_threads)
{
	struct task_priority_request request = {
	    .task = task,
	    .priority = (uint32_t)priority,
	    .change_threads = change_threads != FALSE,
	};
	struct task_priority_reply reply;

	return MACH_CALL_SMALL(task_priority, &request, &reply);
}

kern_return_t norma_task_limits(task_t task, const struct norma_limits *new_limits,
				struct norma_limits *ret_limits)
{
	struct norma_task_limits_request request = {.task = task, .set = new_limits != NULL};
	struct norma_task_limits_reply reply;
	kern_return_t result;

	if (new_limits) {
		request.memory_bytes = new_limits->memory_bytes;
		request.threads = new_limits->threads;
		request.ports = new_limits->ports;
	}
	result = MACH_CALL_SMALL(norma_task_limits, &request, &reply);
	if (result == KERN_SUCCESS && ret_limits)
		*ret_limits = (struct norma_limits){
		    .memory_bytes = reply.memory_bytes,
		    .threads = reply.threads,
		    .ports = reply.ports,
		};
	return result;
}
