/*
 * The clone's state machine. A child without memory needs no export and waits for nobody.
 */
#include "clone.h"

#include <assert.h>
#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "brood.h"
#include "channel.h"
#include "child.h"
#include "claims.h"
#include "export_turn.h"
#include "hostd.h"

enum clone_state {
	CLONE_CONNECT,
	CLONE_QUEUE,
	CLONE_EXPORT,
	CLONE_CREATE,
	CLONE_DONE,
	CLONE_NUM_STATES,
};

static const char *const state_names[] = {"connect", "queue", "export", "create", "done"};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == CLONE_NUM_STATES,
	      "a name for each state");

static const bool state_may_follow[CLONE_NUM_STATES][CLONE_NUM_STATES] = {
    [CLONE_CONNECT] = {[CLONE_QUEUE] = true, [CLONE_DONE] = true},
    [CLONE_QUEUE] = {[CLONE_EXPORT] = true, [CLONE_CREATE] = true, [CLONE_DONE] = true},
    [CLONE_EXPORT] = {[CLONE_CREATE] = true, [CLONE_DONE] = true},
    [CLONE_CREATE] = {[CLONE_DONE] = true},
};

struct clone {
	struct hostd *hostd;
	struct request *request;
	struct export_turn turn; /* in the parent's queue from CLONE_QUEUE on */
	uint32_t parent_name;
	uint32_t owner_uid;
	enum export_mode mode;
	int node;
	uint32_t count;
	struct child_thread thread;
	uint8_t thread_state[THREAD_STATE64_BYTES]; /* of `thread` */
	uint64_t mark;				    /* of the export, for a template */
	enum clone_state state;
	uint64_t began_ns[CLONE_NUM_STATES];
	uint64_t deadline_ns;
	uint64_t pause_ns;
	uint32_t region_count;
	uint64_t need_bytes; /* of each child, by what the parent held at the begin */
	bool is_forked;
	struct peer_waiter waiter;
};

static const char *const mode_names[EXPORT_NUM_MODES] = {"empty", "create", "clone"};

static void clone_set_state(struct clone *clone, enum clone_state state)
{
	assert(state_may_follow[clone->state][state]);
	clone->state = state;
	clone->began_ns[state] = clock_now_ns();
}

/* Nanoseconds spent in a state that was left. */
static unsigned long long spent_ns(const struct clone *clone, enum clone_state state)
{
	for (unsigned int next = state + 1; clone->began_ns[state] && next < CLONE_NUM_STATES;
	     next++)
		if (clone->began_ns[next])
			return clone->began_ns[next] - clone->began_ns[state];
	return 0;
}

static void log_success(const struct clone *clone, uint32_t first_child)
{
	log_line(
	    LOG_INFO,
	    "clone parent=0x%08x child=0x%08x count=%u node=%d mode=%s regions=%u forked=%d "
	    "pause_ns=%llu connect_ns=%llu queue_ns=%llu export_ns=%llu create_ns=%llu ns=%llu",
	    clone->parent_name, first_child, clone->count, clone->node, mode_names[clone->mode],
	    clone->region_count, clone->is_forked, (unsigned long long)clone->pause_ns,
	    spent_ns(clone, CLONE_CONNECT), spent_ns(clone, CLONE_QUEUE),
	    spent_ns(clone, CLONE_EXPORT), spent_ns(clone, CLONE_CREATE),
	    (unsigned long long)(clone->began_ns[CLONE_DONE] - clone->began_ns[CLONE_CONNECT]));
}

/* Return: the parent while it lives, or NULL. */
static struct task *clone_parent(const struct clone *clone)
{
	struct task *parent = tasks_find(&clone->hostd->tasks, clone->parent_name);

	return parent && parent->phase == TASK_ALIVE ? parent : NULL;
}

static bool clone_is_here(const struct clone *clone)
{
	return hostd_is_own_node(clone->hostd, clone->node);
}

static bool clone_may_use_template(const struct clone *clone)
{
	return clone->mode == EXPORT_CREATE && clone_is_here(clone);
}

static void clone_refuse(struct clone *clone, int32_t result, const char *text)
{
	log_line(LOG_WARNING, "clone parent=0x%08x node=%d mode=%s step=%s code=%d err=\"%s\"",
		 clone->parent_name, clone->node, mode_names[clone->mode],
		 state_names[clone->state], result, text);
	clone_set_state(clone, CLONE_DONE);
	export_turn_end(&clone->turn, EXPORT_NOT_MADE);
	request_refuse(clone->request, result, "%s", text);
	free(clone);
}

static void clone_refuse_ended(struct clone *clone)
{
	char text[MESSAGE_MAX_TEXT];

	snprintf(text, sizeof(text), "task 0x%08x ended while it was being cloned",
		 clone->parent_name);
	clone_refuse(clone, KERN_TERMINATED, text);
}

/* The replies of all calls but norma_task_spawn consist of the child's name. */
static void clone_reply(const struct clone *clone, const struct port_name *names)
{
	struct norma_task_spawn_reply list = {.children = names, .children_count = clone->count};
	struct norma_task_clone_reply one = {.child = names[0].name};

	if (clone->request->type == MESSAGE_norma_task_spawn)
		request_reply_with(clone->request, norma_task_spawn, &list);
	else
		request_reply_with(clone->request, norma_task_clone, &one);
}

/* The last step is over. The answer goes first: what follows can wait. */
static void clone_created(void *context, int32_t result, const struct port_name *names,
			  uint32_t count, const char *text)
{
	struct clone *clone = context;

	if (!result && clone_parent(clone)) {
		clone_set_state(clone, CLONE_DONE);
		clone_reply(clone, names);
		export_turn_end(&clone->turn, EXPORT_MADE);
		log_success(clone, names[0].name);
		free(clone);
		return;
	}
	export_turn_end(&clone->turn, EXPORT_MADE);
	for (uint32_t i = 0; i < count; i++)
		claims_discard_task(clone->hostd, names[i].name);
	if (result)
		clone_refuse(clone, result, text);
	else
		clone_refuse_ended(clone);
}

/* Are these the names of as many tasks of the child's node as were asked for? */
static bool names_are_valid(const struct clone *clone, const struct peer_create_child_reply *reply)
{
	for (uint32_t i = 0; i < reply->children_count; i++)
		if (name_kind(reply->children[i].name) != NAME_TASK ||
		    name_node(reply->children[i].name) != clone->node)
			return false;
	return reply->children_count == clone->count;
}

static void peer_answered(void *context, const struct answer *answer)
{
	struct clone *clone = context;
	struct peer_create_child_reply reply;
	char text[MESSAGE_MAX_TEXT];

	if (answer->result) {
		clone_created(clone, answer->result, NULL, 0, answer_text(answer, text));
	} else if (hostd_decode(clone->hostd, peer_create_child_reply, answer->payload,
				answer->bytes, &reply) ||
		   !names_are_valid(clone, &reply)) {
		snprintf(text, sizeof(text), "node %d answered with no name of a task of its own",
			 clone->node);
		clone_created(clone, KERN_FAILURE, NULL, 0, text);
	} else {
		clone_created(clone, KERN_SUCCESS, reply.children, reply.children_count, "");
	}
}

static void create_elsewhere(struct clone *clone, const struct task *parent,
			     const struct child_memory *memory)
{
	struct hostd *hostd = clone->hostd;
	struct peer_create_child_request request = {
	    .parent = clone->parent_name,
	    .mode = clone->mode,
	    .properties = &parent->properties,
	    .properties_count = 1,
	    .regions = memory->regions,
	    .regions_count = memory->region_count,
	    .count = clone->count,
	    .thread_flavor = clone->thread.flavor,
	    .thread_state = clone->thread.state,
	    .need_bytes = clone->need_bytes,
	};
	struct cpu_word words[CPU_MAX_WORDS];
	size_t bytes;

	memcpy(request.image, parent->image, sizeof(request.image));
	cpu_fields_fill(&request, parent->cpu, words);
	bytes = hostd_encode(hostd, peer_create_child_request, &request);
	peer_call(hostd, clone->node,
		  &(struct call_setup){
		      .type = MESSAGE_peer_create_child,
		      .uid = clone->owner_uid,
		      .payload = hostd->payload,
		      .bytes = bytes,
		      .deadline_ns = clone->deadline_ns,
		      .done = peer_answered,
		      .context = clone,
		  });
}

static void create_here(struct clone *clone, const struct task *parent,
			const struct child_memory *memory)
{
	struct hostd *hostd = clone->hostd;
	char error[MESSAGE_MAX_TEXT];
	struct brood_setup setup = {
	    .child =
		{
		    .parent = clone->parent_name,
		    .owner_uid = clone->owner_uid,
		    .state = TASK_STATE_RUNNING,
		    .image = parent->image,
		    .properties = &parent->properties,
		    .shares_memory = clone->mode == EXPORT_CLONE,
		    .need_bytes = clone->need_bytes,
		    .cpu = {.cpu = parent->cpu, .scope = CPU_GATE_SEEN, .is_child = true},
		    .memory = memory,
		    .thread = clone->thread,
		    .deadline_ns = clone->deadline_ns,
		},
	    .count = clone->count,
	    .done = clone_created,
	    .context = clone,
	};
	int32_t result = brood_create(hostd, &setup, error);

	if (result)
		clone_created(clone, result, NULL, 0, error);
}

static void clone_create(struct clone *clone, const struct child_memory *memory)
{
	struct task *parent = clone_parent(clone);

	clone_set_state(clone, CLONE_CREATE);
	if (!parent) {
		clone_refuse_ended(clone);
		return;
	}
	parent->shares_memory |= clone->mode == EXPORT_CLONE;
	if (clone_is_here(clone))
		create_here(clone, parent, memory);
	else
		create_elsewhere(clone, parent, memory);
}

static uint32_t forked_fd_count(const struct vmm_export_reply *reply)
{
	return reply->forked ? FORKED_FDS : 0;
}

static void exported(void *context, const struct answer *answer)
{
	struct clone *clone = context;
	struct vmm_export_reply reply;
	struct child_memory memory;
	struct task *parent;
	char text[MESSAGE_MAX_TEXT];

	if (answer->result) {
		export_turn_end(&clone->turn, export_outcome_of(answer));
		clone_refuse(clone, answer->result, answer_text(answer, text));
		return;
	}
	if (hostd_decode(clone->hostd, vmm_export_reply, answer->payload, answer->bytes, &reply) ||
	    reply.forked > 1 || (reply.forked && clone->count > 1) ||
	    reply.windows_count + forked_fd_count(&reply) != answer->fd_count ||
	    (answer->fd_count && !clone_is_here(clone))) {
		export_turn_end(&clone->turn, EXPORT_MADE);
		clone_refuse(clone, KERN_FAILURE, "the parent's VMM described itself wrongly");
		return;
	}
	clone->pause_ns = reply.pause_ns;
	clone->region_count = reply.regions_count;
	clone->is_forked = reply.forked != 0;
	memory = (struct child_memory){
	    .regions = reply.regions,
	    .region_count = reply.regions_count,
	    .windows = reply.windows,
	    .fds = answer->fds + forked_fd_count(&reply),
	    .window_count = reply.windows_count,
	    .forked_fds = reply.forked ? answer->fds : NULL,
	};
	parent = clone_parent(clone);
	if (parent && reply.still && clone_may_use_template(clone))
		template_keep(parent, clone->mark, &memory);
	clone_create(clone, &memory);
}

static void clone_export(struct export_turn *turn)
{
	struct clone *clone = container_of(turn, struct clone, turn);
	struct hostd *hostd = clone->hostd;
	struct vmm_export_request request = {
	    .mode = clone->mode,
	    .here = clone_is_here(clone) ? clone->count : 0,
	};
	size_t bytes = hostd_encode(hostd, vmm_export_request, &request);

	clone_set_state(clone, CLONE_EXPORT);
	call_start(hostd, turn->task->vmm->channel,
		   &(struct call_setup){
		       .type = MESSAGE_vmm_export,
		       .uid = clone->owner_uid,
		       .payload = hostd->payload,
		       .bytes = bytes,
		       .deadline_ns = clone->deadline_ns,
		       .done = exported,
		       .context = clone,
		   });
	clone->mark = template_mark(turn->task);
}

static void parent_ended(struct export_turn *turn)
{
	clone_refuse_ended(container_of(turn, struct clone, turn));
}

static void clone_enqueue(struct clone *clone)
{
	struct task *parent = clone_parent(clone);

	if (!parent) {
		clone_refuse_ended(clone);
		return;
	}
	clone_set_state(clone, CLONE_QUEUE);
	if (clone->mode == EXPORT_EMPTY)
		clone_create(clone, &(struct child_memory){0});
	else if (clone_may_use_template(clone) && template_is_kept(parent))
		clone_create(clone, template_use(parent, &clone->thread));
	else
		export_turn_wait(&clone->turn, parent);
}

static void clone_connected(struct peer_waiter *waiter, struct channel *channel, const char *why)
{
	struct clone *clone = container_of(waiter, struct clone, waiter);

	if (channel)
		clone_enqueue(clone);
	else
		clone_refuse(clone, KERN_NODE_DOWN, why);
}

static void clone_set_thread(struct clone *clone, const struct child_thread *thread)
{
	assert(thread->state.bytes <= sizeof(clone->thread_state));
	clone->thread = *thread;
	if (thread->state.bytes)
		memcpy(clone->thread_state, thread->state.data, thread->state.bytes);
	clone->thread.state.data = clone->thread_state;
}

void clone_begin(struct request *request, struct task *parent, const struct clone_setup *setup)
{
	struct hostd *hostd = request->hostd;
	int child_node = setup->child_node;
	struct peer *peer = peer_find(&hostd->peers, child_node);
	struct clone *clone;

	if (!peer && !hostd_is_own_node(hostd, child_node)) {
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "node %d is not in the node table of node %d", child_node,
			       (int)hostd->config.node);
		return;
	}
	clone = calloc(1, sizeof(*clone));
	if (!clone) {
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	*clone = (struct clone){
	    .hostd = hostd,
	    .request = request,
	    .parent_name = parent->name,
	    .owner_uid = parent->owner_uid,
	    .need_bytes = peer ? room_of_child_elsewhere(parent, setup->mode)
			       : room_of_child_here(parent, setup->mode),
	    .mode = setup->mode,
	    .node = child_node,
	    .count = setup->count,
	    .began_ns[CLONE_CONNECT] = clock_now_ns(),
	    .deadline_ns = hostd_deadline((uint64_t)hostd->config.clone_deadline_ms +
					  (setup->count - 1) * BROOD_EACH_MS),
	    .waiter.done = clone_connected,
	    .turn = {.granted = clone_export, .task_ended = parent_ended},
	};
	clone_set_thread(clone, &setup->thread);
	if (peer && !peer_channel(peer))
		peer_when_up(peer, &clone->waiter);
	else
		clone_enqueue(clone);
}
