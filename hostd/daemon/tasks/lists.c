/*
 * A gathering asks many at once and answers when the last has answered or let its deadline pass;
 * what is not known by then stays 0.
 */
#include "lists.h"

#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "hostd.h"
#include "node_summary.h"

#define TASK_ROWS_MAX	512
#define TASK_INFO_MS	1000
#define NODE_ANSWER_MS	2500 /* longer than connecting may take */
#define CPU_ANSWER_MS	500  /* of a node that has just answered */
#define TASK_BASIC_INFO 4

struct gathering {
	struct request *request;
	unsigned int pending;
	unsigned int count;
	struct task_row *tasks; /* [count], in a list of tasks */
	struct node_row *nodes; /* [count], in a list of nodes */
};

/* One question to one of them. */
struct gather_part {
	struct gathering *gathering;
	unsigned int index;
};

static void gathering_free(struct gathering *gathering)
{
	free(gathering->tasks);
	free(gathering->nodes);
	free(gathering);
}

static void gathering_finish(struct gathering *gathering)
{
	struct request *request = gathering->request;
	struct norma_task_list_reply tasks = {gathering->tasks, gathering->count};
	struct norma_node_list_reply nodes = {gathering->nodes, gathering->count};

	if (gathering->tasks)
		request_reply_with(request, norma_task_list, &tasks);
	else
		request_reply_with(request, norma_node_list, &nodes);
	gathering_free(gathering);
}

static void part_done(struct gather_part *part)
{
	struct gathering *gathering = part->gathering;

	free(part);
	if (--gathering->pending == 0)
		gathering_finish(gathering);
}

/* Return: NULL when there is no memory; that row stays incomplete. */
static struct gather_part *part_new(struct gathering *gathering, unsigned int index)
{
	struct gather_part *part = calloc(1, sizeof(*part));

	if (!part)
		return NULL;
	*part = (struct gather_part){gathering, index};
	gathering->pending++;
	return part;
}

static void info_answered(void *context, const struct answer *answer)
{
	struct gather_part *part = context;
	struct gathering *gathering = part->gathering;
	struct task_info_reply info;

	if (!answer->result && !hostd_decode(gathering->request->hostd, task_info_reply,
					     answer->payload, answer->bytes, &info))
		gathering->tasks[part->index].virtual_bytes = info.virtual_size;
	part_done(part);
}

static void threads_answered(void *context, const struct answer *answer)
{
	struct gather_part *part = context;
	struct gathering *gathering = part->gathering;
	struct task_threads_reply threads;

	if (!answer->result && !hostd_decode(gathering->request->hostd, task_threads_reply,
					     answer->payload, answer->bytes, &threads))
		gathering->tasks[part->index].threads = threads.threads_count;
	part_done(part);
}

static void ask_vmm(struct gathering *gathering, struct task *task, uint16_t type, size_t bytes,
		    call_done_fn done)
{
	struct gather_part *part = part_new(gathering, gathering->count);

	if (part)
		call_start(task->hostd, task->vmm->channel,
			   &(struct call_setup){
			       .type = type,
			       .uid = task->owner_uid,
			       .payload = task->hostd->payload,
			       .bytes = bytes,
			       .deadline_ns = hostd_deadline(TASK_INFO_MS),
			       .done = done,
			       .context = part,
			   });
}

static void add_task(struct gathering *gathering, struct task *task)
{
	struct task_row *row = &gathering->tasks[gathering->count];
	struct task_info_request info = {.task = task->name, .flavor = TASK_BASIC_INFO};
	struct task_threads_request threads = {.task = task->name};

	*row = (struct task_row){
	    .task = task->name,
	    .parent = task->parent,
	    .owner_uid = task->owner_uid,
	    .state = task->state,
	    .vmm_pid = task->vmm ? (uint32_t)task->vmm->process.pid : 0,
	    .age_ms = (clock_now_ns() - task->created_ns) / NS_PER_MS,
	};
	memcpy(row->image, task->image, sizeof(row->image));
	if (task_is_reachable(task)) {
		ask_vmm(gathering, task, MESSAGE_task_info,
			hostd_encode(task->hostd, task_info_request, &info), info_answered);
		ask_vmm(gathering, task, MESSAGE_task_threads,
			hostd_encode(task->hostd, task_threads_request, &threads),
			threads_answered);
	}
	gathering->count++;
}

static struct gathering *gathering_new(struct request *request)
{
	struct gathering *gathering = calloc(1, sizeof(*gathering));

	if (gathering)
		gathering->request = request;
	return gathering;
}

void list_tasks(struct request *request)
{
	struct gathering *gathering = gathering_new(request);
	struct task *task;

	if (gathering)
		gathering->tasks = calloc(TASK_ROWS_MAX, sizeof(*gathering->tasks));
	if (!gathering || !gathering->tasks) {
		free(gathering);
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	TAILQ_FOREACH (task, &request->hostd->tasks.live, entry)
		if (task->phase != TASK_BUILDING && gathering->count < TASK_ROWS_MAX)
			add_task(gathering, task);
	if (!gathering->pending)
		gathering_finish(gathering);
}

/* Could a task that begins here be cloned to that node? */
static void cpu_answered(void *context, const struct answer *answer)
{
	struct gather_part *part = context;
	struct hostd *hostd = part->gathering->request->hostd;
	struct node_row *row = &part->gathering->nodes[part->index];
	struct cpu_identity *there = NULL;
	struct peer_cpu_reply reply;
	char text[MESSAGE_MAX_TEXT];

	if (!answer->result &&
	    !hostd_decode(hostd, peer_cpu_reply, answer->payload, answer->bytes, &reply))
		there = cpu_fields_identity(&reply);
	if (there && hostd->cpu.identity)
		row->cpu_compatible =
		    cpu_gate_check(hostd->cpu.identity, there, CPU_GATE_ALL, "it", text)
			? NODE_CPU_COMPATIBLE
			: NODE_CPU_INCOMPATIBLE;
	cpu_identity_put(there);
	part_done(part);
}

static void ask_cpu(struct gather_part *part, int node)
{
	peer_call(part->gathering->request->hostd, node,
		  &(struct call_setup){
		      .type = MESSAGE_peer_cpu,
		      .uid = part->gathering->request->uid,
		      .deadline_ns = hostd_deadline(CPU_ANSWER_MS),
		      .done = cpu_answered,
		      .context = part,
		  });
}

static void node_answered(void *context, const struct answer *answer)
{
	struct gather_part *part = context;
	struct gathering *gathering = part->gathering;
	struct node_row *row = &gathering->nodes[part->index];
	struct peer_node_summary_reply summary;

	row->state = NODE_STATE_DOWN;
	if (answer->result == KERN_OPERATION_TIMED_OUT)
		row->state = NODE_STATE_UNKNOWN; /* connected, but silent */
	if (!answer->result && !hostd_decode(gathering->request->hostd, peer_node_summary_reply,
					     answer->payload, answer->bytes, &summary)) {
		row->state = NODE_STATE_UP;
		node_summary_to_row(&summary, row);
		ask_cpu(part, row->node);
		return;
	}
	part_done(part);
}

static void ask_node(struct gathering *gathering, struct hostd *hostd, int node)
{
	struct peer_node_summary_request request = {};
	struct gather_part *part = part_new(gathering, gathering->count);

	if (part)
		peer_call(hostd, node,
			  &(struct call_setup){
			      .type = MESSAGE_peer_node_summary,
			      .uid = gathering->request->uid,
			      .payload = hostd->payload,
			      .bytes = hostd_encode(hostd, peer_node_summary_request, &request),
			      .deadline_ns = hostd_deadline(NODE_ANSWER_MS),
			      .done = node_answered,
			      .context = part,
			  });
}

static void add_node(struct gathering *gathering, struct hostd *hostd, int node,
		     const char *address)
{
	struct node_row *row = &gathering->nodes[gathering->count];
	struct peer_node_summary_reply summary;

	row->node = node;
	row->state = NODE_STATE_UNKNOWN;
	snprintf(row->address, sizeof(row->address), "%s", address);
	if (hostd_is_own_node(hostd, node)) {
		row->state = NODE_STATE_SELF;
		node_summary_fill(hostd, &summary);
		node_summary_to_row(&summary, row);
		if (hostd->cpu.identity)
			row->cpu_compatible = NODE_CPU_COMPATIBLE;
	} else {
		ask_node(gathering, hostd, node);
	}
	gathering->count++;
}

void list_nodes(struct request *request)
{
	struct hostd *hostd = request->hostd;
	const struct config *config = &hostd->config;
	struct gathering *gathering = gathering_new(request);

	if (gathering)
		gathering->nodes = calloc(CONFIG_MAX_NODES + 1, sizeof(*gathering->nodes));
	if (!gathering || !gathering->nodes) {
		free(gathering);
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	if (!config_node_find(config, (int)config->node))
		add_node(gathering, hostd, (int)config->node, config->listen.text);
	for (unsigned int i = 0; i < config->node_count; i++)
		add_node(gathering, hostd, config->nodes[i].node, config->nodes[i].hostd.text);
	if (!gathering->pending)
		gathering_finish(gathering);
}
