/*
 * The fleet's CPU baseline.
 */
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "norma.h"

static void row_convert(const struct cpu_node_row *row, struct norma_cpu_row *ret_row)
{
	*ret_row = (struct norma_cpu_row){
	    .node = row->node,
	    .known = row->known != 0,
	    .applies = row->applies != 0,
	    .has_baseline = row->has_baseline != 0,
	};
	memcpy(ret_row->model, row->model, sizeof(ret_row->model));
	memcpy(ret_row->text, row->text, sizeof(ret_row->text));
}

/* Lays the parts out behind the struct. Return: NULL without memory. */
static struct norma_cpu_baseline *baseline_new(const struct norma_cpu_baseline_reply *reply)
{
	size_t nodes_bytes = reply->nodes_count * sizeof(struct norma_cpu_row);
	size_t pairs_bytes = reply->pairs_count * sizeof(struct norma_cpu_pair);
	struct norma_cpu_baseline *baseline =
	    calloc(1, sizeof(*baseline) + nodes_bytes + pairs_bytes + sizeof(reply->libvirt) +
			  reply->libvirt_cpu.bytes + 1);
	struct norma_cpu_row *nodes;
	struct norma_cpu_pair *pairs;
	char *text;

	if (!baseline)
		return NULL;
	nodes = (void *)(baseline + 1);
	pairs = (void *)((char *)nodes + nodes_bytes);
	text = (char *)pairs + pairs_bytes;
	for (uint32_t i = 0; i < reply->nodes_count; i++)
		row_convert(&reply->nodes[i], &nodes[i]);
	for (uint32_t i = 0; i < reply->pairs_count; i++) {
		pairs[i].from = reply->pairs[i].from;
		pairs[i].to = reply->pairs[i].to;
		memcpy(pairs[i].text, reply->pairs[i].text, sizeof(pairs[i].text));
	}
	memcpy(text, reply->libvirt, sizeof(reply->libvirt));
	if (reply->libvirt_cpu.bytes)
		memcpy(text + sizeof(reply->libvirt), reply->libvirt_cpu.data,
		       reply->libvirt_cpu.bytes);
	*baseline = (struct norma_cpu_baseline){nodes, reply->nodes_count,
						pairs, reply->pairs_count,
						text,  text + sizeof(reply->libvirt)};
	return baseline;
}

kern_return_t norma_cpu_baseline(boolean_t apply, struct norma_cpu_baseline **ret_baseline)
{
	struct norma_cpu_baseline_request request = {.apply = apply != FALSE};
	struct norma_cpu_baseline_reply reply;
	struct norma_cpu_baseline *baseline;
	struct mach_room room;
	kern_return_t result = client_room_get(&room);

	if (result == KERN_SUCCESS)
		result = mach_call_norma_cpu_baseline(&room, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	baseline = baseline_new(&reply);
	if (!baseline) {
		client_error_set("no memory for the baseline");
		return KERN_RESOURCE_SHORTAGE;
	}
	*ret_baseline = baseline;
	return KERN_SUCCESS;
}
