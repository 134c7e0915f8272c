/*
 * Connections to other pagers until they have said HELLO, and what becomes of them afterwards.
 *
 * The accepting side answers HELLO only when all connections have said theirs, so that the dialling
 * side knows that all stand as soon as it is answered on the urgent one. Streams are dialled by
 * their carriers, and handed to them when an accepted connection turns out to be one.
 */
#include "pager/service/hosts/peer_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "pager/service/container.h"
#include "pager/service/frozen/frozen.h"

#define HELLO_DEADLINE_NS (5 * NS_PER_S)
#define ANONYMOUS_LINKS	  64u

static const struct stream_owner peer_stream_owner;

void peer_link_close(struct peer_link *link, int reason)
{
	if (link->stream)
		stream_close(link->stream, reason);
	else if (link->connection)
		page_connection_close(link->connection, reason);
}

void peer_link_count_bytes(const struct peer_link *link, uint64_t *bytes_in, uint64_t *bytes_out)
{
	if (link->stream) {
		*bytes_in += stream_received_bytes(link->stream);
		*bytes_out += stream_sent_bytes(link->stream);
	} else if (link->connection) {
		*bytes_in += link->connection->received_bytes;
		*bytes_out += link->connection->sent_bytes;
	}
}

static struct page_hello our_hello(const struct peer_link *link)
{
	return (struct page_hello){
	    .node = (uint32_t)link->pager->options.node,
	    .kind = link->kind,
	};
}

static void say_hello(struct peer_link *link)
{
	struct page_hello hello = our_hello(link);
	uint8_t payload[PAGE_HELLO_BYTES];
	struct page_message message = {.type = PAGE_MESSAGE_HELLO, .payload = payload};

	if (link->stream) {
		stream_say_hello(link->stream);
		return;
	}
	message.bytes = page_hello_encode(&hello, payload, sizeof(payload));
	page_connection_send(link->connection, &message);
}

static struct carrier *carrier_of(const struct peer_link *link)
{
	return link->pager->carriers[link->kind - PAGE_CONNECTION_STREAM];
}

static struct stream_options stream_options_of(struct peer_link *link, struct peer *peer)
{
	return (struct stream_options){
	    .owner = &peer_stream_owner,
	    .context = link,
	    .orders = &peer->orders,
	    .session = peer->orders.session,
	    .epoch = link->pager->epoch,
	    .hello = our_hello(link),
	    .timeout_ms = (unsigned int)(link->pager->options.deadline_ns / NS_PER_MS),
	    .address = link->pager->options.peers[peer->node],
	};
}

/* Hands a caller that turned out to be a stream to its carrier. Return: 0 or -errno. */
static int become_stream(struct peer_link *link, struct peer *peer)
{
	struct stream_options options = stream_options_of(link, peer);
	struct page_connection_handover handover;
	int r = page_connection_give_up(link->connection, &handover);

	if (r)
		return r;
	link->connection = NULL;
	link->stream = stream_adopt(carrier_of(link), &options, &handover);
	if (link->stream)
		return 0;
	peer_link_free(link);
	return -ENOMEM;
}

/* Return: whether all connections stand, and have been made by the same run of their pager. */
static bool is_complete(const struct peer *peer, bool *ret_is_same)
{
	*ret_is_same = true;
	for (unsigned int kind = 0; kind < PAGE_CONNECTION_KINDS; kind++) {
		const struct peer_link *link = peer->links[kind];

		if (!link)
			return false;
		if (link->has_hello && link->peer_epoch != peer->links[0]->peer_epoch)
			*ret_is_same = false;
	}
	return true;
}

/* A caller has said who it is. Return: 0 or -errno. */
static int take_caller(struct peer_link *link, const struct page_hello *hello)
{
	struct pager *pager = link->pager;
	struct peer *peer = hello->node < PAGER_MAX_NODES ? pager->peers[hello->node] : NULL;
	bool is_same;
	int r = 0;

	if (!peer || peer->node > pager->options.node ||
	    !page_address_is_same_host(&link->connection->address,
				       &pager->options.peers[peer->node]))
		return -EPROTO;
	if (peer->is_up || peer->links[hello->kind])
		peer_fail(peer, -ECONNRESET); /* it has begun anew */
	link->kind = (enum page_connection_kind)hello->kind;
	if (link->kind >= PAGE_CONNECTION_STREAM)
		r = become_stream(link, peer);
	if (r)
		return r;
	link->peer = peer;
	peer->links[link->kind] = link;
	if (!is_complete(peer, &is_same))
		return 0;
	if (!is_same) {
		peer_fail(peer, -EPROTO);
		return 0;
	}
	for (unsigned int kind = PAGE_CONNECTION_KINDS; kind-- > 0;)
		say_hello(peer->links[kind]);
	peer_become_up(peer);
	return 0;
}

/* Whom we called has answered. Return: 0 or -EPROTO. */
static int take_answer(struct peer_link *link, const struct page_hello *hello)
{
	struct peer *peer = link->peer;
	bool is_same;

	if (!peer || (int)hello->node != peer->node || hello->kind != link->kind)
		return -EPROTO;
	for (unsigned int kind = 0; kind < PAGE_CONNECTION_KINDS; kind++) {
		const struct peer_link *other = peer->links[kind];

		is_same = other && (!other->has_hello || other->peer_epoch == link->peer_epoch);
		if (!is_same)
			return -EPROTO;
	}
	if (link->kind == PAGE_CONNECTION_URGENT)
		peer_become_up(peer);
	return 0;
}

static int take_hello(struct peer_link *link, const struct page_message *message)
{
	struct page_hello hello;

	if (message->type != PAGE_MESSAGE_HELLO || page_hello_decode(message, &hello))
		return -EPROTO;
	link->has_hello = true;
	link->peer_epoch = message->epoch;
	if (hello.kind < PAGE_CONNECTION_STREAM && link->stream)
		return -EPROTO;
	if (hello.kind < PAGE_CONNECTION_STREAM)
		link->connection->is_sparing = false;
	if (hello.kind == PAGE_CONNECTION_URGENT)
		page_connection_set_urgent(link->connection);
	timer_stop(&link->pager->timers, &link->hello_timer);
	return link->is_dialled ? take_answer(link, &hello) : take_caller(link, &hello);
}

static int link_received(struct peer_link *link, const struct page_message *message)
{
	int node = link->peer ? link->peer->node : -1, r;

	if (!link->has_hello)
		return take_hello(link, message);
	if (!link->peer)
		return -ECONNRESET;
	r = link->peer->is_up ? peer_dispatch(link->peer, link->kind, message) : -EPROTO;
	if (r)
		log_line(LOG_ERROR, "node=%d object=%#llx page=%llu: its %s was refused: %s", node,
			 (unsigned long long)message->object,
			 (unsigned long long)message->first_page,
			 page_message_type_name(message->type), strerror(-r));
	return r;
}

static int connection_received(struct page_connection *connection,
			       const struct page_message *message)
{
	return link_received(connection->owner_data, message);
}

static void stream_arrived(void *context, const struct page_message *message)
{
	int r = link_received(context, message);

	if (r)
		peer_link_close(context, r);
}

static void connection_connected(struct page_connection *connection)
{
	struct peer_link *link = connection->owner_data;

	if (link->is_knock)
		page_connection_close(connection, 0);
	else
		say_hello(link);
}

void peer_link_free(struct peer_link *link)
{
	timer_stop(&link->pager->timers, &link->hello_timer);
	TAILQ_REMOVE(&link->pager->links, link, of_pager);
	peer_link_count_bytes(link, &link->pager->statistics.bytes_in,
			      &link->pager->statistics.bytes_out);
	free(link);
}

static void link_closed(struct peer_link *link, int reason)
{
	struct peer *peer = link->peer;

	if (peer)
		peer->links[link->kind] = NULL;
	peer_link_free(link);
	if (!peer)
		return;
	if (!peer->is_up && !peer->is_failing) {
		peer->is_failing = true;
		log_line(LOG_INFO, "node %d cannot be reached yet: %s", peer->node,
			 strerror(-reason));
	}
	peer_fail(peer, reason);
}

static void connection_closed(struct page_connection *connection, int reason)
{
	link_closed(connection->owner_data, reason);
}

static void stream_closed(void *context, int reason)
{
	link_closed(context, reason);
}

static const struct page_connection_owner peer_connection_owner = {
    .connected = connection_connected,
    .received = connection_received,
    .closed = connection_closed,
};

static const struct stream_owner peer_stream_owner = {
    .arrived = stream_arrived,
    .closed = stream_closed,
};

static void hello_fire(struct timer *timer)
{
	struct peer_link *link = CONTAINER(timer, struct peer_link, hello_timer);

	peer_link_close(link, -ETIMEDOUT);
}

static struct peer_link *link_new(struct pager *pager)
{
	struct peer_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->pager = pager;
	link->hello_timer.fire = hello_fire;
	if (timer_start(&pager->timers, &link->hello_timer, clock_now_ns() + HELLO_DEADLINE_NS)) {
		free(link);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&pager->links, link, of_pager);
	return link;
}

static void connection_ready(struct peer_link *link)
{
	const struct pager *pager = link->pager;

	link->connection->epoch = pager->epoch;
	page_connection_set_timeout(link->connection,
				    (unsigned int)(pager->options.deadline_ns / NS_PER_MS));
}

/* Begins what a link is. Return: whether it has a connection or a stream now. */
static bool dial(struct peer_link *link, struct peer *peer)
{
	struct pager *pager = link->pager;
	struct stream_options options;

	if (link->kind >= PAGE_CONNECTION_STREAM) {
		options = stream_options_of(link, peer);
		link->stream = stream_dial(carrier_of(link), &options);
		return link->stream;
	}
	if (page_connection_connect(&pager->ring, &peer_connection_owner, link,
				    &pager->options.peers[peer->node], &link->connection))
		return false;
	connection_ready(link);
	return true;
}

void peer_link_dial(struct peer *peer, enum page_connection_kind kind)
{
	struct peer_link *link = link_new(peer->pager);

	if (!link)
		return; /* the timer tries again */
	link->kind = kind;
	link->is_dialled = true;
	if (!dial(link, peer)) {
		peer_link_free(link);
		return;
	}
	link->peer = peer;
	peer->links[kind] = link;
}

void peer_link_knock(struct peer *peer)
{
	struct peer_link *link = link_new(peer->pager);

	if (!link)
		return; /* only a convenience: it dials us in any case */
	link->is_knock = true;
	if (!dial(link, peer))
		peer_link_free(link);
}

static unsigned int count_anonymous(const struct pager *pager)
{
	const struct peer_link *link;
	unsigned int count = 0;

	TAILQ_FOREACH (link, &pager->links, of_pager)
		count += !link->peer;
	return count;
}

void peer_link_accept(struct pager *pager, int take_fd_)
{
	_cleanup_close_ int fd = take_fd_;
	struct peer_link *link = count_anonymous(pager) < ANONYMOUS_LINKS ? link_new(pager) : NULL;

	if (!link)
		return;
	if (page_connection_accept(&pager->ring, &peer_connection_owner, link, take_fd(&fd),
				   &link->connection)) {
		peer_link_free(link);
		return;
	}
	connection_ready(link);
	peers_heard_of(pager, &link->connection->address);
}
