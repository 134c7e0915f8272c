/*
 * A space in the child of a fork: what it lets go of, and the mappings that it keeps until
 * space_import makes them regions.
 *
 * The parent's map, objects and pager are not the child's. It gets all of them anew: its regions
 * from hostd, its objects and its pager's services through a connection of its own. Until then
 * nothing runs here that could touch the kept mappings, which no userfaultfd watches any more.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "host_map.h"
#include "page_scan.h"
#include "space_internal.h"

/* A hole in the reservation that the kernel could use for something else would be memory of this
 * process inside the VM. */
static void unmap_or_die(const struct space *space, uint64_t start, uint64_t end)
{
	if (start < end && host_unmap(space->machine, (struct vm_range){start, end}))
		abort();
}

static void unmap_others(const struct space *space)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < space->kept_count; i++) {
		unmap_or_die(space, at, space->kept[i].range.start);
		at = space->kept[i].range.end;
	}
	unmap_or_die(space, at, NORMA_USER_END);
}

void space_forget_after_fork(struct space *space)
{
	unmap_others(space);
	/* From here on giving an object back says nothing to the pager. */
	pager_client_done(&space->pager);
	for (uint32_t i = 0; i < space->map.count; i++)
		object_put(space->map.regions[i].object);
	space->map.count = 0;
	for (uint32_t i = 0; i < space->held_count; i++)
		object_put(space->held[i]);
	space->held_count = 0;
	space->exports_open = 0;
	space->release_count = 0;
	close(space->pagemap_fd);
	space->pagemap_fd = -1;
	atomic_store(&space->limit_bytes, 0);
}

int space_renew_after_fork(struct space *space)
{
	/* The forking thread held it for writing. */
	int ret = space_lock_init(space);

	space->release_count = 0;
	if (ret)
		return ret;
	/* The parent's told of the parent's memory. */
	space->pagemap_fd = page_scan_open();
	return space->pagemap_fd < 0 ? space->pagemap_fd : 0;
}

static int kept_compare(const void *start, const void *kept)
{
	uint64_t left = *(const uint64_t *)start;
	uint64_t right = ((const struct kept_mapping *)kept)->range.start;

	return (left > right) - (left < right);
}

static bool kept_claim(struct space *space, const struct region_entry *entry)
{
	struct kept_mapping *kept = bsearch(&entry->start, space->kept, space->kept_count,
					    sizeof(*space->kept), kept_compare);

	if (!kept || kept->range.end - kept->range.start != entry->bytes ||
	    kept->object != entry->object || kept->offset != entry->offset)
		return false;
	kept->is_claimed = true;
	return true;
}

void space_kept_unmap(const struct space *space, enum kept_choice which)
{
	for (uint32_t i = 0; i < space->kept_count; i++) {
		const struct kept_mapping *kept = &space->kept[i];

		if (which == KEPT_ALL || !kept->is_claimed)
			unmap_or_die(space, kept->range.start, kept->range.end);
	}
}

kern_return_t space_kept_claim(struct space *space, const struct region_entry *entries,
			       uint32_t count, struct failure *ret_failure)
{
	for (uint32_t i = 0; i < count; i++) {
		if (entries[i].mapping != REGION_FORKED || kept_claim(space, &entries[i]))
			continue;
		failure_set(ret_failure,
			    "the process does not have what the region at 0x%llx had in the parent",
			    (unsigned long long)entries[i].start);
		return KERN_INVALID_ARGUMENT;
	}
	space_kept_unmap(space, KEPT_UNCLAIMED);
	return KERN_SUCCESS;
}

kern_return_t space_kept_place(struct space *space, const struct region *region)
{
	if (host_protect(space->machine, region_range(region), region->protection))
		return KERN_RESOURCE_SHORTAGE;
	return vm_map_insert(&space->map, region);
}

void space_kept_forget(struct space *space)
{
	free(space->kept);
	space->kept = NULL;
	space->kept_count = 0;
}
