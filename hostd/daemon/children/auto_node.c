/*
 * Two questions to each host, figures and CPU. The choice is made when all have answered or when
 * the time is over; answers that come after that only count down what keeps the memory in use.
 */
#include "auto_node.h"

#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "hostd.h"
#include "link/link.h"
#include "request.h"
#include "room.h"

#define NO_ANSWER	  "no answer within %d ms"
#define TEXT(buffer, ...) snprintf(buffer, sizeof(buffer), __VA_ARGS__)

struct candidate {
	struct auto_call *call;
	struct placement_node figures;
	unsigned int pending; /* questions */
	char refusal[PLACEMENT_WHY_BYTES];
};

struct auto_call {
	struct hostd *hostd;
	struct request *request; /* NULL once chosen */
	struct auto_node_setup setup;
	struct timer timer;
	unsigned int pending; /* questions to all */
	unsigned int count;
	struct candidate *candidates; /* [count] */
	struct message_header header;
	uint8_t payload[];
};

static int answer_ms(const struct hostd *hostd)
{
	return (int)hostd->config.auto_answer_ms;
}

static void auto_call_free(struct auto_call *call)
{
	cpu_identity_put(call->setup.cpu);
	free(call->candidates);
	free(call);
}

/* Each node with its reason, as far as a sentence goes. */
static void refuse(struct auto_call *call, const struct placement_node *nodes)
{
	static const char more[] = "; and others, see the log";
	char text[MESSAGE_MAX_TEXT] = "no node can take it: ";
	size_t used = strlen(text);

	for (unsigned int i = 0; i < call->count; i++) {
		size_t behind = i + 1 < call->count ? sizeof(more) : 1;
		char why[PLACEMENT_WHY_BYTES];

		placement_why_not(&call->setup.need, &nodes[i], why);
		log_line(LOG_NOTICE, "auto uid=%u err=\"%s\"", call->request->uid, why);
		if (used < sizeof(text) &&
		    used + strlen("; ") + strlen(why) + behind > sizeof(text)) {
			snprintf(text + used, sizeof(text) - used, "%s", more);
			used = sizeof(text);
		}
		if (used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 i ? "; " : "", why);
	}
	request_refuse(call->request, KERN_RESOURCE_SHORTAGE, "%s", text);
}

static void choose(struct auto_call *call)
{
	struct placement_node nodes[CONFIG_MAX_NODES + 1];
	struct link_message message = {.header = call->header, .payload = call->payload};
	int best;

	timer_cancel(&call->hostd->loop, &call->timer);
	for (unsigned int i = 0; i < call->count; i++) {
		struct candidate *candidate = &call->candidates[i];

		if (candidate->pending && !candidate->refusal[0])
			TEXT(candidate->refusal, NO_ANSWER, answer_ms(candidate->call->hostd));
		if (candidate->refusal[0])
			candidate->figures.refusal = candidate->refusal;
		nodes[i] = candidate->figures;
	}
	if (!call->request->channel) { /* nobody asks any more */
		request_free(call->request);
		call->request = NULL;
		return;
	}
	best = placement_choose(&call->setup.need, nodes, call->count);
	if (best < 0)
		refuse(call, nodes);
	else
		call->setup.chosen(call->request, &message, nodes[best].node);
	call->request = NULL;
}

static void timer_expired(struct timer *timer)
{
	choose(container_of(timer, struct auto_call, timer));
}

static void answered(struct candidate *candidate)
{
	struct auto_call *call = candidate->call;

	candidate->pending--;
	if (--call->pending)
		return;
	if (call->request)
		choose(call);
	auto_call_free(call);
}

static void note_refusal(struct candidate *candidate, const struct answer *answer)
{
	char text[MESSAGE_MAX_TEXT];

	if (candidate->refusal[0])
		return;
	if (answer->result == KERN_OPERATION_TIMED_OUT)
		TEXT(candidate->refusal, NO_ANSWER, answer_ms(candidate->call->hostd));
	else if (answer->result == KERN_NODE_DOWN)
		TEXT(candidate->refusal, "it cannot be reached");
	else
		TEXT(candidate->refusal, "%.120s", answer_text(answer, text));
}

/* Return: true when the answer is of use. */
static bool is_useful(struct candidate *candidate, const struct answer *answer)
{
	if (!candidate->call->request)
		return false;
	if (answer->result)
		note_refusal(candidate, answer);
	return !answer->result;
}

static void summary_answered(void *context, const struct answer *answer)
{
	struct candidate *candidate = context;
	struct peer_node_summary_reply summary;

	if (!is_useful(candidate, answer))
		;
	else if (hostd_decode(candidate->call->hostd, peer_node_summary_reply, answer->payload,
			      answer->bytes, &summary))
		TEXT(candidate->refusal, "it described itself wrongly");
	else
		room_describe_other(&summary, candidate->figures.node, &candidate->figures);
	answered(candidate);
}

static void check_cpu(struct candidate *candidate, const struct cpu_identity *there,
		      enum cpu_gate_scope scope)
{
	char error[MESSAGE_MAX_TEXT];

	if (!there)
		TEXT(candidate->refusal, "its CPU is not known");
	else if (!cpu_gate_check(candidate->call->setup.cpu, there, scope, "it", error))
		TEXT(candidate->refusal, "%.120s", error);
}

static void cpu_answered(void *context, const struct answer *answer)
{
	struct candidate *candidate = context;
	struct cpu_identity *there = NULL;
	struct peer_cpu_reply reply;

	if (is_useful(candidate, answer)) {
		if (!hostd_decode(candidate->call->hostd, peer_cpu_reply, answer->payload,
				  answer->bytes, &reply))
			there = cpu_fields_identity(&reply);
		check_cpu(candidate, there, CPU_GATE_ALL);
		cpu_identity_put(there);
	}
	answered(candidate);
}

static void ask(struct candidate *candidate, uint16_t type, call_done_fn done)
{
	struct auto_call *call = candidate->call;

	candidate->pending++;
	call->pending++;
	peer_call(call->hostd, candidate->figures.node,
		  &(struct call_setup){
		      .type = type,
		      .uid = call->request->uid,
		      .deadline_ns = hostd_deadline((uint64_t)answer_ms(call->hostd)),
		      .done = done,
		      .context = candidate,
		  });
}

static void add_other(struct auto_call *call, int node)
{
	struct candidate *candidate = &call->candidates[call->count++];

	candidate->call = call;
	candidate->figures.node = node;
	ask(candidate, MESSAGE_peer_node_summary, summary_answered);
	if (call->setup.cpu)
		ask(candidate, MESSAGE_peer_cpu, cpu_answered);
}

static void add_here(struct auto_call *call)
{
	struct candidate *candidate = &call->candidates[call->count++];

	candidate->call = call;
	room_describe(call->hostd, &candidate->figures);
	if (call->setup.cpu)
		check_cpu(candidate, call->hostd->cpu.identity, CPU_GATE_SEEN);
}

static struct auto_call *auto_call_new(struct request *request, const struct link_message *message)
{
	struct auto_call *call = calloc(1, sizeof(*call) + message->header.bytes);
	struct candidate *candidates = calloc(CONFIG_MAX_NODES + 1, sizeof(*candidates));

	if (!call || !candidates) {
		free(call);
		free(candidates);
		return NULL;
	}
	call->hostd = request->hostd;
	call->request = request;
	call->candidates = candidates;
	call->timer.expired = timer_expired;
	call->header = message->header;
	memcpy(call->payload, message->payload, message->header.bytes);
	return call;
}

void auto_node_choose(struct request *request, const struct link_message *message,
		      const struct auto_node_setup *setup)
{
	const struct config *config = &request->hostd->config;
	struct auto_call *call = auto_call_new(request, message);

	if (!call) {
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	call->setup = *setup;
	if (setup->cpu)
		cpu_identity_get(setup->cpu);
	add_here(call);
	for (unsigned int i = 0; i < config->node_count; i++)
		if (config->nodes[i].node != (int)config->node)
			add_other(call, config->nodes[i].node);
	if (call->pending) {
		timer_arm(&call->hostd->loop, &call->timer,
			  hostd_deadline((uint64_t)answer_ms(call->hostd)));
		return;
	}
	choose(call);
	auto_call_free(call);
}
