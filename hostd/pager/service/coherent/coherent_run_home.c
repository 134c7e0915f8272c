/*
 * Runs, as home sees them.
 */
#include <errno.h>
#include <stdlib.h>

#include "pager/service/coherent/coherent_gather.h"
#include "pager/service/coherent/coherent_run.h"
#include "pager/service/frozen/frozen_home.h"

/* Pages of one peer that carriers have at most: enough to keep both busy. */
#define SHIPPING_PAGES (4u * GATHER_PAGES)
/* A peer that has more waiting does not keep to its own limits. */
#define RUNS_WAITING_MAX 4096u

static void rest_free(struct peer *peer, struct run_rest *rest)
{
	TAILQ_REMOVE(&peer->runs, rest, of_peer);
	peer->run_count--;
	free(rest);
}

void coherent_run_serve_forget(struct peer *peer)
{
	while (!TAILQ_EMPTY(&peer->runs))
		rest_free(peer, TAILQ_FIRST(&peer->runs));
	peer->run_pages = 0;
}

/* ---- shipping ---- */

static void serve_more(struct peer *peer);

/* A carrier has done with what it was given, or was stopped. */
static void cargo_done(struct cargo *cargo)
{
	struct peer *peer = cargo->context;

	peer->pager->statistics.pages_out += cargo->sent;
	store_put(cargo->store);
	/* The stream may have ended meanwhile, and its host have begun anew. */
	if (peer->is_up && cargo->session == peer->orders.session) {
		peer->shipping_pages -= cargo->pages.page_count;
		peer->run_pages -= cargo->pages.page_count;
		serve_more(peer);
		frozen_serve_more(peer);
	}
	free(cargo);
}

static void ship(struct peer *peer, const struct run_rest *rest, struct store *store,
		 uint64_t first, uint32_t count)
{
	struct cargo *cargo = malloc(sizeof(*cargo));

	if (!cargo) {
		/* The directory counts on it: who waits must not wait for ever. */
		peer_fail_later(peer, -ENOMEM);
		return;
	}
	*cargo = (struct cargo){
	    .done = cargo_done,
	    .store = store_get(store),
	    .pages = {.object = rest->object,
		      .transaction = rest->transaction,
		      .first_page = first,
		      .page_count = count},
	};
	peer->run_pages += count;
	peer_send_cargo(peer, cargo);
}

/* ---- the pages ---- */

/* Each page is asked for; those that are here are only noted. Return: 0 or -errno. */
static int ask_directory(struct coherent *coherent, const struct peer *peer,
			 const struct run_rest *rest, uint32_t count)
{
	struct action_sink sink = coherent_sink(coherent);
	struct message request = {
	    .type = MESSAGE_READ_REQUEST,
	    .from = (uint8_t)peer->node,
	    .epoch = rest->membership,
	    .object = rest->object,
	};
	int r = 0;

	for (uint32_t i = 0; i < count && r == 0; i++) {
		request.page = rest->first + i;
		request.transaction =
		    transaction_after(rest->transaction, request.page - rest->run_first);
		r = directory_message(&coherent->directory, &request, &sink);
	}
	coherent_deliver_letters(coherent);
	return r;
}

static void serve_pages(struct peer *peer, struct object *object, const struct run_rest *rest,
			uint32_t count)
{
	struct coherent *coherent = object->coherent;
	struct store *store = object_store(object);
	struct gather gather = {
	    .first = rest->first, .count = count, .node = (unsigned int)peer->node};
	uint64_t first;
	int r;

	/* Without a store each page goes as one that is asked for alone. */
	if (store)
		coherent_gather_begin(coherent, &gather);
	r = ask_directory(coherent, peer, rest, count);
	if (store)
		coherent_gather_end(coherent);
	while (gather.sent) {
		uint32_t stretch = gather_take_stretch(&gather, &gather.sent, &first);

		ship(peer, rest, store, first, stretch);
	}
	if (r)
		peer_fail_later(peer, r);
	coherent_after_page(coherent, rest->first);
}

/* Pieces do not reach from one unit into the next: each is received as a whole. */
static uint32_t piece_of(const struct object *object, const struct run_rest *rest)
{
	uint64_t in_file = object->offset / PAGE_BYTES + rest->first;
	uint32_t piece = GATHER_PAGES - (uint32_t)(in_file % GATHER_PAGES);

	return piece < rest->count ? piece : rest->count;
}

static void serve_more(struct peer *peer)
{
	struct run_rest *rest;

	while (peer->is_up && peer->run_pages < SHIPPING_PAGES &&
	       (rest = TAILQ_FIRST(&peer->runs))) {
		struct object *object = object_find(peer->pager, rest->object);
		uint32_t piece;

		if (!object || !object->coherent) {
			rest_free(peer, rest);
			continue;
		}
		piece = piece_of(object, rest);
		serve_pages(peer, object, rest, piece);
		rest->first += piece;
		rest->count -= piece;
		if (rest->count == 0)
			rest_free(peer, rest);
	}
}

/* ---- messages ---- */

static int enqueue(struct peer *peer, const struct run_rest *what, struct run_rest *before)
{
	struct run_rest *rest;

	if (peer->run_count >= RUNS_WAITING_MAX)
		return -EPROTO;
	rest = malloc(sizeof(*rest));
	if (!rest)
		return -ENOMEM;
	*rest = *what;
	if (before)
		TAILQ_INSERT_BEFORE(before, rest, of_peer);
	else
		TAILQ_INSERT_TAIL(&peer->runs, rest, of_peer);
	peer->run_count++;
	return 0;
}

/* Return: whether the pages of a message are the object's, of which this is the home. */
static bool is_served(const struct object *object, const struct page_message *message)
{
	return coherent_is_home(object->coherent) && message->page_count >= 1 &&
	       message->page_count <= PAGE_EXTENT_PAGES && message->first_page < object->pages &&
	       message->page_count <= object->pages - message->first_page;
}

int coherent_run_serve(struct peer *peer, const struct page_message *request)
{
	const struct object *object = object_find(peer->pager, request->object);
	struct run_rest rest = {
	    .object = request->object,
	    .membership = request->membership,
	    .transaction = request->transaction,
	    .run_first = request->first_page,
	    .first = request->first_page,
	    .count = request->page_count,
	};
	int r;

	/* Of an object that was left meanwhile. */
	if (!object || !object->coherent)
		return 0;
	if (!is_served(object, request))
		return -EPROTO;
	r = enqueue(peer, &rest, NULL);
	serve_more(peer);
	return r;
}

static bool has_page(const struct run_rest *rest, const struct page_message *request)
{
	return rest->object == request->object && rest->membership == request->membership &&
	       request->first_page >= rest->first &&
	       request->first_page - rest->first < rest->count &&
	       transaction_after(rest->transaction, request->first_page - rest->run_first) ==
		   request->transaction;
}

bool coherent_run_take_out(struct peer *peer, const struct page_message *request)
{
	struct run_rest *rest, before;

	TAILQ_FOREACH (rest, &peer->runs, of_peer)
		if (has_page(rest, request))
			break;
	if (!rest)
		return true;
	before = *rest;
	before.count = (uint32_t)(request->first_page - rest->first);
	/* Without memory for two rests it stays where it is, which is late but not wrong. */
	if (before.count > 0 && enqueue(peer, &before, rest))
		return false;
	rest->count -= before.count + 1;
	rest->first = request->first_page + 1;
	if (rest->count == 0)
		rest_free(peer, rest);
	return true;
}

int coherent_run_done(struct peer *peer, const struct page_message *done)
{
	struct object *object = object_find(peer->pager, done->object);
	struct message message = {
	    .type = MESSAGE_DONE,
	    .from = (uint8_t)peer->node,
	    .access = ACCESS_READ,
	    .epoch = done->membership,
	    .object = done->object,
	};
	struct action_sink sink;

	if (!object || !object->coherent)
		return 0;
	if (!is_served(object, done) || done->access != ACCESS_READ)
		return -EPROTO;
	sink = coherent_sink(object->coherent);
	for (uint32_t i = 0; i < done->page_count; i++) {
		int r;

		message.page = done->first_page + i;
		message.transaction = transaction_after(done->transaction, i);
		r = directory_message(&object->coherent->directory, &message, &sink);
		if (r)
			return r;
		coherent_after_page(object->coherent, message.page);
	}
	return 0;
}
