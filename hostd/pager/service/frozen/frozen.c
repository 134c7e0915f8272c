/*
 * The cache of a frozen object, on a host that is not its home: its life, and the threads that miss
 * pages of it.
 */
#include "pager/service/frozen/frozen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pager/service/container.h"
#include "pager/service/frozen/frozen_fetch.h"
#include "pager/service/tasks/uffd.h"
#include "pager/service/tasks/waits.h"

/* A child that was just made needs the processors and the links for its own first pages. */
#define BACKGROUND_DELAY_NS (3 * NS_PER_MS)
/* As long as pages arrive at least so often, a scan waits for them to reach it. */
#define PATIENCE_NS (5 * NS_PER_MS)
/* Present pages that are mapped behind one that faulted: more each time faults come in sequence. */
#define AHEAD_MIN_PAGES 16u
#define AHEAD_MAX_PAGES 512u
/* That many mapped behind one that faulted: four did in sequence. */
#define SCAN_PAGES (AHEAD_MIN_PAGES << 3)
/*
 * Units of objects that are watched unit by unit. Each that is watched no more may split a mapping
 * of the kernel in three, and it allows 65530 for a process.
 */
#define WATCHED_BY_UNIT_MOST 8192u

uint32_t object_unit_pages(const struct object *object, uint64_t unit, uint64_t *ret_first)
{
	uint64_t lead = object->offset / PAGE_BYTES % PAGE_EXTENT_PAGES;
	uint64_t first = unit * PAGE_EXTENT_PAGES, end = first + PAGE_EXTENT_PAGES;

	first = first > lead ? first - lead : 0;
	end = end - lead < object->pages ? end - lead : object->pages;
	*ret_first = first;
	return (uint32_t)(end - first);
}

static int bitmaps_new(struct frozen *frozen)
{
	size_t words = (size_t)(frozen->object->pages + 63) / 64;
	size_t unit_words = (size_t)(frozen->unit_count + 63) / 64;

	frozen->present = calloc(3 * words + unit_words, sizeof(uint64_t));
	if (!frozen->present)
		return -ENOMEM;
	frozen->zero = frozen->present + words;
	frozen->lost = frozen->zero + words;
	frozen->asked = frozen->lost + words;
	return 0;
}

static void patience_start(struct frozen *frozen)
{
	frozen->patience_count = frozen->present_count;
	if (timer_start(&frozen->object->pager->timers, &frozen->patience,
			clock_now_ns() + PATIENCE_NS))
		frozen->patience.fire(&frozen->patience);
}

/* Asks for the pages that threads wait for; goes on waiting while others arrive. */
static void patience_fire(struct timer *timer)
{
	struct frozen *frozen = CONTAINER(timer, struct frozen, patience);
	bool has_moved = frozen->present_count != frozen->patience_count, is_needed = false;
	struct page_wait *wait, *next;

	HASH_ITER (hh, frozen->object->waits, wait, next) {
		is_needed |= !wait->is_asked;
		if (wait->is_asked || has_moved)
			continue;
		wait->is_asked = true;
		if (bit_get(frozen->present, wait->page))
			frozen_release(frozen->object, wait->page, 1);
		else
			frozen_demand(frozen, wait->page);
	}
	if (is_needed && has_moved)
		patience_start(frozen);
}

static void start_fire(struct timer *timer)
{
	struct frozen *frozen = CONTAINER(timer, struct frozen, start);

	frozen_background_join(frozen);
	frozen_background_run(frozen->object->pager->peers[frozen->object->home]);
}

int frozen_open(struct object *object)
{
	struct frozen *frozen = calloc(1, sizeof(*frozen));
	int r;

	if (!frozen)
		return -ENOMEM;
	frozen->object = object;
	frozen->unit_count = object_unit(object, object->pages - 1) + 1;
	LIST_INIT(&frozen->loans);
	r = bitmaps_new(frozen);
	if (r == 0)
		r = store_new(object->memory, object->offset, &frozen->landing);
	if (r) {
		free(frozen->present);
		free(frozen);
		return r;
	}
	if (object->pager->has_huge_pages)
		store_open_window(frozen->landing, object->offset + object->bytes);
	object->frozen = frozen;
	frozen->patience.fire = patience_fire;
	frozen->start.fire = start_fire;
	if (timer_start(&object->pager->timers, &frozen->start,
			clock_now_ns() + BACKGROUND_DELAY_NS))
		start_fire(&frozen->start);
	return 0;
}

void frozen_close(struct object *object)
{
	struct frozen *frozen = object->frozen;

	if (!frozen)
		return;
	timer_stop(&object->pager->timers, &frozen->start);
	timer_stop(&object->pager->timers, &frozen->patience);
	frozen_background_leave(frozen);
	(void)frozen_count_answer(frozen, frozen->pages_under_way);
	frozen_loans_done(frozen);
	frozen_orders_forget(frozen);
	if (frozen->landing)
		store_put(frozen->landing);
	free(frozen->present);
	free(frozen);
	object->frozen = NULL;
}

bool frozen_is_incomplete(const struct object *object)
{
	return object->frozen && object->frozen->present_count < object->pages;
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

/* Return: how many pages from first on, at most limit, are in the memfd and in the mapping. */
static uint64_t count_mappable(const struct frozen *frozen, const struct mapping *mapping,
			       uint64_t first, uint64_t limit)
{
	uint64_t end = mapping->first_page + mapping_pages(mapping), count = 0;

	while (count < limit && first + count < end && bit_get(frozen->present, first + count) &&
	       !bit_get(frozen->zero, first + count))
		count++;
	return count;
}

static void map_ahead(const struct frozen *frozen, struct mapping *mapping, uint64_t page)
{
	bool is_next = page == mapping->grow_next && mapping->grow_pages > 0;
	uint64_t count;

	if (!is_next)
		mapping->grow_pages = AHEAD_MIN_PAGES;
	else if (mapping->grow_pages < AHEAD_MAX_PAGES)
		mapping->grow_pages *= 2;
	count = count_mappable(frozen, mapping, page + 1, mapping->grow_pages);
	mapping->grow_next = page + 1 + count;
	if (count)
		uffd_map_ahead(mapping->vmm->uffd, mapping_address(mapping, page + 1), count,
			       UFFD_WRITE);
}

/* Gives a page that is here to a thread. */
static void map_for(struct frozen *frozen, struct mapping *mapping, uint64_t page)
{
	struct vmm *vmm = mapping->vmm;
	uint64_t address = mapping_address(mapping, page);
	int r = materialise(frozen, page);

	if (r == 0)
		r = uffd_map(vmm->uffd, address, 1, UFFD_WRITE, NULL);
	if (r) {
		log_line(
		    LOG_ERROR, "object=%#llx page=%llu: mapping it (the thread tries again): %s",
		    (unsigned long long)frozen->object->id, (unsigned long long)page, strerror(-r));
		vmm_stray_fault(vmm, address);
		return;
	}
	ring_has_woken(&vmm->pager->ring);
	map_ahead(frozen, mapping, page);
}

/* Lets the threads that wait for a page go on: to the page, or to an error. */
static void release_waiters(struct object *object, struct page_wait *wait)
{
	bool is_lost = !bit_get(object->frozen->present, wait->page);
	struct fault *fault;

	while ((fault = wait_take_fault(wait))) {
		struct mapping *mapping = mapping_at(&fault->vmm->mappings, fault->address);

		if (!mapping || mapping->object != object)
			vmm_stray_fault(fault->vmm, fault->address);
		else if (is_lost)
			uffd_poison(fault->vmm->uffd, fault->address);
		else
			map_for(object->frozen, mapping, wait->page);
		free(fault);
	}
	wait_free(wait);
}

static bool is_unit_whole(const struct frozen *frozen, uint64_t unit)
{
	uint64_t first;
	uint32_t count = object_unit_pages(frozen->object, unit, &first), here = 0;

	while (here < count && bit_get(frozen->present, first + here))
		here++;
	return here == count;
}

/* Stops watching pages of which none is missing: the kernel maps them itself, 2 MiB at a time. */
static void stop_watching(const struct mapping *mapping, uint64_t first, uint64_t count)
{
	uint64_t end = first + count, mapping_end = mapping->first_page + mapping_pages(mapping);

	if (first < mapping->first_page)
		first = mapping->first_page;
	if (end > mapping_end)
		end = mapping_end;
	if (first < end)
		uffd_unregister(mapping->vmm->uffd, mapping_address(mapping, first),
				(end - first) * PAGE_BYTES);
}

/* A scan goes on when it can read 2 MiB, not page by page as they come. */
static bool waits_for_unit(const struct frozen *frozen, const struct page_wait *wait)
{
	return !wait->is_asked && frozen->unit_count <= WATCHED_BY_UNIT_MOST &&
	       !is_unit_whole(frozen, object_unit(frozen->object, wait->page));
}

void frozen_unit_arrived(struct frozen *frozen, uint64_t unit)
{
	struct mapping *mapping;
	uint64_t first;
	uint32_t count;

	if (frozen->unit_count > WATCHED_BY_UNIT_MOST || !is_unit_whole(frozen, unit))
		return;
	count = object_unit_pages(frozen->object, unit, &first);
	LIST_FOREACH(mapping, &frozen->object->mappings, of_object)
	stop_watching(mapping, first, count);
	frozen_release(frozen->object, first, count);
}

void frozen_release(struct object *object, uint64_t first, uint32_t count)
{
	for (uint32_t i = 0; object->waits && i < count; i++) {
		struct page_wait *wait = wait_find(object, first + i);

		if (wait && !waits_for_unit(object->frozen, wait))
			release_waiters(object, wait);
	}
}

void frozen_lose(struct object *object, uint64_t page)
{
	struct page_wait *wait = wait_find(object, page);

	if (!bit_get(object->frozen->lost, page))
		object->pager->statistics.lost_pages++;
	bit_set(object->frozen->lost, page);
	if (wait)
		release_waiters(object, wait);
}

/* Return: whether nobody can be asked for a page. */
static bool is_out_of_reach(const struct object *object, uint64_t page)
{
	return bit_get(object->frozen->lost, page) ||
	       (object->phase == OBJECT_ORPHANED && !frozen_loan_find(object->frozen, -1, page));
}

/*
 * Is the page one of many that a thread reads one after the other? Then it gets all of them sooner
 * when they come in the background, than when each is asked for by itself and sent twice.
 */
static bool is_scanned(const struct mapping *mapping, uint64_t page)
{
	return page == mapping->grow_next && mapping->grow_pages >= SCAN_PAGES;
}

void frozen_fault(struct mapping *mapping, uint64_t address)
{
	struct object *object = mapping->object;
	struct frozen *frozen = object->frozen;
	uint64_t page = mapping->first_page + (address - mapping->address) / PAGE_BYTES;
	struct page_wait *wait;
	bool is_new;

	/* At home, or complete: nothing is watched any more, a last event may still be read. */
	if (!frozen_is_incomplete(object)) {
		uffd_wake(mapping->vmm->uffd, address, PAGE_BYTES);
		return;
	}
	if (bit_get(frozen->present, page)) {
		map_for(frozen, mapping, page);
		return;
	}
	if (is_out_of_reach(object, page)) {
		frozen_lose(object, page);
		uffd_poison(mapping->vmm->uffd, address);
		return;
	}
	is_new = !wait_find(object, page);
	wait = wait_get(object, page);
	if (!wait || wait_add_fault(wait, mapping->vmm, address, false)) {
		vmm_stray_fault(mapping->vmm, address); /* no memory: it tries again */
		return;
	}
	if (!is_new)
		return;
	wait->is_asked = !is_scanned(mapping, page) || !frozen_is_under_way(frozen, page);
	if (wait->is_asked)
		frozen_demand(frozen, page);
	else if (!timer_is_running(&frozen->patience))
		patience_start(frozen);
}

void frozen_expired(struct object *object, uint64_t page)
{
	const struct frozen_loan *loan = frozen_loan_find(object->frozen, -1, page);
	struct peer *home = peer_up(object->pager, object->home);

	log_line(LOG_WARNING, "object=%#llx page=%llu: node %d did not send it in time",
		 (unsigned long long)object->id, (unsigned long long)page, object->home);
	if (home)
		peer_fail(home, -ETIMEDOUT);
	else if (loan)
		peer_fail(object->pager->peers[loan->node], -ETIMEDOUT);
	else
		frozen_lose(object, page);
}

void frozen_home_gone(struct object *object)
{
	struct page_wait *wait, *next;

	timer_stop(&object->pager->timers, &object->frozen->start);
	frozen_background_leave(object->frozen);
	object->frozen->pages_under_way = 0; /* as home's own count */
	HASH_ITER (hh, object->waits, wait, next)
		if (is_out_of_reach(object, wait->page))
			frozen_lose(object, wait->page);
}

void frozen_link_gone(struct object *object, int node)
{
	struct frozen_loan *loan, *next;

	for (loan = LIST_FIRST(&object->frozen->loans); loan; loan = next) {
		struct frozen_loan gone = *loan;

		next = LIST_NEXT(loan, of_frozen);
		if (gone.node != node)
			continue;
		frozen_loan_answered(loan, gone.left);
		frozen_ask_home_again(object->frozen, gone.first + gone.count - gone.left,
				      gone.left);
	}
}
