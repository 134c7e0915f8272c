/*
 * Runs, as who reads sees them.
 */
#include "pager/service/coherent/coherent_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/shmem.h"
#include "pager/service/coherent/coherent_gather.h"
#include "pager/service/container.h"
#include "pager/service/tasks/waits.h"

#define RUNS_MAX 64u /* of one object: a host that has more asks for pages one by one */
/* A page that is among the next so many to arrive is not asked for again. */
#define SOON_PAGES 128u

static struct orders *orders_of(const struct run *run)
{
	const struct object *object = run->coherent->object;

	return &object->pager->peers[object->home]->orders;
}

static void run_free(struct run *run)
{
	timer_stop(&run->coherent->object->pager->timers, &run->deadline);
	LIST_REMOVE(run, of_coherent);
	run->coherent->run_count--;
	free(run);
}

void coherent_runs_forget(struct coherent *coherent)
{
	struct run *run;

	while ((run = LIST_FIRST(&coherent->runs))) {
		orders_forget(orders_of(run), coherent->object->id, run->transaction);
		run_free(run);
	}
}

static void deadline_fire(struct timer *timer)
{
	const struct run *run = CONTAINER(timer, struct run, deadline);

	coherent_expired(run->coherent->object, run->first);
}

static int restart(struct run *run)
{
	struct pager *pager = run->coherent->object->pager;

	return timer_start(&pager->timers, &run->deadline,
			   clock_now_ns() + 2 * pager->options.deadline_ns);
}

/* ---- asking ---- */

/* Whole units are received where they stay, in huge pages; what is less is written. */
static struct store *store_for(struct coherent *coherent, uint64_t first, uint32_t count)
{
	struct object *object = coherent->object;
	uint64_t begin = object->offset + first * PAGE_BYTES;

	if (begin % HUGE_PAGE_BYTES || count * PAGE_BYTES != HUGE_PAGE_BYTES)
		return object_store(object);
	if (!coherent->landing &&
	    store_new(object->memory, object->offset, &coherent->landing) == 0)
		store_open_window(coherent->landing, object->offset + object->bytes);
	return coherent->landing;
}

static int run_new(struct coherent *coherent, uint64_t first, uint32_t count, struct run **ret_run)
{
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return -ENOMEM;
	run->coherent = coherent;
	run->first = first;
	run->count = count;
	run->left = count;
	run->transaction = holder_next_transaction(&coherent->holder);
	run->deadline.fire = deadline_fire;
	r = restart(run);
	if (r) {
		free(run);
		return r;
	}
	LIST_INSERT_HEAD(&coherent->runs, run, of_coherent);
	coherent->run_count++;
	*ret_run = run;
	return 0;
}

/* The request says all of it. */
static void emit_nothing(void *context, const struct action *action)
{
	(void)context;
	(void)action;
}

bool coherent_run_ask(struct coherent *coherent, uint64_t first, uint32_t count)
{
	static const struct action_sink quiet = {.emit = emit_nothing};
	struct object *object = coherent->object;
	struct peer *home = peer_up(object->pager, object->home);
	struct page_message request = {
	    .type = PAGE_MESSAGE_READ_REQUEST,
	    .object = object->id,
	    .first_page = first,
	    .page_count = count,
	    .membership = coherent->holder.config.epoch,
	};
	struct store *store;
	struct run *run;

	if (!home || coherent->run_count >= RUNS_MAX ||
	    !holder_has_transactions(&coherent->holder, count))
		return false;
	store = store_for(coherent, first, count);
	if (!store || run_new(coherent, first, count, &run))
		return false;
	request.transaction = run->transaction;
	if (orders_add(&home->orders, &request, store)) {
		run_free(run);
		return false;
	}
	for (uint32_t i = 0; i < count; i++)
		(void)holder_fault(&coherent->holder, first + i, FAULT_HINT, &quiet);
	peer_send(home, PAGE_CONNECTION_URGENT, &request);
	return true;
}

/* Since the run was asked for, a page may have come, gone, and been asked for anew. */
struct run *coherent_run_of(const struct coherent *coherent, uint64_t page)
{
	struct run *run;

	LIST_FOREACH(run, &coherent->runs, of_coherent)
	if (page >= run->first && page - run->first < run->count &&
	    holder_page_state(&coherent->holder, page) == HOLDER_READING &&
	    holder_page_transaction(&coherent->holder, page) ==
		transaction_after(run->transaction, page - run->first))
		return run;
	return NULL;
}

void coherent_run_hurry(struct coherent *coherent, uint64_t page)
{
	struct object *object = coherent->object;
	struct run *run = coherent_run_of(coherent, page);
	struct page_wait *wait = wait_find(object, page);
	struct peer *home = peer_up(object->pager, object->home);
	struct page_message request = {
	    .type = PAGE_MESSAGE_READ_REQUEST,
	    .object = object->id,
	    .first_page = page,
	    .page_count = 1,
	    .membership = coherent->holder.config.epoch,
	};

	if (!run || !home || !wait || wait->is_asked ||
	    (page >= coherent->run_arrived && page - coherent->run_arrived < SOON_PAGES))
		return;
	wait->is_asked = true;
	request.transaction = transaction_after(run->transaction, page - run->first);
	peer_send(home, PAGE_CONNECTION_URGENT, &request);
}

/* ---- answers ---- */

static void count_answer(struct run *run, uint32_t count)
{
	run->left -= count < run->left ? count : run->left;
	if (run->left == 0)
		run_free(run);
	else
		(void)restart(run); /* it runs, so moving it needs no memory */
}

void coherent_run_answered(struct coherent *coherent, struct run *run, uint64_t page)
{
	struct page_message answer = {
	    .object = coherent->object->id,
	    .transaction = run->transaction,
	    .first_page = page,
	    .page_count = 1,
	};
	struct orders *orders = orders_of(run);
	struct store *store = orders_take(orders, orders->session, &answer);

	if (store)
		store_put(store);
	count_answer(run, 1);
}

/* Return: 0 or -errno: then the pages are here, but broken. */
static int store_zeros(const struct object *object, uint64_t first, uint32_t count)
{
	static const uint8_t zeros[GATHER_PAGES * PAGE_BYTES];

	return object_write_pages(object, first, count, zeros);
}

/* Threads may have them. */
static void release(struct coherent *coherent, const struct gather *gather, int error)
{
	for (uint32_t i = 0; i < gather->count; i++) {
		uint64_t page = gather->first + i;

		if (!(gather->installed >> i & 1))
			continue;
		coherent_set_broken(coherent, page, error != 0);
		coherent->object->pager->statistics.pages_in++;
	}
	for (uint32_t i = 0; i < gather->count && coherent->object->waits; i++)
		if (gather->installed >> i & 1) {
			coherent_map_waiting(coherent, gather->first + i, ACCESS_READ);
			coherent_after_page(coherent, gather->first + i);
		}
}

/* At most GATHER_PAGES. Return: 0, or -errno to give the peer up. */
static int take_pages(struct run *run, const struct peer *peer, const struct page_message *block)
{
	struct coherent *coherent = run->coherent;
	struct action_sink sink = coherent_sink(coherent);
	struct gather gather = {
	    .first = block->first_page,
	    .count = block->page_count,
	    .node = (unsigned int)peer->node,
	};
	struct message page = {
	    .type = MESSAGE_PAGE,
	    .from = (uint8_t)peer->node,
	    .to = (uint8_t)coherent->holder.config.self,
	    .access = ACCESS_READ,
	    .epoch = coherent->holder.config.epoch,
	    .object = block->object,
	};
	uint64_t now = clock_now_ns();
	int r = 0, error = block->type == PAGE_MESSAGE_BLOCK_LOST ? -EIO : 0;

	if (block->type == PAGE_MESSAGE_BLOCK_ZERO)
		error = store_zeros(coherent->object, gather.first, gather.count);
	if (error)
		log_line(LOG_ERROR, "object=%#llx page=%llu count=%u: they are lost: %s",
			 (unsigned long long)block->object, (unsigned long long)gather.first,
			 gather.count, strerror(-error));
	coherent_gather_begin(coherent, &gather);
	for (uint32_t i = 0; i < gather.count && r == 0; i++) {
		page.page = gather.first + i;
		page.transaction = transaction_after(run->transaction, page.page - run->first);
		r = holder_message(&coherent->holder, &page, now, &sink);
	}
	coherent_gather_end(coherent);
	release(coherent, &gather, error);
	return r;
}

static struct run *find(const struct coherent *coherent, const struct page_message *block)
{
	struct run *run;

	LIST_FOREACH(run, &coherent->runs, of_coherent)
	if (run->transaction == block->transaction)
		return run;
	return NULL;
}

int coherent_run_arrived(struct peer *peer, enum page_connection_kind kind,
			 const struct page_message *block)
{
	struct object *object = object_find(peer->pager, block->object);
	struct coherent *coherent = object ? object->coherent : NULL;
	struct run *run = coherent ? find(coherent, block) : NULL;
	struct page_message piece = *block;
	uint32_t left = block->page_count;

	/* Of an object that was left meanwhile: every page was returned before. */
	if (!run)
		return 0;
	if (peer->node != object->home || kind < PAGE_CONNECTION_STREAM ||
	    block->first_page < run->first || block->first_page - run->first >= run->count ||
	    left > run->count - (block->first_page - run->first))
		return -EPROTO;
	coherent->run_arrived = block->first_page + left;
	for (; left > 0; left -= piece.page_count) {
		int r;

		piece.page_count = left < GATHER_PAGES ? left : GATHER_PAGES;
		r = take_pages(run, peer, &piece);
		if (r)
			return r;
		piece.first_page += piece.page_count;
	}
	count_answer(run, block->page_count);
	coherent_after_page(coherent, block->first_page);
	return 0;
}
