/*
 * Decoding and checking of the calls about properties; properties.h carries the changes out.
 */
#include "property_calls.h"

#include <mach/kern_return.h>
#include <mach/task_special_ports.h>
#include <stdlib.h>

#include "hostd.h"
#include "link/link.h"
#include "properties.h"
#include "request.h"
#include "route.h"

/* Mach tells a dead task apart here: KERN_FAILURE. Return: as route_live_task(). */
static struct task *special_port_task(struct request *request, uint32_t name)
{
	struct task *task = route_task(request, name);

	if (!task || task_is_reachable(task))
		return task;
	request_refuse(request, KERN_FAILURE, "task 0x%08x has ended", name);
	return NULL;
}

static void refuse_which(struct request *request, uint32_t which)
{
	request_refuse(request, KERN_INVALID_ARGUMENT,
		       "a task has no special port %u, only TASK_KERNEL_PORT (%d) and "
		       "TASK_BOOTSTRAP_PORT (%d)",
		       which, TASK_KERNEL_PORT, TASK_BOOTSTRAP_PORT);
}

static void refuse_port(struct request *request, uint32_t port)
{
	request_refuse(request, KERN_INVALID_ARGUMENT,
		       "0x%08x is not the name of a task or host of the node table", port);
}

void handle_get_special_port(struct request *request, const struct link_message *message)
{
	struct task_get_special_port_request wanted;
	struct task_get_special_port_reply reply;
	struct task *task;

	request_decode(request, message, task_get_special_port, &wanted);
	task = special_port_task(request, wanted.task);
	if (!task)
		return;
	if (wanted.which == TASK_KERNEL_PORT) {
		reply.port = task->kernel_port;
	} else if (wanted.which == TASK_BOOTSTRAP_PORT) {
		reply.port = task->properties.bootstrap_port;
	} else {
		refuse_which(request, wanted.which);
		return;
	}
	request_reply_with(request, task_get_special_port, &reply);
}

void handle_set_special_port(struct request *request, const struct link_message *message)
{
	struct task_set_special_port_request wanted;
	struct task *task;

	request_decode(request, message, task_set_special_port, &wanted);
	task = special_port_task(request, wanted.task);
	if (!task)
		return;
	if (wanted.which != TASK_KERNEL_PORT && wanted.which != TASK_BOOTSTRAP_PORT) {
		refuse_which(request, wanted.which);
	} else if (!properties_port_is_valid(request->hostd, wanted.port)) {
		refuse_port(request, wanted.port);
	} else if (wanted.which == TASK_KERNEL_PORT) {
		task->kernel_port = wanted.port;
		request_reply(request, NULL, 0);
	} else {
		properties_change(request, task, PROPERTY_BOOTSTRAP,
				  &(struct task_properties){.bootstrap_port = wanted.port});
	}
}

void handle_ports_register(struct request *request, const struct link_message *message)
{
	struct mach_ports_register_request wanted;
	uint32_t ports[TASK_PORT_REGISTER_MAX] = {0};
	struct task *task;

	/* More ports than there are slots do not decode. */
	request_decode(request, message, mach_ports_register, &wanted);
	task = route_live_task(request, wanted.task);
	if (!task)
		return;
	for (uint32_t i = 0; i < wanted.ports_count; i++) {
		ports[i] = wanted.ports[i].name;
		if (!properties_port_is_valid(request->hostd, ports[i])) {
			refuse_port(request, ports[i]);
			return;
		}
	}
	properties_change(request, task, PROPERTY_REGISTERED,
			  &(struct task_properties){
			      .registered_0 = ports[0],
			      .registered_1 = ports[1],
			      .registered_2 = ports[2],
			  });
}

void handle_ports_lookup(struct request *request, const struct link_message *message)
{
	struct port_name ports[TASK_PORT_REGISTER_MAX];
	struct mach_ports_lookup_reply reply = {ports, TASK_PORT_REGISTER_MAX};
	struct mach_ports_lookup_request wanted;
	struct task *task;

	request_decode(request, message, mach_ports_lookup, &wanted);
	task = route_live_task(request, wanted.task);
	if (!task)
		return;
	ports[0].name = task->properties.registered_0;
	ports[1].name = task->properties.registered_1;
	ports[2].name = task->properties.registered_2;
	request_reply_with(request, mach_ports_lookup, &reply);
}

void handle_task_priority(struct request *request, const struct link_message *message)
{
	struct task_priority_request wanted;
	struct task *task;

	request_decode(request, message, task_priority, &wanted);
	task = route_live_task(request, wanted.task);
	if (!task)
		return;
	if (wanted.priority > TASK_PRIORITY_MAX)
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "a priority is a number from 0 to %u, not %d", TASK_PRIORITY_MAX,
			       (int32_t)wanted.priority);
	else
		properties_change(request, task, PROPERTY_PRIORITY,
				  &(struct task_properties){.priority = wanted.priority});
}

void handle_exception_hold(struct request *request, const struct link_message *message)
{
	struct norma_exception_hold_request wanted;
	struct task *task;

	request_decode(request, message, norma_exception_hold, &wanted);
	task = route_live_task(request, wanted.task);
	if (task)
		properties_change(
		    request, task, PROPERTY_HOLD,
		    &(struct task_properties){.hold_exceptions = wanted.hold ? 1 : 0});
}

void handle_task_limits(struct request *request, const struct link_message *message)
{
	struct norma_task_limits_request wanted;
	struct task *task;

	request_decode(request, message, norma_task_limits, &wanted);
	task = route_live_task(request, wanted.task);
	if (!task)
		return;
	if (!wanted.set)
		properties_reply_limits(request, task);
	else
		properties_change(request, task, PROPERTY_LIMITS,
				  &(struct task_properties){
				      .limit_memory_bytes = wanted.memory_bytes,
				      .limit_threads = wanted.threads,
				      .limit_ports = wanted.ports,
				  });
}

static void reply_node(struct request *request, int node)
{
	request_reply_with(request, norma_port_location_hint,
			   &((struct norma_port_location_hint_reply){.node = node}));
}

/* A port of another node: that node is asked whether it is there. */
struct hint_question {
	struct request *request;
	int node;
};

/* A node that does not answer leaves the hint as it is: a node where the port once was. */
static void hint_answered(void *context, const struct answer *answer)
{
	struct hint_question *question = context;
	struct request *request = question->request;
	int node = question->node;

	free(question);
	if (answer->result == KERN_INVALID_ARGUMENT)
		request_relay(request, answer);
	else
		reply_node(request, node);
}

static void ask_owner_of_port(struct request *request, uint32_t task)
{
	struct norma_port_location_hint_request ask = {.task = task, .port = task};
	struct hint_question *question = calloc(1, sizeof(*question));
	struct hostd *hostd = request->hostd;

	if (!question) {
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	*question = (struct hint_question){request, name_node(task)};
	/* As root: whether a task is there is no secret, norma_task_list tells it everybody. */
	peer_call(hostd, question->node,
		  &(struct call_setup){
		      .type = MESSAGE_norma_port_location_hint,
		      .uid = 0,
		      .payload = hostd->payload,
		      .bytes = hostd_encode(hostd, norma_port_location_hint_request, &ask),
		      .deadline_ns = hostd_deadline((uint64_t)hostd->config.call_deadline_ms),
		      .done = hint_answered,
		      .context = question,
		  });
}

void handle_port_location_hint(struct request *request, const struct link_message *message)
{
	struct norma_port_location_hint_request wanted;
	struct hostd *hostd = request->hostd;
	const struct task *task;
	uint32_t port;

	request_decode(request, message, norma_port_location_hint, &wanted);
	if (!route_live_task(request, wanted.task))
		return;
	/* Where a thread is, its task is. */
	port =
	    name_kind(wanted.port) == NAME_THREAD ? name_task_of_thread(wanted.port) : wanted.port;
	if (port == 0 || !properties_port_is_valid(hostd, port)) {
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "0x%08x is not the name of a task, thread or host of the node table",
			       wanted.port);
		return;
	}
	task = tasks_find(&hostd->tasks, port);
	if (name_kind(port) == NAME_TASK && !hostd_is_own_node(hostd, name_node(port)))
		ask_owner_of_port(request, port);
	else if (name_kind(port) == NAME_HOST ||
		 (task && (task->phase == TASK_ALIVE || task->phase == TASK_ENDING)))
		reply_node(request, name_node(port));
	else
		request_refuse(request, KERN_INVALID_ARGUMENT, "task 0x%08x does not exist", port);
}
