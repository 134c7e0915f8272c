/*
 * Storing what comes, and what follows from it.
 */
#include "pager/service/frozen/frozen_land.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "pager/service/frozen/frozen_fetch.h"
#include "pager/service/frozen/frozen_home.h"
#include "pager/service/tasks/uffd.h"
#include "pager/service/tasks/vmm.h"

/* Return: whether an answer is about this membership of ours, and from one who may give it. */
static bool is_ours(const struct object *object, const struct peer *peer,
		    const struct page_message *answer)
{
	return object && object->frozen && object->join_serial == answer->transaction &&
	       (object->home == peer->node ||
		frozen_loan_find(object->frozen, peer->node, answer->first_page));
}

static bool is_inside(const struct object *object, const struct page_message *answer)
{
	return answer->first_page < object->pages &&
	       answer->page_count <= object->pages - answer->first_page;
}

/* Every page is here: the kernel can do the rest alone. */
static void become_complete(struct object *object)
{
	struct mapping *mapping;

	LIST_FOREACH(mapping, &object->mappings, of_object)
	uffd_unregister(mapping->vmm->uffd, mapping->address, mapping->bytes);
	store_put(object->frozen->landing);
	object->frozen->landing = NULL;
	log_line(LOG_DEBUG, "object=%#llx: all %llu pages are here", (unsigned long long)object->id,
		 (unsigned long long)object->pages);
}

static void units_arrived(struct frozen *frozen, const struct page_message *answer)
{
	uint64_t unit = object_unit(frozen->object, answer->first_page);
	uint64_t last = object_unit(frozen->object, answer->first_page + answer->page_count - 1);

	for (; unit <= last; unit++)
		frozen_unit_arrived(frozen, unit);
}

static void become_present(struct object *object, const struct page_message *answer, bool is_data)
{
	struct frozen *frozen = object->frozen;
	uint64_t before = frozen->present_count;

	for (uint32_t i = 0; i < answer->page_count; i++) {
		uint64_t page = answer->first_page + i;

		if (bit_get(frozen->present, page))
			continue;
		bit_set(frozen->present, page);
		frozen->present_count++;
		if (is_data)
			frozen->data_count++;
		else
			bit_set(frozen->zero, page);
	}
	/* Will all of a huge page be wanted? Hardly in an object that is mostly zero. */
	if (frozen->landing)
		atomic_store(&frozen->landing->is_sparse,
			     frozen->data_count * 2 < frozen->present_count);
	object->pager->statistics.pages_in += frozen->present_count - before;
	frozen_release(object, answer->first_page, answer->page_count);
	if (before != frozen->present_count)
		units_arrived(frozen, answer);
	if (before < object->pages && frozen->present_count == object->pages)
		become_complete(object);
}

static void lose_all(struct object *object, const struct page_message *answer)
{
	for (uint32_t i = 0; i < answer->page_count; i++)
		if (!bit_get(object->frozen->present, answer->first_page + i))
			frozen_lose(object, answer->first_page + i);
}

/* Return: 0 or -errno. */
static int store_block(struct store *landing, const struct page_message *block)
{
	/* Memory comes in huge pages from the first page on, or never will. */
	uint8_t *at = store_place(landing, block->first_page, block->bytes);

	if (!at)
		return store_write(landing, block->first_page, block->page_count, block->payload);
	memcpy(at, block->payload, block->bytes);
	return 0;
}

/* What came on a stream is stored already. */
static void take_block(struct object *object, enum page_connection_kind kind,
		       const struct page_message *block)
{
	struct store *landing = object->frozen->landing;
	int r = kind == PAGE_CONNECTION_URGENT && landing ? store_block(landing, block) : 0;

	if (r == 0) {
		become_present(object, block, true);
		return;
	}
	log_line(LOG_ERROR, "object=%#llx page=%llu count=%u: storing them: %s",
		 (unsigned long long)object->id, (unsigned long long)block->first_page,
		 block->page_count, strerror(-r));
	lose_all(object, block);
}

/* A loan is answered for by its host; home answers for everything else. */
static int count_answer(struct object *object, const struct peer *peer,
			enum page_connection_kind kind, const struct page_message *answer)
{
	struct frozen_loan *loan = frozen_loan_find(object->frozen, peer->node, answer->first_page);

	object->frozen->arrived[kind] = answer->first_page + answer->page_count;
	if (loan)
		frozen_loan_answered(loan, answer->page_count);
	if ((loan && answer->type == PAGE_MESSAGE_BLOCK_LOST) || object->phase == OBJECT_ORPHANED)
		return 0; /* home will answer, or nobody counts any more */
	return frozen_count_answer(object->frozen, answer->page_count);
}

/* What is answered in a word does not come on a stream. */
static void forget_order(struct peer *peer, const struct page_message *answer)
{
	struct store *store = orders_take(&peer->orders, peer->orders.session, answer);

	if (store)
		store_put(store);
}

static int take(struct object *object, struct peer *peer, enum page_connection_kind kind,
		const struct page_message *answer)
{
	int r = 0;

	if (!is_inside(object, answer) ||
	    (kind == PAGE_CONNECTION_BULK && answer->type == PAGE_MESSAGE_BLOCK))
		return -EPROTO;
	if (kind == PAGE_CONNECTION_BULK)
		forget_order(peer, answer);
	if (answer->type == PAGE_MESSAGE_BLOCK_ELSEWHERE)
		return object->home == peer->node && kind == PAGE_CONNECTION_BULK
			   ? frozen_take_elsewhere(object, answer)
			   : -EPROTO;
	if (kind != PAGE_CONNECTION_URGENT)
		r = count_answer(object, peer, kind, answer);
	if (r)
		return r;
	if (answer->type == PAGE_MESSAGE_BLOCK)
		take_block(object, kind, answer);
	else if (answer->type == PAGE_MESSAGE_BLOCK_ZERO)
		become_present(object, answer, false);
	else if (object->home == peer->node)
		lose_all(object, answer);
	else
		frozen_ask_home_again(object->frozen, answer->first_page, answer->page_count);
	return 0;
}

int frozen_take_answer(struct peer *peer, enum page_connection_kind kind,
		       const struct page_message *message)
{
	struct object *object = object_find(peer->pager, message->object);
	struct peer *home;
	int r;

	/* An answer to what we asked before we left (and maybe joined again) is nobody's concern.
	 */
	if (!is_ours(object, peer, message))
		return 0;
	r = take(object, peer, kind, message);
	home = peer_up(peer->pager, object->home);
	if (home)
		frozen_background_run(home);
	frozen_serve_all(peer->pager);
	return r;
}

int frozen_message(struct peer *peer, enum page_connection_kind kind,
		   const struct page_message *message)
{
	if (message->type == PAGE_MESSAGE_BLOCK_REQUEST)
		return frozen_serve(peer, kind, message);
	return frozen_take_answer(peer, kind, message);
}
