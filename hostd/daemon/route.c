/*
 * Routing. Every path ends in exactly one answer to the request.
 */
#include "route.h"

#include <mach/kern_return.h>
#include <mach/norma.h>
#include <stdlib.h>
#include <string.h>

#include "attachments.h"
#include "auto_node.h"
#include "brood.h"
#include "channel.h"
#include "handlers.h"
#include "hostd.h"
#include "link/link.h"

/* How much longer the asker's host waits than the answering one is allowed to take. */
#define FORWARD_MARGIN_MS 2000

static void relay_done(void *context, const struct answer *answer)
{
	request_relay(context, answer);
}

static void run_started(void *context, const struct answer *answer)
{
	struct request *request = context;
	struct task *task = tasks_find(&request->hostd->tasks, request->subject);

	if (!answer->result && task && task->phase == TASK_ALIVE)
		task->state = TASK_STATE_RUNNING;
	request_relay(request, answer);
}

/* Milliseconds that a call may take by its nature: those that wait for something say how long. */
static uint64_t allowed_ms(struct hostd *hostd, const struct link_message *message)
{
	uint64_t call_ms = (uint64_t)hostd->config.call_deadline_ms;
	struct norma_task_wait_request wait;
	struct norma_console_read_request read;
	struct norma_exception_wait_request exception;
	struct norma_task_spawn_request spawn;

	switch (message->header.type) {
	case MESSAGE_norma_task_wait:
		return hostd_decode(hostd, norma_task_wait_request, message->payload,
				    message->header.bytes, &wait)
			   ? call_ms
			   : call_ms + wait.timeout_ms;
	case MESSAGE_norma_console_read:
		return hostd_decode(hostd, norma_console_read_request, message->payload,
				    message->header.bytes, &read)
			   ? call_ms
			   : call_ms + read.timeout_ms;
	case MESSAGE_norma_exception_wait:
		return hostd_decode(hostd, norma_exception_wait_request, message->payload,
				    message->header.bytes, &exception)
			   ? call_ms
			   : call_ms + exception.timeout_ms;
	case MESSAGE_norma_task_spawn:
		call_ms += (uint64_t)hostd->config.clone_deadline_ms;
		return hostd_decode(hostd, norma_task_spawn_request, message->payload,
				    message->header.bytes, &spawn) ||
			       spawn.count > SPAWN_MAX_CHILDREN
			   ? call_ms
			   : call_ms + spawn.count * BROOD_EACH_MS;
	case MESSAGE_vm_remap:
	case MESSAGE_task_create:
	case MESSAGE_norma_task_create:
	case MESSAGE_norma_task_clone:
	case MESSAGE_norma_run_begin:
		return call_ms + (uint64_t)hostd->config.clone_deadline_ms;
	default:
		return call_ms;
	}
}

/* An attached reader here must be missed over there when it goes. */
static void note_remote_attachment(struct request *request, const struct link_message *message)
{
	struct norma_console_read_request read;

	if (message->header.type != MESSAGE_norma_console_read ||
	    hostd_decode(request->hostd, norma_console_read_request, message->payload,
			 message->header.bytes, &read) ||
	    !read.attach)
		return;
	/* Refused beyond a limit: then output may be dropped, as without attach. */
	attachment_note(request->channel, read.task, NULL, request->uid, read.offset);
}

static void forward(struct request *request, int node, const struct link_message *message)
{
	struct hostd *hostd = request->hostd;

	if (request->channel->kind == CHANNEL_HOST) {
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "this is node %d, not node %d: the node tables differ",
			       (int)hostd->config.node, node);
		return;
	}
	note_remote_attachment(request, message);
	peer_call(hostd, node,
		  &(struct call_setup){
		      .type = request->type,
		      .uid = request->uid,
		      .payload = message->payload,
		      .bytes = message->header.bytes,
		      .deadline_ns = hostd_deadline(allowed_ms(hostd, message) + FORWARD_MARGIN_MS),
		      .done = relay_done,
		      .context = request,
		  });
}

struct task *route_task(struct request *request, uint32_t name)
{
	struct task *task = tasks_find(&request->hostd->tasks, name);

	if (!task || task->phase == TASK_BUILDING) {
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "task 0x%08x does not exist on node %d", name,
			       (int)request->hostd->config.node);
		return NULL;
	}
	if (request->uid != 0 && request->uid != task->owner_uid) {
		request_refuse(request, KERN_INVALID_TASK,
			       "task 0x%08x belongs to user %u, not to user %u", name,
			       task->owner_uid, request->uid);
		return NULL;
	}
	return task;
}

struct task *route_live_task(struct request *request, uint32_t name)
{
	struct task *task = route_task(request, name);

	if (!task || task_is_reachable(task))
		return task;
	if (task->phase == TASK_ENDED)
		request_refuse(request, KERN_INVALID_ARGUMENT, "task 0x%08x has ended", name);
	else
		request_refuse(request, KERN_TERMINATED, "task 0x%08x is ending", name);
	return NULL;
}

static void to_vmm(struct request *request, uint32_t name, const struct link_message *message)
{
	struct hostd *hostd = request->hostd;
	struct task *task = route_live_task(request, name);

	if (!task)
		return;
	call_start(hostd, task->vmm->channel,
		   &(struct call_setup){
		       .type = request->type,
		       .uid = request->uid,
		       .payload = message->payload,
		       .bytes = message->header.bytes,
		       .deadline_ns = hostd_deadline(allowed_ms(hostd, message)),
		       .done = request->type == MESSAGE_norma_run_start ? run_started : relay_done,
		       .context = request,
		   });
}

static void route_name(struct request *request, enum name_kind kind,
		       const struct link_message *message)
{
	struct hostd *hostd = request->hostd;
	uint32_t name = request->subject;
	int node = name_node(name);

	if (name_kind(name) != kind) {
		request_refuse(request, KERN_INVALID_ARGUMENT, "0x%08x is not the name of a %s",
			       name, kind == NAME_TASK ? "task" : "thread");
		return;
	}
	if (!hostd_is_own_node(hostd, node)) {
		forward(request, node, message);
		return;
	}
	if (message_type_executor(request->type) == EXECUTOR_HOSTD)
		handle_call(request, message);
	else
		to_vmm(request, kind == NAME_THREAD ? name_task_of_thread(name) : name, message);
}

static void route_node(struct request *request, const struct link_message *message)
{
	struct hostd *hostd = request->hostd;
	int32_t node = (int32_t)request->subject;

	if (hostd_is_own_node(hostd, node))
		handle_call(request, message);
	else
		forward(request, node, message);
}

/* The first field of the call's payload is the node. */
static void auto_chosen(struct request *request, const struct link_message *message, int node)
{
	struct link_message chosen = *message;
	struct wire_writer writer;

	wire_writer_init(&writer, request->hostd->payload, MESSAGE_MAX_PAYLOAD);
	wire_put_u32(&writer, (uint32_t)node);
	memcpy(request->hostd->payload + writer.used, message->payload + writer.used,
	       message->header.bytes - writer.used);
	chosen.payload = request->hostd->payload;
	request->subject = (uint32_t)node;
	route_node(request, &chosen);
}

/* A task that is nobody's child asks no more of a node than that it has room for a VMM. */
static void route_run(struct request *request, const struct link_message *message)
{
	if (request->channel->kind == CHANNEL_HOST)
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "the host that a program is connected to chooses a node");
	else
		auto_node_choose(request, message,
				 &(struct auto_node_setup){
				     .need = {PLACEMENT_VMM_BYTES, PLACEMENT_VMM_BYTES},
				     .chosen = auto_chosen,
				 });
}

static void route_here(struct request *request, const struct link_message *message)
{
	if (request->channel->kind == CHANNEL_HOST)
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "%s is answered by the host that a program is connected to",
			       message_type_name(request->type));
	else if (message_type_executor(request->type) == EXECUTOR_HOSTD)
		handle_call(request, message);
	else
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "%s is a call for guests: a client is no task",
			       message_type_name(request->type));
}

void route_call(struct channel *channel, struct link_message *message, uint32_t uid)
{
	uint16_t type = message->header.type;
	enum message_route route = message_type_route(type);
	struct request *request;

	if (route == ROUTE_NONE) {
		request_reject(channel, &message->header, KERN_INVALID_ARGUMENT,
			       "message type %u is not a call", type);
		return;
	}
	if (channel->request_count >= REQUEST_MAX_PER_CHANNEL) {
		request_reject(channel, &message->header, KERN_RESOURCE_SHORTAGE,
			       "too many calls wait for an answer on this connection");
		return;
	}
	request = request_new(channel, message, uid);
	if (!request)
		return;
	if (route != ROUTE_HERE && message->header.bytes < 4) {
		request_refuse(request, KERN_INVALID_ARGUMENT, "the request of %s is too short",
			       message_type_name(type));
		return;
	}
	switch (route) {
	case ROUTE_TASK:
	case ROUTE_THREAD:
		route_name(request, route == ROUTE_TASK ? NAME_TASK : NAME_THREAD, message);
		break;
	case ROUTE_NODE:
		if (type == MESSAGE_norma_run_begin && (int)request->subject == NORMA_NODE_AUTO)
			route_run(request, message);
		else
			route_node(request, message);
		break;
	case ROUTE_HERE:
	case ROUTE_NONE:
		route_here(request, message);
		break;
	}
}
