/*
 * Serving blocks of frozen objects.
 */
#include "pager/service/frozen/frozen_home.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pager/service/frozen/block_send.h"
#include "pager/service/container.h"
#include "pager/service/frozen/frozen.h"

/*
 * Pages of one peer that carriers have when more is given to them: with two units for each, one is
 * there when the other is gone, though this thread be late.
 */
#define SHIPPING_PAGES (2 * PAGE_STREAMS * PAGE_EXTENT_PAGES)
/*
 * Nothing is served in the background for so long after a host has joined; for longer when a second
 * one did meanwhile, because more may follow; and never for longer than the most.
 */
#define HOLD_NS	     (4 * NS_PER_MS)
#define HOLD_MANY_NS (10 * NS_PER_MS)
#define HOLD_MOST_NS (50 * NS_PER_MS)
/* A peer that has more requests waiting does not keep to its own limits. */
#define SERVINGS_MAX 4096u

static void send_lost(struct peer *peer, enum page_connection_kind kind,
		      const struct page_message *about, int error)
{
	block_send_lost(peer->links[kind]->connection, about, error);
}

/* Return: the object a request is about if this host has a part in it that it may give, or NULL. */
static struct object *find_served(const struct peer *peer, const struct page_message *request)
{
	struct object *object = object_find(peer->pager, request->object);

	if (!object || object->kind != OBJECT_FROZEN)
		return NULL;
	if (object->phase == OBJECT_HERE)
		return object_is_member(object, peer->node) ? object : NULL;
	/* Home has sent it here, to the member that we were then. */
	return object->frozen && (uint32_t)object->join_serial == request->membership ? object
										      : NULL;
}

/* Return: how many of the pages, at most limit, this host has; from the first on. */
static uint32_t count_here(const struct object *object, uint64_t first, uint32_t limit)
{
	uint32_t count = 0;

	if (!object->frozen)
		return limit;
	while (count < limit && bit_get(object->frozen->present, first + count))
		count++;
	return count;
}

/* A carrier has done with what it was given, or was stopped. */
static void cargo_done(struct cargo *cargo)
{
	struct peer *peer = cargo->context;

	peer->pager->statistics.pages_out += cargo->sent_data;
	store_put(cargo->store);
	/* The stream may have ended meanwhile, and its host have begun anew. */
	if (peer->is_up && cargo->session == peer->orders.session) {
		peer->shipping_pages -= cargo->pages.page_count;
		frozen_serve_more(peer);
	}
	free(cargo);
}

/* Gives pages that are here to a carrier. */
static void ship(struct peer *peer, const struct page_message *pages, struct store *store)
{
	struct cargo *cargo = malloc(sizeof(*cargo));

	if (!cargo) {
		send_lost(peer, PAGE_CONNECTION_BULK, pages, -ENOMEM);
		return;
	}
	*cargo = (struct cargo){.done = cargo_done, .store = store_get(store), .pages = *pages};
	peer_send_cargo(peer, cargo);
}

/* Sends pages that are here: at once, or by way of a carrier. Return: how many. */
static uint32_t send_pages(struct peer *peer, enum page_connection_kind kind,
			   const struct page_message *pages, struct object *object)
{
	struct page_message some = *pages;
	struct store *store = object_store(object);

	if (!store) {
		send_lost(peer, kind, pages, -errno);
	} else if (kind == PAGE_CONNECTION_BULK) {
		ship(peer, pages, store);
	} else {
		if (some.page_count > PAGE_BLOCK_PAGES)
			some.page_count = PAGE_BLOCK_PAGES;
		peer->pager->statistics.pages_out +=
		    block_send(peer->links[kind]->connection, &some, store);
	}
	return some.page_count;
}

/* ---- while children are being made ---- */

static void hold_fire(struct timer *timer)
{
	struct pager *pager = CONTAINER(timer, struct pager, hold);

	pager->hold_end_ns = clock_now_ns();
	frozen_serve_all(pager);
}

void frozen_hold_init(struct pager *pager)
{
	pager->hold.fire = hold_fire;
}

void frozen_hold(struct pager *pager, int node)
{
	uint64_t now = clock_now_ns(), due;

	if (!timer_is_running(&pager->hold)) {
		/* Where children are made all the time, pages get half of it. */
		if (pager->hold_end_ns && now - pager->hold_end_ns < HOLD_MOST_NS)
			return;
		pager->hold_begin_ns = now;
		pager->hold_node = node;
	}
	due = now + (node == pager->hold_node ? HOLD_NS : HOLD_MANY_NS);
	if (due < pager->hold.due_ns && timer_is_running(&pager->hold))
		due = pager->hold.due_ns;
	if (due > pager->hold_begin_ns + HOLD_MOST_NS)
		due = pager->hold_begin_ns + HOLD_MOST_NS;
	/* Without memory for the timer nothing is held. */
	(void)timer_start(&pager->timers, &pager->hold, due);
}

/* Answers the first pages of a request. Return: how many; 0 when none is here yet. */
static uint32_t serve_some(struct peer *peer, enum page_connection_kind kind,
			   const struct page_message *request)
{
	struct object *object = find_served(peer, request);
	struct page_message some = *request;
	uint64_t hole = 0;

	if (!object || some.page_count > object->pages - some.first_page) {
		send_lost(peer, kind, &some, -ENOENT);
		return some.page_count;
	}
	if (kind == PAGE_CONNECTION_BULK && object->phase == OBJECT_HERE &&
	    timer_is_running(&object->pager->hold))
		return 0;
	some.page_count = count_here(object, some.first_page, some.page_count);
	if (some.page_count)
		hole = object_count_hole(object, some.first_page, some.page_count);
	if (hole || !some.page_count) {
		some.page_count = (uint32_t)hole;
		if (hole)
			block_send_about(peer->links[kind]->connection, PAGE_MESSAGE_BLOCK_ZERO,
					 &some);
		return some.page_count;
	}
	return send_pages(peer, kind, &some, object);
}

/* Takes what was answered off a request. Return: whether that was all. */
static bool advance(struct page_message *request, uint32_t count)
{
	request->first_page += count;
	request->page_count -= count;
	return request->page_count == 0;
}

/* Return: whether any request could be answered further. */
static bool serve_one(struct peer *peer)
{
	struct serving *serving;

	TAILQ_FOREACH (serving, &peer->servings, of_peer) {
		uint32_t count = serve_some(peer, PAGE_CONNECTION_BULK, &serving->request);

		if (count == 0)
			continue;
		if (advance(&serving->request, count)) {
			TAILQ_REMOVE(&peer->servings, serving, of_peer);
			peer->serving_count--;
			free(serving);
		}
		return true;
	}
	return false;
}

void frozen_serve_more(struct peer *peer)
{
	while (peer->is_up && peer->shipping_pages < SHIPPING_PAGES)
		if (!serve_one(peer))
			break;
}

void frozen_serve_all(struct pager *pager)
{
	for (unsigned int node = 0; node < PAGER_MAX_NODES; node++)
		if (pager->peers[node] && pager->peers[node]->serving_count)
			frozen_serve_more(pager->peers[node]);
}

void frozen_serve_forget(struct peer *peer)
{
	struct serving *serving;

	while ((serving = TAILQ_FIRST(&peer->servings))) {
		TAILQ_REMOVE(&peer->servings, serving, of_peer);
		free(serving);
	}
	peer->serving_count = 0;
}

static int enqueue(struct peer *peer, const struct page_message *request)
{
	struct serving *serving;

	if (peer->serving_count >= SERVINGS_MAX)
		return -EPROTO;
	serving = malloc(sizeof(*serving));
	if (!serving) {
		send_lost(peer, PAGE_CONNECTION_BULK, request, -ENOMEM);
		return 0;
	}
	serving->request = *request;
	TAILQ_INSERT_TAIL(&peer->servings, serving, of_peer);
	peer->serving_count++;
	return 0;
}

/* ---- at home: who serves ---- */

static struct frozen_given *given_at(struct object *object, uint64_t page)
{
	uint64_t count = object_unit(object, object->pages - 1) + 1;

	if (!object->given)
		object->given = calloc((size_t)count, sizeof(*object->given));
	return object->given ? &object->given[object_unit(object, page)] : NULL;
}

/* Sends the requester of a whole unit to the one before. Return: false when we have to serve it. */
static bool send_elsewhere(struct object *object, struct peer *peer,
			   const struct page_message *request)
{
	struct frozen_given *given = given_at(object, request->first_page), before;
	struct page_message elsewhere = {
	    .type = PAGE_MESSAGE_BLOCK_ELSEWHERE,
	    .object = request->object,
	    .transaction = request->transaction,
	    .first_page = request->first_page,
	    .page_count = request->page_count,
	};
	uint64_t first;

	if (!given ||
	    object_unit_pages(object, object_unit(object, request->first_page), &first) !=
		request->page_count ||
	    first != request->first_page)
		return false;
	before = *given;
	*given = (struct frozen_given){
	    .node_plus_one = (uint16_t)(peer->node + 1),
	    .membership = (uint32_t)request->transaction,
	};
	if (!before.node_plus_one || before.node_plus_one == peer->node + 1 ||
	    !peer_up(peer->pager, before.node_plus_one - 1))
		return false;
	elsewhere.host = (uint8_t)(before.node_plus_one - 1);
	elsewhere.membership = before.membership;
	peer_send(peer, PAGE_CONNECTION_BULK, &elsewhere);
	return true;
}

void frozen_take_back(struct object *object, int node)
{
	uint64_t count = object_unit(object, object->pages - 1) + 1;

	for (uint64_t unit = 0; object->given && unit < count; unit++)
		if (object->given[unit].node_plus_one == node + 1)
			object->given[unit] = (struct frozen_given){0};
}

int frozen_serve(struct peer *peer, enum page_connection_kind kind,
		 const struct page_message *request)
{
	struct object *object = object_find(peer->pager, request->object);
	struct page_message rest = *request;
	int r;

	if (object && (object->kind != OBJECT_FROZEN || request->first_page >= object->pages ||
		       request->page_count > object->pages - request->first_page))
		return object->phase == OBJECT_JOINING ? 0 : -EPROTO;
	if (kind == PAGE_CONNECTION_URGENT) {
		if (request->page_count > PAGE_BLOCK_PAGES)
			return -EPROTO;
		while (!advance(&rest, serve_some(peer, kind, &rest)))
			continue;
		return 0;
	}
	if (object && object->phase == OBJECT_HERE && object_is_member(object, peer->node) &&
	    !(request->flags & PAGE_FLAG_HERE) && send_elsewhere(object, peer, request))
		return 0;
	r = enqueue(peer, request);
	frozen_serve_more(peer);
	return r;
}
