/*
 * The cache of a frozen object, on a host that is not its home.
 */
#include "pager/service/frozen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pager/service/frozen_home.h"
#include "pager/service/uffd.h"
#include "pager/service/waits.h"

static bool bit_get(const uint64_t *bits, uint64_t index)
{
	return bits[index / 64] >> (index % 64) & 1;
}

static void bit_set(uint64_t *bits, uint64_t index)
{
	bits[index / 64] |= (uint64_t)1 << (index % 64);
}

static void bit_clear(uint64_t *bits, uint64_t index)
{
	bits[index / 64] &= ~((uint64_t)1 << (index % 64));
}

static void background_leave(struct frozen *frozen)
{
	struct peer *home = frozen->object->pager->peers[frozen->object->home];

	if (frozen->is_in_background)
		TAILQ_REMOVE(&home->background, frozen, of_peer);
	frozen->is_in_background = false;
}

void frozen_close(struct object *object)
{
	struct frozen *frozen = object->frozen;

	if (!frozen)
		return;
	background_leave(frozen);
	free(frozen->asked);
	free(frozen);
	object->frozen = NULL;
}

bool frozen_is_incomplete(const struct object *object)
{
	return object->frozen && object->frozen->present_count < object->pages;
}

/* Asks for pages [first, first + count), none of which has been asked for. */
static void ask(struct frozen *frozen, struct peer *home, enum page_connection_kind kind,
		uint64_t first, uint32_t count)
{
	struct page_message request = {
	    .type = PAGE_MESSAGE_BLOCK_REQUEST,
	    .object = frozen->object->id,
	    .transaction = frozen->object->join_serial,
	    .first_page = first,
	    .page_count = count,
	};

	for (uint32_t i = 0; i < count; i++)
		bit_set(frozen->asked, first + i);
	home->blocks_under_way += kind == PAGE_CONNECTION_BULK;
	peer_send(home, kind, &request);
}

/* Return: how many pages from first on, at most a block, have not been asked for. */
static uint32_t count_unasked(const struct frozen *frozen, uint64_t first)
{
	uint32_t count = 0;

	while (count < PAGE_BLOCK_PAGES && first + count < frozen->object->pages &&
	       !bit_get(frozen->asked, first + count))
		count++;
	return count;
}

/* Asks for the next block of one cache. Return: false when all of it has been asked for. */
static bool background_step(struct frozen *frozen, struct peer *home)
{
	uint32_t count;

	while (frozen->next_page < frozen->object->pages &&
	       bit_get(frozen->asked, frozen->next_page))
		frozen->next_page++;
	count = count_unasked(frozen, frozen->next_page);
	if (count == 0)
		return false;
	ask(frozen, home, PAGE_CONNECTION_BULK, frozen->next_page, count);
	return true;
}

/* Keeps the bulk connection busy with the caches that are not complete, in turn. */
static void background_run(struct peer *home)
{
	struct frozen *frozen;

	while (home->is_up && home->blocks_under_way < PEER_BULK_BLOCKS &&
	       (frozen = TAILQ_FIRST(&home->background))) {
		background_leave(frozen);
		if (!background_step(frozen, home))
			continue;
		TAILQ_INSERT_TAIL(&home->background, frozen, of_peer);
		frozen->is_in_background = true;
	}
}

int frozen_open(struct object *object)
{
	size_t words = (size_t)(object->pages + 63) / 64;
	struct peer *home = object->pager->peers[object->home];
	struct frozen *frozen = calloc(1, sizeof(*frozen));

	if (!frozen)
		return -ENOMEM;
	frozen->asked = calloc(4 * words, sizeof(uint64_t));
	if (!frozen->asked) {
		free(frozen);
		return -ENOMEM;
	}
	frozen->object = object;
	frozen->present = frozen->asked + words;
	frozen->zero = frozen->present + words;
	frozen->lost = frozen->zero + words;
	object->frozen = frozen;
	TAILQ_INSERT_TAIL(&home->background, frozen, of_peer);
	frozen->is_in_background = true;
	background_run(home);
	return 0;
}

/* Lets the threads that wait for a page go on: to the page, or to an error. */
static void release_waiters(struct object *object, uint64_t page)
{
	struct page_wait *wait = wait_find(object, page);
	bool is_lost = !bit_get(object->frozen->present, page);
	struct fault *fault;

	if (!wait)
		return;
	while ((fault = wait_take_fault(wait))) {
		if (is_lost)
			uffd_poison(fault->vmm->uffd, fault->address);
		else
			uffd_wake(fault->vmm->uffd, fault->address, PAGE_BYTES);
		free(fault);
	}
	wait_free(wait);
}

static void lose(struct object *object, uint64_t page)
{
	if (!bit_get(object->frozen->lost, page))
		object->pager->statistics.lost_pages++;
	bit_set(object->frozen->lost, page);
	release_waiters(object, page);
}

/* A page that is a hole here because it is zero gets memory when it is touched. */
static int materialise(struct frozen *frozen, uint64_t page)
{
	int r = 0;

	if (bit_get(frozen->zero, page))
		r = object_allocate(frozen->object, page, 1);
	if (r == 0)
		bit_clear(frozen->zero, page);
	return r;
}

/* Asks for a page that a thread waits for, then for those behind it. */
static void demand(struct frozen *frozen, uint64_t page)
{
	struct peer *home = peer_up(frozen->object->pager, frozen->object->home);
	uint32_t count;

	if (bit_get(frozen->asked, page) || !home)
		return;
	ask(frozen, home, PAGE_CONNECTION_URGENT, page, 1);
	count = page + 1 < frozen->object->pages ? count_unasked(frozen, page + 1) : 0;
	if (count)
		ask(frozen, home, PAGE_CONNECTION_BULK, page + 1, count);
}

void frozen_fault(struct mapping *mapping, uint64_t address)
{
	struct object *object = mapping->object;
	struct frozen *frozen = object->frozen;
	uint64_t page = mapping->first_page + (address - mapping->address) / PAGE_BYTES;
	struct page_wait *wait;

	/* Complete, or at home: nothing is watched any more, a last event may still be read. */
	if (!frozen || (bit_get(frozen->present, page) && materialise(frozen, page) == 0)) {
		uffd_wake(mapping->vmm->uffd, address, PAGE_BYTES);
		return;
	}
	if (bit_get(frozen->lost, page) || object->phase == OBJECT_ORPHANED) {
		lose(object, page);
		uffd_poison(mapping->vmm->uffd, address);
		return;
	}
	wait = bit_get(frozen->present, page) ? NULL : wait_get(object, page);
	if (!wait || wait_add_fault(wait, mapping->vmm, address, false)) {
		vmm_stray_fault(mapping->vmm, address); /* no memory: it tries again */
		return;
	}
	demand(frozen, page);
}

void frozen_expired(struct object *object, uint64_t page)
{
	struct peer *home = peer_up(object->pager, object->home);

	log_line(LOG_WARNING, "object=%#llx page=%llu: node %d did not send it in time",
		 (unsigned long long)object->id, (unsigned long long)page, object->home);
	if (home)
		peer_fail(home, -ETIMEDOUT);
	else
		lose(object, page);
}

void frozen_home_gone(struct object *object)
{
	struct page_wait *wait, *next;

	background_leave(object->frozen);
	HASH_ITER (hh, object->waits, wait, next)
		lose(object, wait->page);
}

/* Every page is here: the kernel can do the rest alone. */
static void become_complete(struct object *object)
{
	struct mapping *mapping;

	LIST_FOREACH(mapping, &object->mappings, of_object)
	uffd_unregister(mapping->vmm->uffd, mapping->address, mapping->bytes);
	log_line(LOG_DEBUG, "object=%#llx: all %llu pages are here", (unsigned long long)object->id,
		 (unsigned long long)object->pages);
}

/* data: NULL when the page is zero. Return: 0 or -errno of the memfd. */
static int take_page(struct object *object, uint64_t page, const uint8_t *data)
{
	struct frozen *frozen = object->frozen;
	int r = 0;

	if (data)
		r = object_write(object, page, data);
	else
		bit_set(frozen->zero, page);
	if (r)
		return r;
	bit_set(frozen->present, page);
	frozen->present_count++;
	object->pager->statistics.pages_in++;
	if (wait_find(object, page)) {
		r = materialise(frozen, page);
		release_waiters(object, page);
	}
	return r;
}

/* Return: whether all pages of an answer were asked for and have not come. */
static bool is_awaited(const struct object *object, const struct page_message *answer)
{
	if (answer->first_page >= object->pages ||
	    answer->page_count > object->pages - answer->first_page)
		return false;
	for (uint32_t i = 0; i < answer->page_count; i++)
		if (!bit_get(object->frozen->asked, answer->first_page + i) ||
		    bit_get(object->frozen->present, answer->first_page + i))
			return false;
	return true;
}

static int take_block_lost(struct object *object, const struct page_message *message)
{
	if (!is_awaited(object, message))
		return -EPROTO;
	for (uint32_t i = 0; i < message->page_count; i++)
		lose(object, message->first_page + i);
	return 0;
}

static int take_block(struct object *object, const struct page_message *block)
{
	uint64_t bitmap = page_block_bitmap(block);
	const uint8_t *data = (const uint8_t *)block->payload + sizeof(bitmap);

	if (!is_awaited(object, block))
		return -EPROTO;
	for (uint32_t i = 0; i < block->page_count; i++) {
		uint64_t page = block->first_page + i;
		bool has_data = bitmap >> i & 1;
		int r = take_page(object, page, has_data ? data : NULL);

		if (r) {
			log_line(LOG_ERROR, "object=%#llx page=%llu: storing it: %s",
				 (unsigned long long)object->id, (unsigned long long)page,
				 strerror(-r));
			lose(object, page);
		}
		data += has_data ? PAGE_BYTES : 0;
	}
	if (!frozen_is_incomplete(object))
		become_complete(object);
	return 0;
}

static int take_answer(struct peer *peer, enum page_connection_kind kind,
		       const struct page_message *message)
{
	struct object *object = object_find(peer->pager, message->object);
	int r = 0;

	if (kind == PAGE_CONNECTION_BULK) {
		if (peer->blocks_under_way == 0)
			return -EPROTO;
		peer->blocks_under_way--;
	}
	/* An answer to what we asked before we left (and maybe joined again) is nobody's concern.
	 */
	if (object && object->frozen && object->home == peer->node &&
	    object->join_serial == message->transaction)
		r = message->type == PAGE_MESSAGE_BLOCK ? take_block(object, message)
							: take_block_lost(object, message);
	background_run(peer);
	return r;
}

int frozen_message(struct peer *peer, enum page_connection_kind kind,
		   const struct page_message *message)
{
	if (message->type == PAGE_MESSAGE_BLOCK_REQUEST)
		return frozen_serve(peer, kind, message);
	return take_answer(peer, kind, message);
}
