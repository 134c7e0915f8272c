/*
 * The window: nothing for a single fault, then twice as much each time a fault comes just behind
 * what was mapped before, as long as they do.
 */
#include "pager/service/coherent/coherent_ahead.h"

#include "pager/service/coherent/coherent_run.h"
#include "pager/service/tasks/uffd.h"
#include "pager/service/tasks/waits.h"

#define WINDOW_FIRST_PAGES 8u
#define WINDOW_MAX_PAGES   (2u * PAGE_EXTENT_PAGES)
/* At home each page comes from a host of its own. */
#define WINDOW_MAX_HOME_PAGES 128u

/* Return: whether a fault continues what the mapping's threads have been reading. */
static bool is_next(const struct mapping *mapping, uint64_t page)
{
	return mapping->read_end > 0 && page > mapping->read_last && page <= mapping->read_end;
}

static void ask_one(struct coherent *coherent, uint64_t page)
{
	struct action_sink sink = coherent_sink(coherent);

	/* Its deadline. Without memory for one the page is asked for when it is touched. */
	if (wait_get(coherent->object, page))
		(void)holder_fault(&coherent->holder, page, FAULT_HINT, &sink);
}

/* Return: how many pages from the first on are not here, up to the end of its unit. */
static uint32_t count_missing(const struct coherent *coherent, uint64_t first, uint64_t end)
{
	uint64_t in_unit = (coherent->object->offset / PAGE_BYTES + first) % PAGE_EXTENT_PAGES;
	uint32_t count = 0, limit = PAGE_EXTENT_PAGES - (uint32_t)in_unit;

	while (count < limit && first + count < end &&
	       holder_page_state(&coherent->holder, first + count) == HOLDER_NONE)
		count++;
	return count;
}

static void ask(struct coherent *coherent, uint64_t from, uint64_t to)
{
	while (from < to) {
		uint32_t count = count_missing(coherent, from, to);

		if (count < 2 || coherent_is_home(coherent) ||
		    !coherent_run_ask(coherent, from, count))
			for (uint32_t i = 0; i < count; i++)
				ask_one(coherent, from + i);
		from += count ? count : 1;
	}
}

/* A fault behind the last one: more is asked for each time. */
static void widen(struct mapping *mapping, const struct coherent *coherent)
{
	uint32_t most = coherent_is_home(coherent) ? WINDOW_MAX_HOME_PAGES : WINDOW_MAX_PAGES;

	if (mapping->read_pages == 0)
		mapping->read_pages = WINDOW_FIRST_PAGES;
	else if (mapping->read_pages < most)
		mapping->read_pages *= 2;
}

/* Large windows end where a unit does, so that the next begins with one. */
static uint64_t window_end(const struct mapping *mapping, uint64_t page)
{
	uint64_t end = page + 1 + mapping->read_pages, in_file;

	if (mapping->read_pages < PAGE_EXTENT_PAGES)
		return end;
	in_file = mapping->object->offset / PAGE_BYTES + end;
	return end + (PAGE_EXTENT_PAGES - in_file % PAGE_EXTENT_PAGES) % PAGE_EXTENT_PAGES;
}

void coherent_read_ahead(struct mapping *mapping, uint64_t page)
{
	struct coherent *coherent = mapping->object->coherent;
	uint64_t end = mapping->first_page + mapping_pages(mapping), from, to;

	if (is_next(mapping, page))
		widen(mapping, coherent);
	else
		mapping->read_pages = 0;
	from = mapping->read_pages && mapping->read_end > page ? mapping->read_end : page + 1;
	to = window_end(mapping, page);
	mapping->read_last = page;
	mapping->read_end = to > from ? to : from;
	/* The page behind the window is where the next fault of a sequence may be. */
	if (mapping->read_pages == 0)
		mapping->read_end = page + 2;
	else
		ask(coherent, from, to < end ? to : end);
}

void coherent_map_ahead(const struct coherent *coherent, const struct mapping *mapping,
			uint64_t page)
{
	uint64_t end = mapping->first_page + mapping_pages(mapping);
	uint64_t limit = page + 1 + mapping->read_pages, next = page + 1;
	uint64_t in_file = coherent->object->offset / PAGE_BYTES + page;
	uint64_t unit_end = page + PAGE_EXTENT_PAGES - in_file % PAGE_EXTENT_PAGES;

	/* The first page of each unit is left to fault: that tells how far the thread is. */
	if (limit > unit_end)
		limit = unit_end;
	while (next < limit && next < end && holder_has_copy(&coherent->holder, next) &&
	       !coherent_is_broken(coherent, next))
		next++;
	if (next > page + 1)
		uffd_map_ahead(mapping->vmm->uffd, mapping_address(mapping, page + 1),
			       next - page - 1, UFFD_READ);
}
