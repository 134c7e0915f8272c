/*
 * Decoding and checking of calls, one function each; what takes longer is done elsewhere.
 */
#include "handlers.h"

#include <mach/host_info.h>
#include <mach/kern_return.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "child.h"
#include "clone_calls.h"
#include "consoles.h"
#include "cpu/baseline.h"
#include "hostd.h"
#include "link/link.h"
#include "lists.h"
#include "properties.h"
#include "property_calls.h"
#include "remap.h"
#include "route.h"
#include "terminate.h"

static void handle_host_page_size(struct request *request, const struct link_message *message)
{
	struct host_page_size_request wanted;

	request_decode(request, message, host_page_size, &wanted);
	request_reply_with(request, host_page_size,
			   &((struct host_page_size_reply){.page_bytes = PAGE_BYTES}));
}

static void handle_node_self(struct request *request, const struct link_message *message)
{
	struct norma_node_self_request wanted;

	request_decode(request, message, norma_node_self, &wanted);
	request_reply_with(
	    request, norma_node_self,
	    &((struct norma_node_self_reply){.node = (int)request->hostd->config.node}));
}

static void handle_task_terminate(struct request *request, const struct link_message *message)
{
	struct task_terminate_request wanted;
	struct task *task;

	request_decode(request, message, task_terminate, &wanted);
	task = route_task(request, wanted.task);
	if (task)
		terminate_request(request, task);
}

static void handle_task_wait(struct request *request, const struct link_message *message)
{
	struct norma_task_wait_request wanted;
	struct task *task;

	request_decode(request, message, norma_task_wait, &wanted);
	task = route_task(request, wanted.task);
	if (task)
		wait_request(request, task, wanted.timeout_ms);
}

static void handle_console_read(struct request *request, const struct link_message *message)
{
	struct norma_console_read_request wanted;
	struct task *task;

	request_decode(request, message, norma_console_read, &wanted);
	task = route_task(request, wanted.task);
	if (task)
		consoles_read(request, task, &wanted);
}

static void run_begun(void *context, int32_t result, uint32_t name, const char *text)
{
	struct request *request = context;

	if (result)
		request_refuse(request, result, "%s", text);
	else
		request_reply_with(request, norma_run_begin,
				   &((struct norma_run_begin_reply){.task = name}));
}

/* The file name of argv[0], for people. */
static void image_name(struct wire_span arguments, char image[TASK_IMAGE_BYTES])
{
	const char *first = arguments.data ? (const char *)arguments.data : "";
	size_t length = strnlen(first, arguments.bytes);
	const char *slash = memrchr(first, '/', length);

	if (slash) {
		length -= (size_t)(slash + 1 - first);
		first = slash + 1;
	}
	if (length >= TASK_IMAGE_BYTES)
		length = TASK_IMAGE_BYTES - 1;
	memcpy(image, first, length);
	image[length] = 0;
}

static void handle_run_begin(struct request *request, const struct link_message *message)
{
	struct hostd *hostd = request->hostd;
	struct norma_run_begin_request wanted;
	char image[TASK_IMAGE_BYTES], error[MESSAGE_MAX_TEXT];
	struct task_properties properties = properties_default(&hostd->config);
	struct child_setup setup;
	int32_t result;

	request_decode(request, message, norma_run_begin, &wanted);
	image_name(wanted.arguments, image);
	setup = (struct child_setup){
	    .owner_uid = request->uid,
	    .state = TASK_STATE_LOADING,
	    .image = image,
	    .properties = &properties,
	    .need_bytes = PLACEMENT_VMM_BYTES,
	    .run = message->payload,
	    .run_bytes = message->header.bytes,
	    .deadline_ns = hostd_deadline((uint64_t)hostd->config.clone_deadline_ms),
	    .done = run_begun,
	    .context = request,
	};
	result = child_create(hostd, &setup, error);
	if (result)
		request_refuse(request, result, "%s", error);
}

static void handle_task_list(struct request *request, const struct link_message *message)
{
	struct norma_task_list_request wanted;

	request_decode(request, message, norma_task_list, &wanted);
	list_tasks(request);
}

static void handle_node_list(struct request *request, const struct link_message *message)
{
	struct norma_node_list_request wanted;

	request_decode(request, message, norma_node_list, &wanted);
	list_nodes(request);
}

static void statistics_done(void *context, const struct answer *answer)
{
	/* The pager's reply has the same fields as ours. */
	request_relay(context, answer);
}

static void handle_pager_statistics(struct request *request, const struct link_message *message)
{
	struct hostd *hostd = request->hostd;
	struct norma_pager_statistics_request wanted;

	request_decode(request, message, norma_pager_statistics, &wanted);
	call_start(hostd, hostd->pager.channel,
		   &(struct call_setup){
		       .type = MESSAGE_pager_statistics,
		       .uid = request->uid,
		       .deadline_ns = hostd_deadline((uint64_t)hostd->config.call_deadline_ms),
		       .done = statistics_done,
		       .context = request,
		   });
}

static void handle_host_info(struct request *request, const struct link_message *message)
{
	struct host_info_request wanted;

	request_decode(request, message, host_info, &wanted);
	if (wanted.flavor != HOST_BASIC_INFO)
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "host_info has no flavor %u: use HOST_BASIC_INFO (%d)",
			       wanted.flavor, HOST_BASIC_INFO);
	else
		request_reply_with(
		    request, host_info,
		    &((struct host_info_reply){
			.max_cpus = (uint32_t)sysconf(_SC_NPROCESSORS_CONF),
			.avail_cpus = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
			.memory_size = (uint64_t)sysconf(_SC_PHYS_PAGES) * PAGE_BYTES,
			.cpu_type = CPU_TYPE_X86_64,
			.cpu_subtype = CPU_SUBTYPE_X86_64_ALL,
		    }));
}

static void handle_cpu_baseline(struct request *request, const struct link_message *message)
{
	struct norma_cpu_baseline_request wanted;

	request_decode(request, message, norma_cpu_baseline, &wanted);
	if (wanted.apply && request->uid != 0)
		request_refuse(
		    request, KERN_INVALID_ARGUMENT,
		    "only root may apply a CPU baseline: it is for all tasks of all hosts");
	else
		baseline_begin(request, wanted.apply != 0);
}

static void handle_vm_remap(struct request *request, const struct link_message *message)
{
	struct vm_remap_request wanted;

	request_decode(request, message, vm_remap, &wanted);
	remap_begin(request, &wanted);
}

struct handler {
	uint16_t type;
	void (*handle)(struct request *request, const struct link_message *message);
};

static const struct handler handlers[] = {
    {MESSAGE_host_page_size, handle_host_page_size},
    {MESSAGE_norma_node_self, handle_node_self},
    {MESSAGE_task_create, handle_task_create},
    {MESSAGE_task_terminate, handle_task_terminate},
    {MESSAGE_norma_task_create, handle_norma_child},
    {MESSAGE_norma_task_clone, handle_norma_child},
    {MESSAGE_norma_task_spawn, handle_norma_task_spawn},
    {MESSAGE_norma_run_begin, handle_run_begin},
    {MESSAGE_norma_task_wait, handle_task_wait},
    {MESSAGE_norma_console_read, handle_console_read},
    {MESSAGE_norma_task_list, handle_task_list},
    {MESSAGE_norma_node_list, handle_node_list},
    {MESSAGE_norma_pager_statistics, handle_pager_statistics},
    {MESSAGE_norma_cpu_baseline, handle_cpu_baseline},
    {MESSAGE_vm_remap, handle_vm_remap},
    {MESSAGE_host_info, handle_host_info},
    {MESSAGE_task_get_special_port, handle_get_special_port},
    {MESSAGE_task_set_special_port, handle_set_special_port},
    {MESSAGE_mach_ports_register, handle_ports_register},
    {MESSAGE_mach_ports_lookup, handle_ports_lookup},
    {MESSAGE_task_priority, handle_task_priority},
    {MESSAGE_norma_port_location_hint, handle_port_location_hint},
    {MESSAGE_norma_exception_hold, handle_exception_hold},
    {MESSAGE_norma_task_limits, handle_task_limits},
};

void handle_call(struct request *request, const struct link_message *message)
{
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == request->type) {
			handlers[i].handle(request, message);
			return;
		}
	request_refuse(request, KERN_INVALID_ARGUMENT, "%s is not answered by norma-hostd",
		       message_type_name(request->type));
}
