/*
 * Children by fork(2): a private mapping with many pages of its own costs less to fork than to
 * copy, as the kernel copies no page until one side writes to it. The child process keeps such
 * mappings (space_fork.c) and gets everything else as any child does.
 *
 * Theory of operation. The decision is about pages: a copied region costs its base and its overlay,
 * page by page, and the parent's mapping as well, as it moves to the new object; a fork costs a
 * process and a VM, and a tenth of a copy for each page that is mapped. No more pages can be mapped
 * than would be copied, so counting those up to a limit decides it. What is not given and private
 * is marked MADV_DONTFORK, which saves its page tables and keeps it out of the child.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "export.h"
#include "page_scan.h"

#define COUNT_RUNS  64u
#define BLOCK_BYTES 512u

/* Pages of the region's file, at most: a file that other hosts fill counts as full. */
static uint64_t base_pages(const struct region *region)
{
	uint64_t pages = region_bytes(region) / PAGE_BYTES;
	struct stat status;

	if (!region->object->is_ours || fstat(region->object->file->fd, &status) < 0)
		return pages;
	uint64_t allocated = (uint64_t)status.st_blocks * BLOCK_BYTES / PAGE_BYTES;
	return allocated < pages ? allocated : pages;
}

/* Counts a region's own pages, up to about `enough`. Return: 0 and *ret_pages, or -errno. */
static int overlay_pages(const struct space *space, const struct region *region, uint64_t enough,
			 uint64_t *ret_pages)
{
	uint64_t at = space_hva(space, region->start);
	uint64_t end = space_hva(space, region->end);
	uint64_t pages = 0;

	while (at < end && pages < enough) {
		struct page_run runs[COUNT_RUNS];
		int count = page_scan_next(space->pagemap_fd, PAGE_SCAN_OVERLAY, &at, end, runs,
					   COUNT_RUNS);

		if (count < 0)
			return count;
		for (int i = 0; i < count; i++)
			pages += (runs[i].end - runs[i].start) / PAGE_BYTES;
	}
	*ret_pages = pages;
	return 0;
}

/* The base goes along as a file, or by its id. One that would have to be published first is rare,
 * and copied. */
static bool item_may_fork(const struct export *export, const struct export_item *item)
{
	const struct object *base = item->region->object;

	return item->action == EXPORT_REFREEZE &&
	       (base->id != 0 || (export->is_here && base->is_ours));
}

static int is_fork_worth_it(const struct export *export, bool *ret_is_worth_it)
{
	uint64_t enough = export->forker->pages_min;
	uint64_t pages = 0;
	bool has_candidate = false;

	for (uint32_t i = 0; i < export->count; i++) {
		const struct export_item *item = &export->items[i];
		uint64_t overlay = 0;

		if (!item_may_fork(export, item))
			continue;
		has_candidate = true;
		pages += base_pages(item->region);
		if (pages >= enough)
			break;
		int ret = overlay_pages(export->space, item->region, enough - pages, &overlay);
		if (ret)
			return ret;
		pages += overlay;
	}
	*ret_is_worth_it = has_candidate && pages >= enough;
	return 0;
}

int export_fork_choose(struct export *export)
{
	return export->forker ? is_fork_worth_it(export, &export->is_forking) : 0;
}

void export_fork_plan(struct export *export)
{
	for (uint32_t i = 0; i < export->count && export->is_forking; i++)
		if (item_may_fork(export, &export->items[i]))
			export->items[i].action = EXPORT_FORK;
}

/* ---- around the pause ---- */

/*
 * What the child gets nothing of, or a copy that exists already. A region that is clean so far may
 * still become one that is forked. Without effect where it fails: the child unmaps all this before
 * anything else.
 */
static void advise_others(const struct export *export, int advice)
{
	const struct export_item *item = export->items;
	const struct export_item *end = export->items + export->count;
	struct vm_map *map = &export->space->map;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct region *region = &map->regions[i];
		bool is_given = item < end && item->region == region;

		if (region->mapping == REGION_PRIVATE && (!is_given || item->action == EXPORT_COPY))
			madvise(machine_hva(export->space->machine, region->start),
				region_bytes(region), advice);
		item += is_given;
	}
}

void export_fork_prepare(const struct export *export)
{
	if (export->is_forking)
		advise_others(export, MADV_DONTFORK);
}

void export_fork_done(const struct export *export)
{
	if (export->is_forking)
		advise_others(export, MADV_DOFORK);
}

/* ---- the fork ---- */

/* What the child will look for: it has nothing of the parent's but this. */
static int kept_list(struct export *export)
{
	struct space *space = export->space;

	space->kept = calloc(export->count, sizeof(*space->kept));
	if (!space->kept)
		return -ENOMEM;
	for (uint32_t i = 0; i < export->count; i++) {
		const struct region *region = export->items[i].region;

		if (export->items[i].action != EXPORT_FORK)
			continue;
		space->kept[space->kept_count++] = (struct kept_mapping){
		    .range = region_range(region),
		    .object = export_object_name(&export->items[i]),
		    .offset = region->offset,
		};
	}
	return 0;
}

/* The export is the parent's business; what it allocated is ours to free. */
__attribute__((noreturn)) static void fork_first(void *context)
{
	struct export *export = context;
	const struct space_forker *forker = export->forker;

	space_forget_after_fork(export->space);
	for (uint32_t i = 0; i < export->count; i++)
		space_object_put(export->space, export->items[i].object);
	space_exported_done(export->exported);
	export_free(export);
	forker->child(forker->context);
}

int export_fork(struct export *export)
{
	struct space *space = export->space;
	const struct space_forker *forker = export->forker;

	if (!export->is_forking)
		return 0;
	if (space_fail_at(SPACE_STEP_FORK))
		return -EAGAIN;
	int ret = kept_list(export);
	if (!ret)
		ret = forker->fork(forker->context, fork_first, export);
	space_kept_forget(space);
	return ret;
}
