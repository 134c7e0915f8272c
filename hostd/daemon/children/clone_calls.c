/*
 * A call with NORMA_NODE_AUTO is decoded twice: to learn what the children need, and when the node
 * is chosen. The parent may have ended in between.
 */
#include "clone_calls.h"

#include <mach/kern_return.h>
#include <mach/norma.h>
#include <mach/thread_status.h>

#include "auto_node.h"
#include "clone.h"
#include "hostd.h"
#include "link/link.h"
#include "room.h"
#include "route.h"

void handle_task_create(struct request *request, const struct link_message *message)
{
	struct task_create_request wanted;
	struct task *parent;

	request_decode(request, message, task_create, &wanted);
	if (wanted.ledger_count)
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "task_create takes no ledgers: a child has its parent's limits");
	else if ((parent = route_live_task(request, wanted.parent)))
		clone_begin(request, parent,
			    &(struct clone_setup){
				.mode = wanted.inherit_memory ? EXPORT_CREATE : EXPORT_EMPTY,
				.child_node = (int)request->hostd->config.node,
				.count = 1,
			    });
}

/* Children elsewhere share what their parent has sent there; each has a VMM. */
static void choose_node(struct request *request, const struct link_message *message,
			enum export_mode mode, uint32_t count, auto_node_fn chosen)
{
	struct task *parent = route_live_task(request, request->subject);

	if (parent)
		auto_node_choose(request, message,
				 &(struct auto_node_setup){
				     .need = {count * room_of_child_here(parent, mode),
					      room_of_child_elsewhere(parent, mode) +
						  (count - 1) * PLACEMENT_VMM_BYTES},
				     .cpu = parent->cpu,
				     .chosen = chosen,
				 });
}

static enum export_mode child_mode(const struct request *request, bool inherit_memory)
{
	if (!inherit_memory)
		return EXPORT_EMPTY;
	return request->type == MESSAGE_norma_task_clone ? EXPORT_CLONE : EXPORT_CREATE;
}

static void child_begin(struct request *request, const struct link_message *message, int node)
{
	struct norma_task_clone_request wanted;
	struct task *parent;

	/* Both calls have the same fields. */
	request_decode(request, message, norma_task_clone, &wanted);
	parent = route_live_task(request, wanted.parent);
	if (parent)
		clone_begin(request, parent,
			    &(struct clone_setup){
				.mode = child_mode(request, wanted.inherit_memory),
				.child_node = node,
				.count = 1,
			    });
}

void handle_norma_child(struct request *request, const struct link_message *message)
{
	struct norma_task_clone_request wanted;

	request_decode(request, message, norma_task_clone, &wanted);
	if (wanted.child_node == NORMA_NODE_AUTO)
		choose_node(request, message, child_mode(request, wanted.inherit_memory), 1,
			    child_begin);
	else
		child_begin(request, message, wanted.child_node);
}

static void spawn_begin(struct request *request, const struct link_message *message, int node)
{
	struct norma_task_spawn_request wanted;
	struct task *parent;

	request_decode(request, message, norma_task_spawn, &wanted);
	parent = route_live_task(request, wanted.parent);
	if (parent)
		clone_begin(request, parent,
			    &(struct clone_setup){
				.mode = (enum export_mode)wanted.mode,
				.child_node = node,
				.count = wanted.count,
				.thread = {.flavor = wanted.flavor, .state = wanted.state},
			    });
}

/* Whether a CPU can load the registers is for the children's VMMs to say. */
void handle_norma_task_spawn(struct request *request, const struct link_message *message)
{
	struct norma_task_spawn_request wanted;

	request_decode(request, message, norma_task_spawn, &wanted);
	if (wanted.mode != EXPORT_CREATE && wanted.mode != EXPORT_CLONE)
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "norma_task_spawn has no mode %u: use NORMA_SPAWN_CREATE or "
			       "NORMA_SPAWN_CLONE",
			       wanted.mode);
	else if (wanted.count < 1 || wanted.count > SPAWN_MAX_CHILDREN)
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "norma_task_spawn makes 1 to %u children, not %u",
			       SPAWN_MAX_CHILDREN, wanted.count);
	else if (wanted.flavor != x86_THREAD_STATE64 || wanted.state.bytes != THREAD_STATE64_BYTES)
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "the threads of norma_task_spawn begin with %u bytes of "
			       "x86_THREAD_STATE64, not with %u of flavor %u",
			       THREAD_STATE64_BYTES, wanted.state.bytes, wanted.flavor);
	else if (wanted.child_node == NORMA_NODE_AUTO)
		choose_node(request, message, (enum export_mode)wanted.mode, wanted.count,
			    spawn_begin);
	else
		spawn_begin(request, message, wanted.child_node);
}
