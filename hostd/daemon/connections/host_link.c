/*
 * Hosts trust each other (the uid of a message comes from the other host's daemon); they are told
 * apart by number only, so the port must be reachable by hosts alone.
 */
#include "host_link.h"

#include <errno.h>
#include <mach/kern_return.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "channel.h"
#include "child.h"
#include "cpu/baseline.h"
#include "hostd.h"
#include "node_summary.h"
#include "peer_export.h"
#include "request.h"
#include "route.h"

static void link_closed(struct channel *channel, const char *why)
{
	struct host_link *link = channel->owner;
	struct peer_set *set = &link->hostd->peers;

	if (link->peer)
		peer_link_closed(link->peer, why);
	else
		set->incoming_count--;
	if (!link->peer && !link->hostd->is_stopping)
		log_line(LOG_INFO, "host=\"%s\" step=closed why=\"%s\"", channel->label, why);
	peer_exports_drop(link);
	timer_cancel(&link->hostd->loop, &link->timer);
	LIST_REMOVE(link, entry);
	free(link);
}

static void handle_hello(struct host_link *link, struct link_message *message)
{
	struct hostd *hostd = link->hostd;
	struct message_header reply = message->header;
	struct peer_hello_request hello;
	size_t bytes;

	if (hostd_decode(hostd, peer_hello_request, message->payload, message->header.bytes,
			 &hello) ||
	    !peer_find(&hostd->peers, hello.node)) {
		request_reject(link->channel, &message->header, KERN_INVALID_HOST,
			       "node %d does not have you in its node table, or you have its "
			       "number",
			       (int)hostd->config.node);
		channel_close(link->channel, "it is not a node of the table");
		return;
	}
	link->node = hello.node;
	snprintf(link->channel->label, sizeof(link->channel->label), "node %d", hello.node);
	bytes = hostd_encode(hostd, peer_hello_reply,
			     (&(struct peer_hello_reply){.node = (int)hostd->config.node}));
	reply.flags = MESSAGE_REPLY;
	channel_send(link->channel, &reply, hostd->payload, bytes, NULL, 0);
	host_link_established(link->channel);
}

static void handle_ping(struct channel *channel, const struct link_message *message)
{
	struct message_header reply = message->header;

	reply.flags = MESSAGE_REPLY;
	channel_send(channel, &reply, NULL, 0, NULL, 0);
}

static void link_request(struct channel *channel, struct link_message *message)
{
	struct host_link *link = channel->owner;

	if (message->header.type == MESSAGE_peer_hello && link->node < 0)
		handle_hello(link, message);
	else if (link->node < 0)
		channel_close(channel, "it did not say who it is");
	else if (message->header.type == MESSAGE_peer_ping)
		handle_ping(channel, message);
	else if (message->header.type == MESSAGE_peer_node_summary)
		node_summary_request(channel, message);
	else if (message->header.type == MESSAGE_peer_create_child)
		child_request(channel, message);
	else if (message->header.type == MESSAGE_peer_cpu)
		baseline_tell(channel, message);
	else if (message->header.type == MESSAGE_peer_cpu_baseline)
		baseline_set(channel, message);
	else if (message->header.type == MESSAGE_peer_export_range)
		peer_export_range(channel, message);
	else if (message->header.type == MESSAGE_peer_export_end)
		peer_export_end(channel, message);
	else
		route_call(channel, message, message->header.uid);
}

static const struct channel_handlers link_handlers = {
    .request = link_request,
    .closed = link_closed,
};

/* Any message breaks the silence; ping_due() looks at that. */
static void pinged(void *context, const struct answer *answer)
{
	(void)context;
	(void)answer;
}

static void send_ping(struct host_link *link)
{
	link->ping_ns = clock_now_ns();
	call_start(link->hostd, link->channel,
		   &(struct call_setup){
		       .type = MESSAGE_peer_ping,
		       .deadline_ns = hostd_deadline(HOST_LINK_PING_TIMEOUT_MS),
		       .done = pinged,
		   });
}

/*
 * Silence alone proves nothing (this process may have been stopped), a ping that stays unanswered
 * does: what has arrived is read before timers are looked at.
 */
static void ping_due(struct timer *timer)
{
	struct host_link *link = container_of(timer, struct host_link, timer);
	uint64_t silent_ns = link->channel->heard_ns + HOST_LINK_PING_MS * NS_PER_MS;
	uint64_t give_up_ns = link->ping_ns + HOST_LINK_PING_TIMEOUT_MS * NS_PER_MS;
	uint64_t now_ns = clock_now_ns();

	if (link->node < 0) {
		channel_close(link->channel, "it did not say who it is in time");
	} else if (silent_ns > now_ns) {
		timer_arm(&link->hostd->loop, &link->timer, silent_ns);
	} else if (link->ping_ns <= link->channel->heard_ns) {
		send_ping(link);
		timer_arm(&link->hostd->loop, &link->timer,
			  hostd_deadline(HOST_LINK_PING_TIMEOUT_MS));
	} else if (give_up_ns > now_ns) {
		timer_arm(&link->hostd->loop, &link->timer, give_up_ns);
	} else {
		channel_close(link->channel, "it did not answer a ping in 3 s");
	}
}

void host_link_established(struct channel *channel)
{
	struct host_link *link = channel->owner;

	if (!channel->is_closed)
		timer_arm(&link->hostd->loop, &link->timer, hostd_deadline(HOST_LINK_PING_MS));
}

int host_link_new(struct hostd *hostd, int take_fd, struct peer *peer, struct channel **ret_channel)
{
	struct host_link *link = calloc(1, sizeof(*link));
	struct channel_setup setup = {
	    .kind = CHANNEL_HOST,
	    .link_kind = LINK_STREAM,
	    .handlers = &link_handlers,
	    .owner = link,
	};
	int error;

	if (!link) {
		close(take_fd);
		return -ENOMEM;
	}
	*link = (struct host_link){.hostd = hostd, .peer = peer, .node = peer ? peer->node : -1};
	/* Small requests must not wait for the acknowledgement of earlier ones. */
	setsockopt(take_fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	error = peer ? channel_new(hostd, take_fd, &setup, &link->channel, "node %d (%s)",
				   peer->node, peer->address->text)
		     : channel_new(hostd, take_fd, &setup, &link->channel, "a host");
	if (error) {
		free(link);
		return error;
	}
	link->timer.expired = ping_due;
	if (!peer)
		timer_arm(&hostd->loop, &link->timer, hostd_deadline(HOST_LINK_CONNECT_MS));
	LIST_INSERT_HEAD(&hostd->peers.links, link, entry);
	*ret_channel = link->channel;
	return 0;
}
