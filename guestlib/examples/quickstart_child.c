/*
 * The demonstration's threads besides main. The C library does not know of them, and a clone shares
 * its state with the parent, so they do without it.
 */
#include "quickstart.h"

#include <norma_guest.h>

#define LINUX_SCHED_YIELD 24

void quickstart_relax(void)
{
	for (int i = 0; i < 64; i++)
		__builtin_ia32_pause();
	norma_system_call(LINUX_SCHED_YIELD, 0, 0, 0);
}

uint64_t quickstart_pattern(const struct region *region, uint32_t index)
{
	uint64_t number = (uint64_t)(region - quickstart_regions) << 32 | index;

	return (number + 1) * 0x9e3779b97f4a7c15ull;
}

static void look_at(const struct visit *visit, const struct region *region, struct seen *seen)
{
	for (uint32_t i = 0; i < region->page_count; i++) {
		struct page *page = &region->pages[i];
		uint64_t pattern = quickstart_pattern(region, i);
		uint64_t mark;

		/* Writing first asks for the page once; reading first would ask twice. */
		atomic_store(&page->child_mark, visit->new_mark);
		mark = atomic_load(&page->parent_mark);
		if (page->pattern != pattern || page->pattern_end != pattern)
			atomic_fetch_add(&seen->broken, 1);
		else if (mark == visit->new_mark)
			atomic_fetch_add(&seen->new_marks, 1);
		else if (mark == visit->old_mark)
			atomic_fetch_add(&seen->old_marks, 1);
		else
			atomic_fetch_add(&seen->broken, 1);
	}
}

void quickstart_increment(_Atomic uint64_t *own_step, const _Atomic uint64_t *other_step)
{
	for (uint32_t r = 0; r < QUICKSTART_REGION_COUNT; r++) {
		atomic_store(own_step, r + 1);
		while (atomic_load(other_step) < r + 1)
			quickstart_relax();
		for (uint32_t i = 0; i < QUICKSTART_INCREMENTS; i++)
			atomic_fetch_add(&quickstart_regions[r].pages[0].counter, 1);
	}
}

/* Answers every message with its words plus one. Data older than its sequence is wrong. */
static void answer(struct visit *visit)
{
	for (uint64_t round = 1; round <= QUICKSTART_MESSAGES; round++) {
		while (atomic_load(&visit->to_child.sequence) != round)
			quickstart_relax();
		for (int i = 0; i < QUICKSTART_MESSAGE_WORDS; i++) {
			if (visit->to_child.data[i] != round)
				atomic_fetch_add(&visit->wrong_messages, 1);
			visit->to_parent.data[i] = visit->to_child.data[i] + 1;
		}
		atomic_store(&visit->to_parent.sequence, round);
	}
}

void quickstart_child_main(void *unused)
{
	struct visit *visit = quickstart_visit;

	(void)unused;
	atomic_store(&visit->has_started, 1);
	while (!atomic_load(&visit->may_go))
		quickstart_relax();
	if (visit->is_working) {
		quickstart_increment(&visit->child_step, &visit->parent_step);
		for (uint32_t i = 0; i < QUICKSTART_INCREMENTS; i++)
			atomic_fetch_add(&quickstart_ticker->total, 1);
		answer(visit);
	}
	for (int r = 0; r < QUICKSTART_REGION_COUNT; r++) {
		if (visit->is_present[r])
			look_at(visit, &quickstart_regions[r], &visit->seen[r]);
	}
	atomic_store(&visit->is_done, 1);
}

void quickstart_ticker_main(void *unused)
{
	struct ticker *ticker = quickstart_ticker;
	uint64_t own = 0;

	(void)unused;
	while (!atomic_load(&ticker->must_stop)) {
		atomic_fetch_add(&ticker->total, 1);
		own++;
		if (own % 1024 == 0)
			quickstart_relax();
	}
	atomic_store(&ticker->own, own);
	atomic_store(&ticker->has_stopped, 1);
}
