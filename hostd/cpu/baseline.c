/*
 * One gathering at a time asks all nodes, then libvirt when it can say something, then has all
 * nodes apply it. Steps: ASK -> LIBVIRT -> APPLY -> answer.
 */
#include "cpu/baseline.h"

#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/baseline_libvirt.h"
#include "cpu/baseline_peer.h"
#include "cpu/baseline_plan.h"
#include "hostd.h"
#include "request.h"

#define ASK_MS	  2500 /* longer than connecting may take */
#define APPLY_MS  20000
#define PAIRS_MAX 128u

struct baseline {
	struct request *request;
	struct hostd *hostd;
	bool apply;
	unsigned int count, pending;
	struct baseline_node nodes[CONFIG_MAX_NODES + 1];
	struct cpu_features common;
	struct baseline_libvirt libvirt;
	struct cpu_pair_row pairs[PAIRS_MAX];
};

/* One question to one node. */
struct baseline_part {
	struct baseline *baseline;
	struct baseline_node *node;
};

static void baseline_free(struct baseline *baseline)
{
	for (unsigned int i = 0; i < baseline->count; i++) {
		cpu_identity_put(baseline->nodes[i].identity);
		free(baseline->nodes[i].libvirt_cpu);
	}
	baseline_libvirt_done(&baseline->libvirt);
	free(baseline);
}

/* Who still cannot exchange tasks. As they are after applying; as they would be before that. */
static uint32_t find_pairs(struct baseline *baseline)
{
	struct cpu_identity *plans[CONFIG_MAX_NODES + 1] = {NULL};
	uint32_t count = 0;
	char name[16];

	for (unsigned int i = 0; i < baseline->count; i++) {
		struct baseline_node *node = &baseline->nodes[i];

		if (node->is_known)
			plans[i] = baseline->apply ? cpu_identity_get(node->identity)
						   : baseline_identity(node, &baseline->common);
	}
	for (unsigned int i = 0; i < baseline->count * baseline->count; i++) {
		unsigned int from = i / baseline->count, to = i % baseline->count;
		struct cpu_pair_row *row = &baseline->pairs[count];

		snprintf(name, sizeof(name), "node %d", baseline->nodes[to].node);
		if (from == to || !plans[from] || !plans[to] || count == PAIRS_MAX ||
		    cpu_gate_check(plans[from], plans[to], CPU_GATE_ALL, name, row->text))
			continue;
		row->from = baseline->nodes[from].node;
		row->to = baseline->nodes[to].node;
		count++;
	}
	for (unsigned int i = 0; i < baseline->count; i++)
		cpu_identity_put(plans[i]);
	return count;
}

static void fill_row(const struct baseline *baseline, const struct baseline_node *node,
		     struct cpu_node_row *row)
{
	struct cpu_features lost = cpu_features_without(&node->native, &baseline->common);
	char brand[CPU_BRAND_BYTES];

	*row = (struct cpu_node_row){.node = node->node, .known = node->is_known};
	if (!node->is_known) {
		memcpy(row->text, node->text, sizeof(row->text));
		return;
	}
	row->applies = node->applies;
	row->has_baseline = node->has_baseline;
	cpu_table_brand(&node->identity->seen, brand);
	snprintf(row->model, sizeof(row->model), "%s", brand);
	cpu_features_print(&lost, row->text, sizeof(row->text));
}

static void baseline_answer(struct baseline *baseline)
{
	struct cpu_node_row rows[CONFIG_MAX_NODES];
	const char *xml = baseline->libvirt.cpu ? baseline->libvirt.cpu : "";
	struct norma_cpu_baseline_reply reply = {
	    .libvirt_cpu = {(const uint8_t *)xml, (uint32_t)strnlen(xml, CPU_MAX_XML)},
	    .nodes = rows,
	    .nodes_count = baseline->count,
	    .pairs = baseline->pairs,
	};

	for (unsigned int i = 0; i < baseline->count; i++)
		fill_row(baseline, &baseline->nodes[i], &rows[i]);
	reply.pairs_count = find_pairs(baseline);
	memcpy(reply.libvirt, baseline->libvirt.text, sizeof(reply.libvirt));
	request_reply_with(baseline->request, norma_cpu_baseline, &reply);
	baseline_free(baseline);
}

static void node_unknown(struct baseline_node *node, const char *why)
{
	node->is_known = false;
	snprintf(node->text, sizeof(node->text), "%s", why);
}

/* What a node said of itself. */
static void node_fill(struct baseline_node *node, const struct peer_cpu_reply *reply)
{
	struct cpu_identity *identity = cpu_fields_identity(reply);

	if (!identity || cpu_words_to(reply->native, reply->native_count, &node->native)) {
		cpu_identity_put(identity);
		node_unknown(node, "it described its CPU wrongly");
		return;
	}
	cpu_identity_put(node->identity);
	free(node->libvirt_cpu);
	node->identity = identity;
	node->is_known = true;
	node->applies = reply->applies != 0;
	node->has_baseline = reply->has_baseline != 0;
	node->libvirt_cpu =
	    reply->libvirt_cpu.bytes
		? strndup((const char *)reply->libvirt_cpu.data, reply->libvirt_cpu.bytes)
		: NULL;
}

static void node_fill_own(struct hostd *hostd, struct baseline_node *node)
{
	struct baseline_answer answer;

	if (baseline_answer_fill(hostd, &answer))
		node_unknown(node, hostd->cpu.text);
	else
		node_fill(node, &answer.reply);
}

static void part_done(struct baseline_part *part, void (*next)(struct baseline *baseline))
{
	struct baseline *baseline = part->baseline;

	free(part);
	if (--baseline->pending == 0)
		next(baseline);
}

static void part_answered(struct baseline_part *part, const struct answer *answer)
{
	struct hostd *hostd = part->baseline->hostd;
	struct peer_cpu_reply reply;
	char text[MESSAGE_MAX_TEXT];

	if (answer->result)
		node_unknown(part->node, answer_text(answer, text));
	else if (hostd_decode(hostd, peer_cpu_reply, answer->payload, answer->bytes, &reply))
		node_unknown(part->node, "it answered something malformed");
	else
		node_fill(part->node, &reply);
}

/* Return: NULL without memory; that node stays unknown. */
static struct baseline_part *part_new(struct baseline *baseline, struct baseline_node *node)
{
	struct baseline_part *part = calloc(1, sizeof(*part));

	if (!part) {
		node_unknown(node, "this host is out of memory");
		return NULL;
	}
	*part = (struct baseline_part){baseline, node};
	baseline->pending++;
	return part;
}

static void ask_node(struct baseline_part *part, uint16_t type, size_t bytes, uint64_t allowed_ms,
		     call_done_fn done)
{
	struct hostd *hostd = part->baseline->hostd;

	peer_call(hostd, part->node->node,
		  &(struct call_setup){
		      .type = type,
		      .uid = part->baseline->request->uid,
		      .payload = hostd->payload,
		      .bytes = bytes,
		      .deadline_ns = hostd_deadline(allowed_ms),
		      .done = done,
		      .context = part,
		  });
}

/* The first node that could not apply it is the answer; others may have: applying it again is
 * harmless. */
static void apply_over(struct baseline *baseline)
{
	for (unsigned int i = 0; i < baseline->count; i++) {
		struct baseline_node *node = &baseline->nodes[i];

		if (node->is_known)
			continue;
		request_refuse(baseline->request, KERN_FAILURE,
			       "node %d did not apply the baseline: %s", node->node, node->text);
		baseline_free(baseline);
		return;
	}
	baseline_answer(baseline);
}

static void node_applied(void *context, const struct answer *answer)
{
	struct baseline_part *part = context;

	part_answered(part, answer);
	part_done(part, apply_over);
}

static void own_applied(void *context, int error, const char *text)
{
	struct baseline_part *part = context;

	if (error)
		node_unknown(part->node, text);
	else
		node_fill_own(part->baseline->hostd, part->node);
	part_done(part, apply_over);
}

static void apply_node(struct baseline *baseline, struct baseline_node *node)
{
	struct hostd *hostd = baseline->hostd;
	struct cpu_word words[CPU_MAX_WORDS];
	struct peer_cpu_baseline_request request = {words, 0};
	struct baseline_part *part = part_new(baseline, node);

	if (!part)
		return;
	if (!hostd_is_own_node(hostd, node->node)) {
		request.baseline_count = cpu_words_from(&baseline->common, words);
		ask_node(part, MESSAGE_peer_cpu_baseline,
			 hostd_encode(hostd, peer_cpu_baseline_request, &request), APPLY_MS,
			 node_applied);
	} else if (host_cpu_set_baseline(&hostd->cpu, &baseline->common, own_applied, part,
					 node->text)) {
		node->is_known = false;
		part_done(part, apply_over);
	}
}

static void baseline_apply(struct baseline *baseline)
{
	/* Held by ourselves until all are asked: the own node may be done at once. */
	baseline->pending = 1;
	for (unsigned int i = 0; i < baseline->count; i++)
		apply_node(baseline, &baseline->nodes[i]);
	if (--baseline->pending == 0)
		apply_over(baseline);
}

static void baseline_conclude(struct baseline *baseline)
{
	const struct baseline_node *unknown = NULL;

	for (unsigned int i = 0; i < baseline->count; i++)
		if (!baseline->nodes[i].is_known)
			unknown = &baseline->nodes[i];
	if (!baseline->apply) {
		baseline_answer(baseline);
	} else if (unknown || !baseline_one_vendor(baseline->nodes, baseline->count)) {
		if (unknown)
			request_refuse(
			    baseline->request, KERN_NODE_DOWN,
			    "the baseline is for all nodes, and the CPU of node %d is not "
			    "known: %s",
			    unknown->node, unknown->text);
		else
			request_refuse(baseline->request, KERN_FAILURE,
				       "the CPUs are of different vendors: no baseline lets their "
				       "hosts exchange tasks");
		baseline_free(baseline);
	} else {
		baseline_apply(baseline);
	}
}

static void libvirt_over(struct baseline_libvirt *libvirt)
{
	struct baseline *baseline = container_of(libvirt, struct baseline, libvirt);

	baseline->common = libvirt->common;
	baseline_conclude(baseline);
}

/* All have answered that do. */
static void asked(struct baseline *baseline)
{
	baseline->common = baseline_common(baseline->nodes, baseline->count);
	baseline_libvirt_ask(&baseline->libvirt, baseline->nodes, baseline->count,
			     &baseline->common);
}

static void node_answered(void *context, const struct answer *answer)
{
	struct baseline_part *part = context;

	part_answered(part, answer);
	part_done(part, asked);
}

static void add_node(struct baseline *baseline, int number)
{
	struct hostd *hostd = baseline->hostd;
	struct baseline_node *node = &baseline->nodes[baseline->count++];
	struct baseline_part *part;

	node->node = number;
	if (hostd_is_own_node(hostd, number)) {
		node_fill_own(hostd, node);
		return;
	}
	part = part_new(baseline, node);
	if (part)
		ask_node(part, MESSAGE_peer_cpu, 0, ASK_MS, node_answered);
}

void baseline_begin(struct request *request, bool apply)
{
	struct hostd *hostd = request->hostd;
	const struct config *config = &hostd->config;
	struct baseline *baseline = calloc(1, sizeof(*baseline));

	if (!baseline) {
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	baseline->request = request;
	baseline->hostd = hostd;
	baseline->apply = apply;
	baseline->libvirt.hostd = hostd;
	baseline->libvirt.done = libvirt_over;
	if (!config_node_find(config, (int)config->node))
		add_node(baseline, (int)config->node);
	for (unsigned int i = 0; i < config->node_count && baseline->count < CONFIG_MAX_NODES; i++)
		add_node(baseline, config->nodes[i].node);
	if (!baseline->pending)
		asked(baseline);
}
