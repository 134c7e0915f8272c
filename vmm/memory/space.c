/*
 * The life of a space, and the calls of Mach that change its map.
 */
#include "space.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cleanup.h"
#include "host_map.h"
#include "memory_cell.h"
#include "page_scan.h"
#include "space_internal.h"

int space_lock_init(struct space *space)
{
	pthread_rwlockattr_t attributes;

	pthread_rwlockattr_init(&attributes);
	/* An export must not wait for ever behind system calls that come and come; nobody locks
	 * twice. */
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	int ret = -pthread_rwlock_init(&space->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return ret;
}

int space_new(struct machine *machine, const struct space_pauser *pauser, struct space **ret_space)
{
	_cleanup_free_ struct space *space = calloc(1, sizeof(*space));

	if (!space)
		return -ENOMEM;
	space->machine = machine;
	space->cell = MEMORY_CELL_ANY;
	if (pauser)
		space->pauser = *pauser;
	vm_map_init(&space->map, NORMA_USER_START, NORMA_USER_END);
	pager_client_init(&space->pager);
	space->pagemap_fd = page_scan_open();
	if (space->pagemap_fd < 0)
		return space->pagemap_fd;
	int ret = space_lock_init(space);
	if (ret) {
		close(space->pagemap_fd);
		return ret;
	}
	*ret_space = take_ptr(space);
	return 0;
}

void space_free(struct space *space)
{
	if (!space)
		return;
	poisoner_free(space->poisoner);
	/* Closing the socket gives the pager everything back; no need to name each object. */
	pager_client_done(&space->pager);
	for (uint32_t i = 0; i < space->map.count; i++) {
		host_unmap(space->machine, region_range(&space->map.regions[i]));
		object_put(space->map.regions[i].object);
	}
	for (uint32_t i = 0; i < space->held_count; i++)
		object_put(space->held[i]);
	free(space->held);
	free(space->kept);
	close(space->pagemap_fd);
	pthread_rwlock_destroy(&space->lock);
	free(space);
}

static kern_return_t allocate_locked(struct space *space, uint64_t *address, uint64_t bytes,
				     enum space_placement placement)
{
	struct vm_range range;
	kern_return_t code = KERN_NO_SPACE;

	if (placement != SPACE_ANYWHERE)
		code = vm_map_place_fixed(&space->map, *address, bytes, &range);
	if (code && placement != SPACE_FIXED)
		code = vm_map_place_anywhere(&space->map, bytes, &range);
	if (code)
		return code;
	struct region region = region_default(range);
	code = space_place_new(space, &region);
	if (!code)
		*address = range.start;
	return code;
}

kern_return_t space_allocate(struct space *space, uint64_t *address, uint64_t bytes,
			     enum space_placement placement)
{
	if (placement == SPACE_FIXED_REPLACE)
		return KERN_INVALID_ARGUMENT;
	if (bytes == 0) {
		*address = 0;
		return KERN_SUCCESS;
	}
	pthread_rwlock_wrlock(&space->lock);
	kern_return_t code = allocate_locked(space, address, bytes, placement);
	pthread_rwlock_unlock(&space->lock);
	return code;
}

kern_return_t space_deallocate(struct space *space, uint64_t address, uint64_t bytes)
{
	struct vm_range range;

	/* A range that wraps is empty for Mach, and there is nothing to free in it. */
	if (bytes == 0 || !vm_range_of(address, bytes, &range))
		return KERN_SUCCESS;
	if (range.start < NORMA_USER_START)
		range.start = NORMA_USER_START;
	if (range.end > NORMA_USER_END)
		range.end = NORMA_USER_END;
	if (range.start >= range.end)
		return KERN_SUCCESS;
	pthread_rwlock_wrlock(&space->lock);
	kern_return_t code = space_remove(space, range);
	space_releases_flush(space);
	pthread_rwlock_unlock(&space->lock);
	return code;
}

/* Gives regions [first, after) the host protection that they are about to have, or had. */
static int regions_protect(struct space *space, uint32_t first, uint32_t after,
			   vm_prot_t protection, bool set_maximum)
{
	for (uint32_t i = first; i < after; i++) {
		struct region *region = &space->map.regions[i];
		vm_prot_t wanted = vm_region_protected(region, protection, set_maximum);
		int ret = 0;

		if (wanted != region->protection)
			ret = host_protect(space->machine, region_range(region), wanted);
		if (!ret)
			continue;
		for (uint32_t j = first; j <= i; j++)
			host_protect(space->machine, region_range(&space->map.regions[j]),
				     space->map.regions[j].protection);
		return ret;
	}
	return 0;
}

static kern_return_t protect_locked(struct space *space, uint64_t address, uint64_t bytes,
				    bool set_maximum, vm_prot_t protection)
{
	struct vm_range range;
	kern_return_t code = vm_map_protect_check(&space->map, address, bytes, protection, &range);

	/* Of nothing, nothing changes; the region around it is not clipped. */
	if (code || range.start == range.end)
		return code;
	uint32_t first = vm_map_find(&space->map, range.start);
	uint32_t after = first;
	while (after < space->map.count && space->map.regions[after].start < range.end)
		after++;
	if (regions_protect(space, first, after, protection, set_maximum)) {
		vm_map_rejoin(&space->map, range);
		return KERN_RESOURCE_SHORTAGE;
	}
	vm_map_protect_apply(&space->map, range, protection, set_maximum);
	return KERN_SUCCESS;
}

kern_return_t space_protect(struct space *space, uint64_t address, uint64_t bytes,
			    enum space_protect_what what, vm_prot_t protection)
{
	pthread_rwlock_wrlock(&space->lock);
	kern_return_t code =
	    protect_locked(space, address, bytes, what == SPACE_PROTECT_MAXIMUM, protection);
	pthread_rwlock_unlock(&space->lock);
	return code;
}

kern_return_t space_inherit(struct space *space, uint64_t address, uint64_t bytes,
			    vm_inherit_t inheritance)
{
	pthread_rwlock_wrlock(&space->lock);
	kern_return_t code = vm_map_inherit(&space->map, address, bytes, inheritance);
	pthread_rwlock_unlock(&space->lock);
	return code;
}

kern_return_t space_region(struct space *space, uint64_t address,
			   struct space_region_info *ret_info)
{
	kern_return_t code = KERN_INVALID_ADDRESS;

	pthread_rwlock_rdlock(&space->lock);
	uint32_t i = vm_map_find(&space->map, address);
	if (i < space->map.count) {
		const struct region *region = &space->map.regions[i];

		*ret_info = (struct space_region_info){
		    .start = region->start,
		    .bytes = region_bytes(region),
		    .protection = region->protection,
		    .max_protection = region->max_protection,
		    .inheritance = region->inheritance,
		    .behavior = region->behavior,
		    .is_shared = region->is_shared,
		    .user_wired_count = region->user_wired_count,
		    .offset = region->offset,
		};
		code = KERN_SUCCESS;
	}
	pthread_rwlock_unlock(&space->lock);
	return code;
}
