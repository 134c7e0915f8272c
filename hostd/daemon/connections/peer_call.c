/*
 * Calls to another node. One that finds no link waits, with a copy of its payload, for the attempt
 * to make one; that has a short deadline of its own.
 */
#include <mach/kern_return.h>
#include <stdlib.h>
#include <string.h>

#include "hostd.h"
#include "peers.h"

struct held_call {
	struct peer_waiter waiter;
	struct hostd *hostd;
	struct call_setup setup;
	uint8_t payload[];
};

static void held_call_go(struct peer_waiter *waiter, struct channel *channel, const char *why)
{
	struct held_call *held = container_of(waiter, struct held_call, waiter);

	if (channel)
		call_start(held->hostd, channel, &held->setup);
	else
		call_refuse(held->hostd, &held->setup, KERN_NODE_DOWN, "%s", why);
	free(held);
}

void peer_call(struct hostd *hostd, int node, const struct call_setup *setup)
{
	struct peer *peer = peer_find(&hostd->peers, node);
	struct held_call *held;

	if (!peer) {
		call_refuse(hostd, setup, KERN_INVALID_ARGUMENT,
			    "node %d is not in the node table of node %d", node,
			    (int)hostd->config.node);
		return;
	}
	if (hostd->is_stopping) {
		call_refuse(hostd, setup, KERN_NODE_DOWN, "node %d is stopping",
			    (int)hostd->config.node);
		return;
	}
	if (peer_channel(peer)) {
		call_start(hostd, peer_channel(peer), setup);
		return;
	}
	held = calloc(1, sizeof(*held) + setup->bytes);
	if (!held) {
		call_refuse(hostd, setup, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	held->waiter.done = held_call_go;
	held->hostd = hostd;
	held->setup = *setup;
	if (setup->bytes)
		memcpy(held->payload, setup->payload, setup->bytes);
	held->setup.payload = held->payload;
	peer_when_up(peer, &held->waiter);
}
