/*
 * The window: nothing for a single fault, then twice as much each time a fault comes just behind
 * what was mapped before, as long as they do.
 */
#include "pager/service/coherent_ahead.h"

#include "pager/service/uffd.h"
#include "pager/service/waits.h"

#define WINDOW_FIRST_PAGES 8u
#define WINDOW_MAX_PAGES   128u

/* Return: whether a fault continues what the mapping's threads have been reading. */
static bool is_next(const struct mapping *mapping, uint64_t page)
{
	return mapping->read_end > 0 && page > mapping->read_last && page <= mapping->read_end;
}

static void ask(struct coherent *coherent, uint64_t page)
{
	struct action_sink sink = coherent_sink(coherent);

	if (holder_page_state(&coherent->holder, page) != HOLDER_NONE)
		return;
	/* Its deadline. Without memory for one the page is asked for when it is touched. */
	if (wait_get(coherent->object, page))
		(void)holder_fault(&coherent->holder, page, FAULT_HINT, &sink);
}

void coherent_read_ahead(struct mapping *mapping, uint64_t page)
{
	uint64_t end = mapping->first_page + mapping_pages(mapping), from, to;

	if (!is_next(mapping, page))
		mapping->read_pages = 0;
	else if (mapping->read_pages == 0)
		mapping->read_pages = WINDOW_FIRST_PAGES;
	else if (mapping->read_pages < WINDOW_MAX_PAGES)
		mapping->read_pages *= 2;
	from = mapping->read_pages && mapping->read_end > page ? mapping->read_end : page + 1;
	to = page + 1 + mapping->read_pages;
	mapping->read_last = page;
	mapping->read_end = to > from ? to : from;
	/* The page behind the window is where the next fault of a sequence may be. */
	if (mapping->read_pages == 0)
		mapping->read_end = page + 2;
	for (; from < to && from < end; from++)
		ask(mapping->object->coherent, from);
}

void coherent_map_ahead(const struct coherent *coherent, const struct mapping *mapping,
			uint64_t page)
{
	uint64_t end = mapping->first_page + mapping_pages(mapping);
	uint64_t limit = page + 1 + mapping->read_pages, next = page + 1;

	while (next < limit && next < end && holder_has_copy(&coherent->holder, next) &&
	       !coherent_is_broken(coherent, next))
		next++;
	if (next > page + 1)
		uffd_map_ahead(mapping->vmm->uffd, mapping_address(mapping, page + 1),
			       next - page - 1, UFFD_READ);
}
