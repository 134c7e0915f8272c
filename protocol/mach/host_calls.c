/*
 * The stubs of mach/mach_host.h, and of mach/norma.h what is about nodes. Freestanding.
 */
#include <string.h>

#include <mach/mach.h>

#include "mach/call.h"
#include "message/names.h"

kern_return_t host_page_size(host_t host, vm_size_t *ret_page_bytes)
{
	struct host_page_size_request request = {};
	struct host_page_size_reply reply;
	kern_return_t result;

	if (host == HOST_NULL)
		return KERN_INVALID_ARGUMENT;
	result = MACH_CALL_SMALL(host_page_size, &request, &reply);
	if (result == KERN_SUCCESS)
		*ret_page_bytes = reply.page_bytes;
	return result;
}

kern_return_t host_info(host_t host, host_flavor_t flavor, host_info_t info,
			mach_msg_type_number_t *info_count)
{
	struct host_info_request request = {.node = name_node(host), .flavor = flavor};
	struct host_info_reply reply;
	struct host_basic_info basic;
	kern_return_t result;

	if (name_kind(host) != NAME_HOST || flavor != HOST_BASIC_INFO)
		return KERN_INVALID_ARGUMENT;
	if (*info_count < HOST_BASIC_INFO_COUNT)
		return KERN_FAILURE;
	result = MACH_CALL_SMALL(host_info, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	basic = (struct host_basic_info){
	    .max_cpus = (integer_t)reply.max_cpus,
	    .avail_cpus = (integer_t)reply.avail_cpus,
	    .memory_size = reply.memory_size,
	    .cpu_type = (cpu_type_t)reply.cpu_type,
	    .cpu_subtype = (cpu_subtype_t)reply.cpu_subtype,
	};
	memcpy(info, &basic, sizeof(basic)); /* `info` may be aligned as ints only */
	*info_count = HOST_BASIC_INFO_COUNT;
	return KERN_SUCCESS;
}

kern_return_t norma_node_self(host_t host, int *ret_node)
{
	struct norma_node_self_request request = {};
	struct norma_node_self_reply reply;
	kern_return_t result = MACH_CALL_SMALL(norma_node_self, &request, &reply);

	(void)host;
	if (result == KERN_SUCCESS)
		*ret_node = reply.node;
	return result;
}

kern_return_t norma_port_location_hint(task_t task, mach_port_t port, int *ret_node)
{
	struct norma_port_location_hint_request request = {.task = task, .port = port};
	struct norma_port_location_hint_reply reply;
	kern_return_t result = MACH_CALL_SMALL(norma_port_location_hint, &request, &reply);

	if (result == KERN_SUCCESS)
		*ret_node = reply.node;
	return result;
}
