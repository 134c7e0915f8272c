/*
 * Changes of properties: a queue per task, of which the first is with the VMM.
 */
#include "properties.h"

#include <mach/kern_return.h>
#include <mach/policy.h>
#include <stdlib.h>

#include "channel.h"
#include "hostd.h"
#include "request.h"

struct property_change {
	TAILQ_ENTRY(property_change) entry;
	struct task *task;
	struct request *request;
	enum property_group group;
	struct task_properties to;
};

struct task_properties properties_default(const struct config *config)
{
	return (struct task_properties){
	    .priority = TASK_PRIORITY_DEFAULT,
	    .policy = POLICY_TIMESHARE,
	    .limit_memory_bytes = (uint64_t)config->task_memory_bytes,
	    .limit_threads = (uint32_t)config->task_threads,
	    .limit_ports = (uint32_t)config->task_ports,
	};
}

size_t properties_encode(struct hostd *hostd, const struct task_properties *properties)
{
	struct vmm_properties_request request = {.properties = properties, .properties_count = 1};

	return hostd_encode(hostd, vmm_properties_request, &request);
}

bool properties_port_is_valid(struct hostd *hostd, uint32_t port)
{
	int node = name_node(port);
	bool is_known_node = hostd_is_own_node(hostd, node) || peer_find(&hostd->peers, node);

	switch (name_kind(port)) {
	case NAME_NULL:
		return port == 0;
	case NAME_TASK:
		return is_known_node && name_serial(port) != 0 &&
		       port == name_of_task(node, name_serial(port));
	case NAME_HOST:
		return is_known_node && port == name_of_host(node);
	case NAME_THREAD:
		break;
	}
	return false;
}

static void merge(struct task_properties *properties, const struct property_change *change)
{
	const struct task_properties *to = &change->to;

	switch (change->group) {
	case PROPERTY_BOOTSTRAP:
		properties->bootstrap_port = to->bootstrap_port;
		break;
	case PROPERTY_REGISTERED:
		properties->registered_0 = to->registered_0;
		properties->registered_1 = to->registered_1;
		properties->registered_2 = to->registered_2;
		break;
	case PROPERTY_PRIORITY:
		properties->priority = to->priority;
		break;
	case PROPERTY_HOLD:
		properties->hold_exceptions = to->hold_exceptions;
		break;
	case PROPERTY_LIMITS:
		properties->limit_memory_bytes = to->limit_memory_bytes;
		properties->limit_threads = to->limit_threads;
		properties->limit_ports = to->limit_ports;
		break;
	}
}

/* 0 is no limit, the highest there is. */
static bool is_raised(uint64_t from, uint64_t to)
{
	return from != 0 && (to == 0 || to > from);
}

static uint32_t count_ports(const struct task_properties *properties)
{
	return (uint32_t)((properties->bootstrap_port != 0) + (properties->registered_0 != 0) +
			  (properties->registered_1 != 0) + (properties->registered_2 != 0));
}

/* Return: KERN_SUCCESS, or why not with a sentence in *ret_why. */
static int32_t check_change(const struct property_change *change, const char **ret_why)
{
	const struct task_properties *from = &change->task->properties, *to = &change->to;
	struct task_properties merged = *from;

	merge(&merged, change);
	if (change->group == PROPERTY_LIMITS && change->request->uid != 0 &&
	    (is_raised(from->limit_memory_bytes, to->limit_memory_bytes) ||
	     is_raised(from->limit_threads, to->limit_threads) ||
	     is_raised(from->limit_ports, to->limit_ports))) {
		*ret_why = "only root may raise a task's limits; its owner may lower them";
		return KERN_NO_ACCESS;
	}
	if (merged.limit_ports && count_ports(&merged) > merged.limit_ports &&
	    count_ports(&merged) > count_ports(from)) {
		*ret_why = "the task would hold more ports than its limit (norma_task_limits)";
		return KERN_RESOURCE_SHORTAGE;
	}
	return KERN_SUCCESS;
}

static void change_free(struct property_change *change)
{
	TAILQ_REMOVE(&change->task->changes, change, entry);
	free(change);
}

void properties_reply_limits(struct request *request, const struct task *task)
{
	struct norma_task_limits_reply reply = {
	    .memory_bytes = task->properties.limit_memory_bytes,
	    .threads = task->properties.limit_threads,
	    .ports = task->properties.limit_ports,
	};

	request_reply_with(request, norma_task_limits, &reply);
}

static void changes_go_on(struct task *task);

/* The task is still there: its VMM's calls are answered before its end is dealt with. */
static void change_told(void *context, const struct answer *answer)
{
	struct property_change *change = context;
	struct request *request = change->request;
	struct task *task = change->task;

	if (!answer->result)
		merge(&task->properties, change);
	change_free(change);
	if (answer->result)
		request_relay(request, answer);
	else if (request->type == MESSAGE_norma_task_limits)
		properties_reply_limits(request, task);
	else
		request_reply(request, NULL, 0);
	changes_go_on(task);
}

static void tell_vmm(struct property_change *change)
{
	struct task *task = change->task;
	struct hostd *hostd = task->hostd;
	struct task_properties merged = task->properties;

	merge(&merged, change);
	call_start(hostd, task->vmm->channel,
		   &(struct call_setup){
		       .type = MESSAGE_vmm_properties,
		       .uid = task->owner_uid,
		       .payload = hostd->payload,
		       .bytes = properties_encode(hostd, &merged),
		       .deadline_ns = hostd_deadline((uint64_t)hostd->config.call_deadline_ms),
		       .done = change_told,
		       .context = change,
		   });
}

/* Nothing is with the VMM: sends the first change that may be made. */
static void changes_go_on(struct task *task)
{
	struct property_change *change;
	const char *why = "";

	while (task_is_reachable(task) && (change = TAILQ_FIRST(&task->changes))) {
		struct request *request = change->request;
		int32_t result = check_change(change, &why);

		if (!result) {
			tell_vmm(change);
			return;
		}
		change_free(change);
		request_refuse(request, result, "%s", why);
	}
}

void properties_change(struct request *request, struct task *task, enum property_group group,
		       const struct task_properties *to)
{
	struct property_change *change = calloc(1, sizeof(*change));
	bool is_idle = TAILQ_EMPTY(&task->changes);

	if (!change) {
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	*change =
	    (struct property_change){.task = task, .request = request, .group = group, .to = *to};
	TAILQ_INSERT_TAIL(&task->changes, change, entry);
	if (is_idle)
		changes_go_on(task);
}

void properties_task_ended(struct task *task)
{
	struct property_change *change;

	while ((change = TAILQ_FIRST(&task->changes))) {
		struct request *request = change->request;

		change_free(change);
		request_refuse(request, KERN_TERMINATED, "task 0x%08x has ended", task->name);
	}
}
