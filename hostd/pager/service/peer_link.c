/*
 * Connections to other pagers until they have said HELLO, and what becomes of them afterwards.
 *
 * The accepting side answers HELLO only when both connections have said theirs, so that the
 * dialling side knows that both stand as soon as it is answered on the urgent one.
 */
#include "pager/service/peer_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "pager/service/container.h"
#include "pager/service/frozen_home.h"
#include "pager/service/frozen_land.h"

#define HELLO_DEADLINE_NS (5 * NS_PER_S)
#define ANONYMOUS_LINKS	  64u

static void say_hello(struct peer_link *link)
{
	struct page_hello hello = {
	    .node = (uint32_t)link->pager->options.node,
	    .kind = link->kind,
	};
	uint8_t payload[8];
	struct page_message message = {.type = PAGE_MESSAGE_HELLO, .payload = payload};

	message.bytes = page_hello_encode(&hello, payload, sizeof(payload));
	page_connection_send(link->connection, &message);
}

/* A caller has said who it is. Return: 0 or -EPROTO. */
static int take_caller(struct peer_link *link, const struct page_hello *hello)
{
	struct pager *pager = link->pager;
	struct peer *peer = hello->node < PAGER_MAX_NODES ? pager->peers[hello->node] : NULL;
	struct peer_link *urgent, *bulk;

	if (!peer || peer->node > pager->options.node ||
	    !page_address_is_same_host(&link->connection->address,
				       &pager->options.peers[peer->node]))
		return -EPROTO;
	if (peer->is_up || peer->links[hello->kind])
		peer_fail(peer, -ECONNRESET); /* it has begun anew */
	link->kind = (enum page_connection_kind)hello->kind;
	link->peer = peer;
	peer->links[link->kind] = link;
	urgent = peer->links[PAGE_CONNECTION_URGENT];
	bulk = peer->links[PAGE_CONNECTION_BULK];
	if (!urgent || !bulk)
		return 0;
	if (urgent->connection->peer_epoch != bulk->connection->peer_epoch)
		return -EPROTO;
	say_hello(bulk);
	say_hello(urgent);
	peer_become_up(peer);
	return 0;
}

/* Whom we called has answered. Return: 0 or -EPROTO. */
static int take_answer(struct peer_link *link, const struct page_hello *hello)
{
	struct peer *peer = link->peer;
	struct peer_link *other;

	if (!peer || (int)hello->node != peer->node || hello->kind != link->kind)
		return -EPROTO;
	other = peer->links[!link->kind];
	if (!other ||
	    (other->has_hello && other->connection->peer_epoch != link->connection->peer_epoch))
		return -EPROTO;
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
	link->connection->is_sparing = hello.kind == PAGE_CONNECTION_BULK;
	if (hello.kind == PAGE_CONNECTION_URGENT)
		page_connection_set_urgent(link->connection);
	timer_stop(&link->pager->timers, &link->hello_timer);
	return link->is_dialled ? take_answer(link, &hello) : take_caller(link, &hello);
}

static int connection_received(struct page_connection *connection,
			       const struct page_message *message)
{
	struct peer_link *link = connection->owner_data;
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

static bool connection_place(struct page_connection *connection, const struct page_message *block,
			     struct page_place *ret_place)
{
	const struct peer_link *link = connection->owner_data;

	return link->has_hello && link->peer && link->peer->is_up &&
	       frozen_place(link->peer, block, ret_place);
}

static void connection_sent(struct page_connection *connection)
{
	const struct peer_link *link = connection->owner_data;

	if (link->peer && link->kind == PAGE_CONNECTION_BULK)
		frozen_serve_more(link->peer);
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
	link->pager->statistics.bytes_in += link->connection->received_bytes;
	link->pager->statistics.bytes_out += link->connection->sent_bytes;
	free(link);
}

static void connection_closed(struct page_connection *connection, int reason)
{
	struct peer_link *link = connection->owner_data;
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

static const struct page_connection_owner peer_connection_owner = {
    .connected = connection_connected,
    .received = connection_received,
    .place = connection_place,
    .sent = connection_sent,
    .closed = connection_closed,
};

static void hello_fire(struct timer *timer)
{
	struct peer_link *link = CONTAINER(timer, struct peer_link, hello_timer);

	page_connection_close(link->connection, -ETIMEDOUT);
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
	return link;
}

static void link_ready(struct peer_link *link)
{
	struct pager *pager = link->pager;

	link->connection->epoch = pager->epoch;
	page_connection_set_timeout(link->connection,
				    (unsigned int)(pager->options.deadline_ns / NS_PER_MS));
	TAILQ_INSERT_TAIL(&pager->links, link, of_pager);
}

static void link_abandon(struct peer_link *link)
{
	timer_stop(&link->pager->timers, &link->hello_timer);
	free(link);
}

void peer_link_dial(struct peer *peer, enum page_connection_kind kind)
{
	struct pager *pager = peer->pager;
	struct peer_link *link = link_new(pager);

	if (!link)
		return; /* the timer tries again */
	link->kind = kind;
	link->is_dialled = true;
	if (page_connection_connect(&pager->ring, &peer_connection_owner, link,
				    &pager->options.peers[peer->node], &link->connection)) {
		link_abandon(link);
		return;
	}
	link->peer = peer;
	peer->links[kind] = link;
	link_ready(link);
}

void peer_link_knock(struct peer *peer)
{
	struct pager *pager = peer->pager;
	struct peer_link *link = link_new(pager);

	if (!link)
		return; /* only a convenience: it dials us in any case */
	link->is_knock = true;
	if (page_connection_connect(&pager->ring, &peer_connection_owner, link,
				    &pager->options.peers[peer->node], &link->connection))
		link_abandon(link);
	else
		link_ready(link);
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
		link_abandon(link);
		return;
	}
	link_ready(link);
	peers_heard_of(pager, &link->connection->address);
}
