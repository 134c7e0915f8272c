/*
 * Mach's calls beyond allocating and protecting: vm_map, vm_copy, vm_wire, vm_behavior_set.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/cleanup.h"
#include "host_map.h"
#include "space_internal.h"

#define COPY_CHUNK_BYTES (256u << 10)

void space_limit_set(struct space *space, uint64_t bytes)
{
	atomic_store(&space->limit_bytes, bytes);
}

void space_cell_set(struct space *space, int cell)
{
	space->cell = cell;
}

static kern_return_t map_locked(struct space *space, const struct space_place_request *place,
				const struct space_attributes *attributes, uint64_t bytes,
				uint64_t *ret_address)
{
	struct vm_range range;
	kern_return_t code = space_find_place(space, place, bytes, &range);

	if (code)
		return code;
	struct region region = region_default(range);
	region.protection = attributes->protection;
	region.max_protection = attributes->max_protection;
	region.inheritance = attributes->inheritance;
	code = space_place_new(space, &region);
	if (!code)
		*ret_address = range.start;
	return code;
}

kern_return_t space_map_region(struct space *space, const struct space_place_request *place,
			       const struct space_attributes *attributes, uint64_t bytes,
			       uint64_t *ret_address)
{
	if (bytes == 0 || ((attributes->protection | attributes->max_protection) & ~VM_PROT_ALL) ||
	    attributes->inheritance > VM_INHERIT_LAST_VALID)
		return KERN_INVALID_ARGUMENT;
	pthread_rwlock_wrlock(&space->lock);
	kern_return_t code = map_locked(space, place, attributes, bytes, ret_address);
	pthread_rwlock_unlock(&space->lock);
	return code;
}

/* Copies in pieces; when the destination lies above the source, from the end on, so that what is
 * overwritten has been read. */
static kern_return_t copy_pieces(struct space *space, uint64_t source, uint64_t bytes,
				 uint64_t destination, uint8_t *buffer)
{
	bool is_backward = destination > source;

	for (uint64_t done = 0; done < bytes;) {
		uint64_t left = bytes - done;
		uint64_t piece = left < COPY_CHUNK_BYTES ? left : COPY_CHUNK_BYTES;
		uint64_t at = is_backward ? left - piece : done;

		if (guest_copy_in(space->machine, source + at, buffer, piece) ||
		    guest_copy_out(space->machine, destination + at, buffer, piece))
			return KERN_MEMORY_ERROR;
		done += piece;
	}
	return KERN_SUCCESS;
}

kern_return_t space_copy(struct space *space, uint64_t source, uint64_t bytes, uint64_t destination)
{
	_cleanup_free_ uint8_t *buffer = NULL;

	if (bytes == 0)
		return KERN_SUCCESS;
	buffer = malloc(bytes < COPY_CHUNK_BYTES ? bytes : COPY_CHUNK_BYTES);
	if (!buffer)
		return KERN_RESOURCE_SHORTAGE;
	/* Reading: the map does not change, so what was checked stays true until the last byte. */
	pthread_rwlock_rdlock(&space->lock);
	kern_return_t code = vm_map_check_access(&space->map, source, bytes, VM_PROT_READ);
	if (!code)
		code = vm_map_check_access(&space->map, destination, bytes, VM_PROT_WRITE);
	if (!code)
		code = copy_pieces(space, source, bytes, destination, buffer);
	pthread_rwlock_unlock(&space->lock);
	return code;
}

/* ---- vm_wire ---- */

static kern_return_t wire_error(int error)
{
	if (!error)
		return KERN_SUCCESS;
	return error == -EIO ? KERN_MEMORY_ERROR : KERN_RESOURCE_SHORTAGE;
}

/* Gives up the wiring of regions [first, after) that count as not wired. */
static void regions_unwire(struct space *space, uint32_t first, uint32_t after)
{
	for (uint32_t i = first; i < after; i++)
		if (space->map.regions[i].user_wired_count == 0)
			host_unwire(space->machine, region_range(&space->map.regions[i]));
}

static kern_return_t regions_wire(struct space *space, uint32_t first, uint32_t after)
{
	for (uint32_t i = first; i < after; i++) {
		const struct region *region = &space->map.regions[i];
		int ret = 0;

		if (space_fail_at(SPACE_STEP_WIRE))
			ret = -ENOMEM;
		else if (region->user_wired_count == 0)
			ret = host_wire(space->machine, region_range(region));
		if (!ret)
			continue;
		regions_unwire(space, first, i + 1);
		return wire_error(ret);
	}
	for (uint32_t i = first; i < after; i++)
		space->map.regions[i].user_wired_count++;
	return KERN_SUCCESS;
}

static void regions_count_down(struct space *space, uint32_t first, uint32_t after)
{
	for (uint32_t i = first; i < after; i++) {
		struct region *region = &space->map.regions[i];

		if (region->user_wired_count > 0 && --region->user_wired_count == 0)
			host_unwire(space->machine, region_range(region));
	}
}

static kern_return_t wire_locked(struct space *space, uint64_t address, uint64_t bytes,
				 vm_prot_t access)
{
	struct vm_range range;
	kern_return_t code = vm_map_wire_check(&space->map, address, bytes, access, &range);

	if (code || bytes == 0)
		return code;
	uint32_t first = vm_map_find(&space->map, range.start);
	uint32_t after = first;
	while (after < space->map.count && space->map.regions[after].start < range.end)
		after++;
	if (access)
		code = regions_wire(space, first, after);
	else
		regions_count_down(space, first, after);
	vm_map_rejoin(&space->map, range);
	return code;
}

kern_return_t space_wire(struct space *space, uint64_t address, uint64_t bytes, vm_prot_t access)
{
	pthread_rwlock_wrlock(&space->lock);
	kern_return_t code = wire_locked(space, address, bytes, access);
	pthread_rwlock_unlock(&space->lock);
	return code;
}

kern_return_t space_behavior(struct space *space, uint64_t address, uint64_t bytes,
			     vm_behavior_t behavior)
{
	pthread_rwlock_wrlock(&space->lock);
	kern_return_t code = vm_map_behavior(&space->map, address, bytes, behavior);
	pthread_rwlock_unlock(&space->lock);
	return code;
}
