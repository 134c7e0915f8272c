/*
 * The other hosts: dialled until they are up, watched with PING while they are, and gone when a
 * connection breaks or nothing comes.
 */
#include "pager/service/hosts/peer_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pager/service/coherent/coherent_run.h"
#include "pager/service/container.h"
#include "pager/service/frozen/frozen_home.h"

#define DIAL_FIRST_NS	   (10 * NS_PER_MS)
#define DIAL_MAX_NS	   (250 * NS_PER_MS)
#define PINGS_PER_DEADLINE 5u
#define LATER_NS	   (100 * NS_PER_US)

static void peer_timer_start(struct peer *peer, uint64_t wait_ns)
{
	peer->due_ns = clock_now_ns() + wait_ns;
	if (timer_start(&peer->pager->timers, &peer->timer, peer->due_ns))
		log_line(LOG_ERROR, "no memory for the timer of node %d: it is not watched",
			 peer->node);
}

/* Takes a link from its peer; its connection ends soon. */
static void give_up_link(struct peer *peer, unsigned int kind, int reason)
{
	struct peer_link *link = peer->links[kind];

	if (!link)
		return;
	peer->links[kind] = NULL;
	link->peer = NULL;
	peer_link_close(link, reason);
}

/* Hosts that start together miss each other once; one that is down is not asked all the time. */
static uint64_t next_dial_wait(struct peer *peer)
{
	uint64_t wait_ns = peer->dial_wait_ns ? peer->dial_wait_ns : DIAL_FIRST_NS;

	peer->dial_wait_ns = wait_ns * 2 < DIAL_MAX_NS ? wait_ns * 2 : DIAL_MAX_NS;
	return wait_ns;
}

void peer_fail(struct peer *peer, int reason)
{
	timer_stop(&peer->pager->timers, &peer->later);
	for (unsigned int kind = 0; kind < PAGE_CONNECTION_KINDS; kind++)
		give_up_link(peer, kind, reason);
	orders_begin_session(&peer->orders);
	peer_timer_start(peer, next_dial_wait(peer));
	if (!peer->is_up)
		return;
	log_line(LOG_WARNING, "node %d is gone (%s): what only it had is lost", peer->node,
		 strerror(-reason));
	peer->is_up = false;
	peer->pages_under_way = 0;
	peer->shipping_pages = 0;
	frozen_serve_forget(peer);
	coherent_run_serve_forget(peer);
	peer_went(peer);
}

void peer_fail_later(struct peer *peer, int reason)
{
	page_connection_close(peer->links[PAGE_CONNECTION_URGENT]->connection, reason);
}

void peer_become_up(struct peer *peer)
{
	peer->is_up = true;
	peer->is_failing = false;
	peer->dial_wait_ns = 0;
	log_line(LOG_NOTICE, "node %d is up", peer->node);
	peer_timer_start(peer, peer->pager->options.deadline_ns / PINGS_PER_DEADLINE);
	peer_came(peer);
}

/* Silent for the deadline, not counting time in which we did not run ourselves. */
static bool is_silent(const struct peer *peer, uint64_t now, uint64_t interval)
{
	const struct page_connection *urgent = peer->links[PAGE_CONNECTION_URGENT]->connection;

	return now - peer->due_ns < interval &&
	       now - urgent->last_received_ns > peer->pager->options.deadline_ns;
}

/* Down, nothing begun, and its number is the higher one. */
static bool is_ours_to_dial(const struct peer *peer)
{
	unsigned int links = 0;

	for (unsigned int kind = 0; kind < PAGE_CONNECTION_KINDS; kind++)
		links += peer->links[kind] != NULL;
	return !peer->is_up && peer->pager->options.node < peer->node && links == 0;
}

static void peer_fire(struct timer *timer)
{
	struct peer *peer = CONTAINER(timer, struct peer, timer);
	uint64_t interval = peer->pager->options.deadline_ns / PINGS_PER_DEADLINE;

	if (peer->is_up) {
		struct page_message ping = {.type = PAGE_MESSAGE_PING};

		if (is_silent(peer, clock_now_ns(), interval)) {
			peer_fail(peer, -ETIMEDOUT);
			return;
		}
		peer_send(peer, PAGE_CONNECTION_URGENT, &ping);
		peer_timer_start(peer, interval);
		return;
	}
	if (!is_ours_to_dial(peer))
		return;
	/* What was begun ends in peer_become_up or peer_fail, by its own deadline if need be. */
	for (unsigned int kind = 0; kind < PAGE_CONNECTION_KINDS; kind++) {
		peer_link_dial(peer, (enum page_connection_kind)kind);
		if (!peer->links[kind]) {
			peer_fail(peer, -ENOMEM);
			return;
		}
	}
}

void peers_heard_of(struct pager *pager, const struct page_address *address)
{
	for (unsigned int node = 0; node < PAGER_MAX_NODES; node++) {
		struct peer *peer = pager->peers[node];

		if (!peer || !is_ours_to_dial(peer) ||
		    !page_address_is_same_host(address, &pager->options.peers[node]))
			continue;
		peer->dial_wait_ns = 0;
		peer_timer_start(peer, 0);
	}
}

static void later_fire(struct timer *timer)
{
	struct peer *peer = CONTAINER(timer, struct peer, later);

	page_connection_hurry(peer->links[PAGE_CONNECTION_URGENT]->connection);
}

int peers_init(struct pager *pager)
{
	int r;

	for (unsigned int node = 0; node < PAGER_MAX_NODES; node++) {
		struct peer *peer;

		if (!pager->options.has_peer[node])
			continue;
		peer = calloc(1, sizeof(*peer));
		if (!peer)
			return -ENOMEM;
		peer->pager = pager;
		peer->node = (int)node;
		peer->timer.fire = peer_fire;
		peer->later.fire = later_fire;
		TAILQ_INIT(&peer->background);
		TAILQ_INIT(&peer->servings);
		TAILQ_INIT(&peer->runs);
		orders_init(&peer->orders);
		pager->peers[node] = peer;
		peer_timer_start(peer, 0);
	}
	r = pager->options.has_listen ? peer_listen(pager) : 0;
	for (int node = 0; r == 0 && node < pager->options.node; node++)
		if (pager->peers[node])
			peer_link_knock(pager->peers[node]);
	return r;
}

void peers_stop(struct pager *pager)
{
	struct peer_link *link;

	TAILQ_FOREACH (link, &pager->links, of_pager) {
		link->peer = NULL;
		link->stream = NULL;
	}
	for (unsigned int node = 0; node < PAGER_MAX_NODES; node++)
		if (pager->peers[node])
			pager->peers[node]->is_up = false;
}

void peers_flush(struct pager *pager)
{
	struct peer_link *link;

	TAILQ_FOREACH (link, &pager->links, of_pager)
		if (link->connection)
			page_connection_flush(link->connection);
}

void peers_done(struct pager *pager)
{
	struct peer_link *link;

	while ((link = TAILQ_FIRST(&pager->links))) {
		struct page_connection *connection = link->connection;

		peer_link_free(link);
		if (connection)
			page_connection_free(connection);
	}
	for (unsigned int node = 0; node < PAGER_MAX_NODES; node++) {
		if (!pager->peers[node])
			continue;
		timer_stop(&pager->timers, &pager->peers[node]->timer);
		timer_stop(&pager->timers, &pager->peers[node]->later);
		frozen_serve_forget(pager->peers[node]);
		coherent_run_serve_forget(pager->peers[node]);
		orders_done(&pager->peers[node]->orders);
		free(pager->peers[node]);
		pager->peers[node] = NULL;
	}
	peer_listen_done(pager);
}

struct peer *peer_up(struct pager *pager, int node)
{
	struct peer *peer = node >= 0 && node < (int)PAGER_MAX_NODES ? pager->peers[node] : NULL;

	return peer && peer->is_up ? peer : NULL;
}

void peer_send(struct peer *peer, enum page_connection_kind kind,
	       const struct page_message *message)
{
	page_connection_send(peer->links[kind]->connection, message);
}

void peer_send_later(struct peer *peer, const struct page_message *message)
{
	struct page_connection *urgent = peer->links[PAGE_CONNECTION_URGENT]->connection;

	page_connection_send_later(urgent, message);
	if (!timer_is_running(&peer->later) &&
	    timer_start(&peer->pager->timers, &peer->later, clock_now_ns() + LATER_NS))
		page_connection_hurry(urgent);
}

void peer_send_frame(struct peer *peer, enum page_connection_kind kind,
		     struct page_frame *take_frame, const struct page_message *message)
{
	page_connection_send_frame(peer->links[kind]->connection, take_frame, message);
}

/* Units take turns, so that each stays on one stream. */
static struct peer_link *stream_for(const struct peer *peer, const struct cargo *cargo)
{
	uint64_t unit = cargo->pages.first_page / PAGE_EXTENT_PAGES;

	return peer->links[PAGE_CONNECTION_STREAM + unit % PAGE_STREAMS];
}

void peer_send_cargo(struct peer *peer, struct cargo *cargo)
{
	struct peer_link *link = stream_for(peer, cargo);

	cargo->context = peer;
	cargo->session = peer->orders.session;
	peer->shipping_pages += cargo->pages.page_count;
	stream_send(link->stream, cargo);
}

void peers_count_bytes(const struct pager *pager, uint64_t *bytes_in, uint64_t *bytes_out)
{
	const struct peer_link *link;

	TAILQ_FOREACH (link, &pager->links, of_pager)
		peer_link_count_bytes(link, bytes_in, bytes_out);
}
