/*
 * What Linux's mmap, madvise and brk need of a space.
 */
#include <errno.h>

#include "base/checked.h"
#include "host_map.h"
#include "space_internal.h"

#define ZERO_CHUNK_BYTES 65536u

static int errno_of(kern_return_t code)
{
	switch (code) {
	case KERN_SUCCESS:
		return 0;
	case KERN_INVALID_ARGUMENT:
		return -EINVAL;
	case KERN_NO_SPACE:
		return -EEXIST;
	default:
		return -ENOMEM;
	}
}

static bool map_request_is_valid(const struct space_map_request *request)
{
	if (request->bytes == 0 || request->inheritance > VM_INHERIT_LAST_VALID)
		return false;
	if (request->max_protection & ~VM_PROT_ALL ||
	    request->protection & ~request->max_protection)
		return false;
	return request->placement == SPACE_ANYWHERE || is_page_aligned(request->address);
}

/* Where a mapping goes. Return: 0, -EEXIST, -ENOMEM. */
static int map_place(const struct vm_map *map, const struct space_map_request *request,
		     struct vm_range *ret_range)
{
	kern_return_t code = KERN_NO_SPACE;

	if (request->placement != SPACE_ANYWHERE)
		code = vm_map_place_fixed(map, request->address, request->bytes, ret_range);
	if (code == KERN_NO_SPACE && request->placement == SPACE_FIXED_REPLACE) {
		vm_range_of(request->address, request->bytes, ret_range);
		return 0;
	}
	if (!code || request->placement == SPACE_FIXED || request->placement == SPACE_FIXED_REPLACE)
		return errno_of(code);
	return vm_map_place_anywhere(map, request->bytes, ret_range) ? -ENOMEM : 0;
}

int space_map(struct space *space, const struct space_map_request *request, uint64_t *ret_address)
{
	struct vm_range range;

	if (!map_request_is_valid(request))
		return -EINVAL;
	pthread_rwlock_wrlock(&space->lock);
	int ret = map_place(&space->map, request, &range);
	if (!ret) {
		struct region region = region_default(range);

		region.protection = request->protection;
		region.max_protection = request->max_protection;
		region.inheritance = request->inheritance;
		ret = errno_of(space_place_new(space, &region));
	}
	if (!ret)
		*ret_address = range.start;
	space_releases_flush(space);
	pthread_rwlock_unlock(&space->lock);
	return ret;
}

/* Zeros that every task sees who shares the region. */
static int region_write_zeros(struct space *space, const struct region *region)
{
	static const uint8_t zeros[ZERO_CHUNK_BYTES];

	for (uint64_t at = region->start; at < region->end;) {
		uint64_t bytes = region->end - at;

		if (bytes > sizeof(zeros))
			bytes = sizeof(zeros);
		if (guest_copy_out(space->machine, at, zeros, bytes))
			return -EIO;
		at += bytes;
	}
	return 0;
}

static int region_discard(struct space *space, struct region *region)
{
	/* The base of a private region is not zero: it gets an object of its own. */
	if (region->mapping == REGION_PRIVATE)
		return errno_of(space_place_new(space, region));
	if (object_is_own(region->object))
		return object_punch(region->object, region->offset, region_bytes(region));
	return region_write_zeros(space, region);
}

static int discard_check(const struct vm_map *map, struct vm_range range)
{
	if (!vm_map_is_covered(map, range))
		return -ENOMEM;
	for (uint32_t i = vm_map_find(map, range.start);
	     i < map->count && map->regions[i].start < range.end; i++) {
		const struct region *region = &map->regions[i];

		if (region->mapping == REGION_SHARED && region->object->id != 0 &&
		    !(region->protection & VM_PROT_WRITE))
			return -EACCES;
	}
	return 0;
}

static int discard_locked(struct space *space, struct vm_range range)
{
	int ret = discard_check(&space->map, range);

	if (ret)
		return ret;
	ret = errno_of(vm_map_clip(&space->map, range));
	/* Placing a clipped region anew keeps the number of regions. */
	for (uint32_t i = vm_map_find(&space->map, range.start);
	     !ret && i < space->map.count && space->map.regions[i].start < range.end; i++)
		ret = region_discard(space, &space->map.regions[i]);
	vm_map_rejoin(&space->map, range);
	return ret;
}

int space_discard(struct space *space, uint64_t address, uint64_t bytes)
{
	struct vm_range range;

	if (!is_page_aligned(address) || !vm_range_of(address, bytes, &range))
		return -EINVAL;
	if (bytes == 0)
		return 0;
	pthread_rwlock_wrlock(&space->lock);
	int ret = discard_locked(space, range);
	space_releases_flush(space);
	pthread_rwlock_unlock(&space->lock);
	return ret;
}

/* Can this region become longer at its end, with memory as vm_allocate gives it? */
static bool region_can_grow(const struct region *region)
{
	return object_is_sole(region->object) && region->mapping == REGION_SHARED &&
	       region->protection == VM_PROT_DEFAULT && region->max_protection == VM_PROT_ALL &&
	       region->inheritance == VM_INHERIT_DEFAULT &&
	       region->behavior == VM_BEHAVIOR_DEFAULT && region->user_wired_count == 0;
}

static int region_grow(struct space *space, struct region *region, uint64_t new_end)
{
	uint64_t used = region->offset + region_bytes(region);
	struct region tail = *region;

	tail.start = region->end;
	tail.end = new_end;
	tail.offset = used;
	if (space_is_over_limit(space, region_range(&tail)))
		return -ENOMEM;
	/* Shortened first: what lay beyond the region's end must not come back. */
	int ret = object_resize(region->object, used);
	if (!ret)
		ret = object_resize(region->object, used + region_bytes(&tail));
	if (!ret)
		ret = host_map_region(space->machine, &tail);
	if (ret)
		return -ENOMEM;
	region->end = new_end;
	return 0;
}

static int grow_locked(struct space *space, uint64_t start, uint64_t old_end, uint64_t new_end)
{
	struct vm_range range;

	if (vm_map_place_fixed(&space->map, old_end, new_end - old_end, &range))
		return -ENOMEM;
	struct region *last = old_end > start ? vm_map_at(&space->map, old_end - 1) : NULL;
	if (last && last->start >= start && region_can_grow(last))
		return region_grow(space, last, new_end);
	struct region region = region_default(range);
	return errno_of(space_place_new(space, &region));
}

int space_grow(struct space *space, uint64_t start, uint64_t old_end, uint64_t new_end)
{
	if (!is_page_aligned(start) || !is_page_aligned(old_end) || !is_page_aligned(new_end) ||
	    old_end < start || new_end < start)
		return -EINVAL;
	if (new_end <= old_end)
		return errno_of(space_deallocate(space, new_end, old_end - new_end));
	pthread_rwlock_wrlock(&space->lock);
	int ret = grow_locked(space, start, old_end, new_end);
	pthread_rwlock_unlock(&space->lock);
	return ret;
}
