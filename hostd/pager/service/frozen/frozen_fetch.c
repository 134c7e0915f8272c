/*
 * Requests.
 */
#include "pager/service/frozen/frozen_fetch.h"

#include <errno.h>
#include <stdlib.h>

/* A page that will be among the next so many to arrive is not asked for again. */
#define SOON_PAGES 128u

static void ask(struct frozen *frozen, struct peer *peer, enum page_connection_kind kind,
		const struct page_message *what)
{
	struct page_message request = *what;

	request.type = PAGE_MESSAGE_BLOCK_REQUEST;
	request.object = frozen->object->id;
	request.transaction = frozen->object->join_serial;
	if (kind == PAGE_CONNECTION_BULK && frozen->landing &&
	    orders_add(&peer->orders, &request, frozen->landing))
		peer_fail_later(peer, -ENOMEM);
	else
		peer_send(peer, kind, &request);
}

void frozen_orders_forget(const struct frozen *frozen)
{
	const struct object *object = frozen->object;

	for (unsigned int node = 0; node < PAGER_MAX_NODES; node++)
		if (object->pager->peers[node])
			orders_forget(&object->pager->peers[node]->orders, object->id,
				      object->join_serial);
}

static struct peer *home_of(const struct frozen *frozen)
{
	return frozen->object->pager->peers[frozen->object->home];
}

/* ---- in the background ---- */

void frozen_background_leave(struct frozen *frozen)
{
	if (frozen->is_in_background)
		TAILQ_REMOVE(&home_of(frozen)->background, frozen, of_peer);
	frozen->is_in_background = false;
}

void frozen_background_join(struct frozen *frozen)
{
	TAILQ_INSERT_TAIL(&home_of(frozen)->background, frozen, of_peer);
	frozen->is_in_background = true;
}

/* Return: the next unit that was not asked for; there is one. */
static uint64_t next_unit(const struct frozen *frozen)
{
	uint64_t unit = frozen->cursor;

	while (unit < frozen->unit_count && bit_get(frozen->asked, unit))
		unit++;
	if (unit < frozen->unit_count)
		return unit;
	for (unit = 0; bit_get(frozen->asked, unit);)
		unit++;
	return unit;
}

/* Asks for the next unit of one cache. Return: false when all of it has been asked for. */
static bool background_step(struct frozen *frozen, struct peer *home)
{
	struct page_message stretch = {0};
	uint64_t unit;

	if (frozen->asked_count == frozen->unit_count)
		return false;
	unit = next_unit(frozen);
	stretch.page_count = object_unit_pages(frozen->object, unit, &stretch.first_page);
	bit_set(frozen->asked, unit);
	frozen->asked_count++;
	frozen->cursor = unit + 1;
	frozen->pages_under_way += stretch.page_count;
	home->pages_under_way += stretch.page_count;
	ask(frozen, home, PAGE_CONNECTION_BULK, &stretch);
	return true;
}

void frozen_background_run(struct peer *home)
{
	struct frozen *frozen;

	while (home->is_up && home->pages_under_way < PEER_BULK_PAGES &&
	       (frozen = TAILQ_FIRST(&home->background))) {
		frozen_background_leave(frozen);
		if (background_step(frozen, home))
			frozen_background_join(frozen);
	}
}

int frozen_count_answer(struct frozen *frozen, uint32_t count)
{
	struct peer *home = home_of(frozen);

	if (count > frozen->pages_under_way || count > home->pages_under_way)
		return -EPROTO;
	frozen->pages_under_way -= count;
	home->pages_under_way -= count;
	return 0;
}

/* ---- for a thread that waits ---- */

/* Return: whether a page that was asked for is about to come from home. */
static bool is_near(const struct frozen *frozen, uint64_t page)
{
	bool is_soon = false;

	for (unsigned int kind = 0; kind < PAGE_CONNECTION_KINDS; kind++)
		is_soon |=
		    page >= frozen->arrived[kind] && page - frozen->arrived[kind] < SOON_PAGES;
	return is_soon && !frozen_loan_find(frozen, -1, page);
}

bool frozen_is_under_way(const struct frozen *frozen, uint64_t page)
{
	return bit_get(frozen->asked, object_unit(frozen->object, page));
}

void frozen_demand(struct frozen *frozen, uint64_t page)
{
	struct peer *home = peer_up(frozen->object->pager, frozen->object->home);
	struct page_message wanted = {
	    .first_page = page,
	    .page_count = 1,
	    .flags = PAGE_FLAG_HERE,
	};

	if (!home)
		return;
	if (!bit_get(frozen->asked, object_unit(frozen->object, page)))
		frozen->cursor = object_unit(frozen->object, page);
	else if (is_near(frozen, page))
		return;
	ask(frozen, home, PAGE_CONNECTION_URGENT, &wanted);
	frozen_background_run(home);
}

/* ---- of other hosts ---- */

struct frozen_loan *frozen_loan_find(const struct frozen *frozen, int node, uint64_t page)
{
	struct frozen_loan *loan;

	LIST_FOREACH(loan, &frozen->loans, of_frozen)
	if ((node < 0 || loan->node == node) && page >= loan->first &&
	    page - loan->first < loan->count)
		return loan;
	return NULL;
}

static void loan_free(struct frozen_loan *loan)
{
	LIST_REMOVE(loan, of_frozen);
	free(loan);
}

void frozen_loan_answered(struct frozen_loan *loan, uint32_t count)
{
	if (count >= loan->left)
		loan_free(loan);
	else
		loan->left -= count;
}

void frozen_loans_done(struct frozen *frozen)
{
	while (!LIST_EMPTY(&frozen->loans))
		loan_free(LIST_FIRST(&frozen->loans));
}

void frozen_ask_home_again(struct frozen *frozen, uint64_t first, uint32_t count)
{
	struct peer *home = peer_up(frozen->object->pager, frozen->object->home);
	struct page_message again = {
	    .first_page = first,
	    .page_count = count,
	    .flags = PAGE_FLAG_HERE,
	};

	if (home) {
		ask(frozen, home, PAGE_CONNECTION_BULK, &again);
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		if (!bit_get(frozen->present, first + i))
			frozen_lose(frozen->object, first + i);
}

int frozen_take_elsewhere(struct object *object, const struct page_message *message)
{
	struct frozen *frozen = object->frozen;
	struct peer *peer = peer_up(object->pager, message->host);
	struct page_message stretch = {
	    .first_page = message->first_page,
	    .page_count = message->page_count,
	    .flags = PAGE_FLAG_HERE,
	    .membership = message->membership,
	};
	struct frozen_loan *loan;

	if (message->page_count > frozen->pages_under_way || message->host == object->home)
		return -EPROTO;
	loan = peer ? malloc(sizeof(*loan)) : NULL;
	if (!loan) {
		frozen_ask_home_again(frozen, message->first_page, message->page_count);
		return 0;
	}
	*loan = (struct frozen_loan){
	    .node = message->host,
	    .first = message->first_page,
	    .count = message->page_count,
	    .left = message->page_count,
	};
	LIST_INSERT_HEAD(&frozen->loans, loan, of_frozen);
	ask(frozen, peer, PAGE_CONNECTION_BULK, &stretch);
	return 0;
}
