/*
 * Putting regions into a space and taking them out: map, host mapping, object and pager in step.
 */
#include <assert.h>

#include "base/checked.h"
#include "host_map.h"
#include "space_internal.h"
#include "userfault.h"

bool space_region_is_served(const struct space *space, const struct region *region)
{
	return region->is_reported && space->pager.uffd >= 0 &&
	       userfault_is_registered(space->pager.uffd, space_hva(space, region->start),
				       space_nothing(space));
}

bool space_is_over_limit(const struct space *space, struct vm_range range)
{
	uint64_t limit = atomic_load(&space->limit_bytes);
	uint64_t growth = range.end - range.start - vm_map_bytes_inside(&space->map, range);

	return limit && growth > 0 && vm_map_virtual_bytes(&space->map) + growth > limit;
}

kern_return_t space_find_place(const struct space *space, const struct space_place_request *place,
			       uint64_t bytes, struct vm_range *ret_range)
{
	if (place->is_anywhere)
		return vm_map_place_masked(&space->map, place->address, bytes, place->mask,
					   ret_range);
	if (page_floor(place->address) & place->mask)
		return KERN_NO_SPACE;
	return vm_map_place_fixed(&space->map, place->address, bytes, ret_range);
}

void space_releases_flush(struct space *space)
{
	struct failure ignored;

	/* A pager that cannot be told is gone, and the references with it. */
	if (space->release_count > 0)
		pager_release(&space->pager, space->releases, space->release_count, &ignored);
	space->release_count = 0;
}

void space_release_queue(struct space *space, uint64_t id)
{
	if (space->release_count == MESSAGE_MAX_FDS)
		space_releases_flush(space);
	space->releases[space->release_count++].id = id;
}

void space_object_put(struct space *space, struct object *object)
{
	uint64_t id = object_put(object);

	if (id)
		space_release_queue(space, id);
}

kern_return_t space_unreport(struct space *space, const struct region *first,
			     const struct region *last)
{
	struct failure ignored;
	kern_return_t code = KERN_SUCCESS;

	while (first <= last && !first->is_reported)
		first++;
	while (first <= last && !last->is_reported)
		last--;
	if (first <= last)
		code = pager_unmap(&space->pager, space_hva(space, first->start),
				   last->end - first->start, &ignored);
	/* A pager that was given up lets go of the whole address space. */
	return code && space->pager.is_usable ? KERN_RESOURCE_SHORTAGE : KERN_SUCCESS;
}

void space_report_again(struct space *space, struct vm_range range)
{
	uint32_t i = vm_map_find(&space->map, range.start);

	for (; i < space->map.count && space->map.regions[i].start < range.end; i++) {
		const struct region *region = &space->map.regions[i];
		struct object_mapping mapping = {
		    .object = region->object->id,
		    .offset = region->offset,
		    .address = space_hva(space, region->start),
		    .bytes = region_bytes(region),
		};
		struct failure ignored;

		if (region->is_reported)
			pager_map(&space->pager, &mapping, 1, &ignored);
	}
}

/* Drops the regions of a range whose host mappings are gone. */
static void regions_drop(struct space *space, struct vm_range range)
{
	uint32_t i = vm_map_find(&space->map, range.start);

	for (; i < space->map.count && space->map.regions[i].start < range.end; i++) {
		const struct region *region = &space->map.regions[i];
		struct object *object = region->object;

		/* Nobody else maps this part of an unpublished object. */
		if (object_is_own(object) &&
		    (object->references > 1 || object->file->references > 1))
			object_punch(object, region->offset, region_bytes(region));
		space_object_put(space, object);
	}
	vm_map_cut(&space->map, range);
}

/* The regions inside a clipped range. Return: how many; the first is *ret_first. */
static uint32_t regions_inside(struct space *space, struct vm_range range, uint32_t *ret_first)
{
	uint32_t first = vm_map_find(&space->map, range.start);
	uint32_t after = first;

	while (after < space->map.count && space->map.regions[after].start < range.end)
		after++;
	*ret_first = first;
	return after - first;
}

kern_return_t space_remove(struct space *space, struct vm_range range)
{
	uint32_t first;
	kern_return_t code = vm_map_clip(&space->map, range);

	if (code)
		return code;
	uint32_t count = regions_inside(space, range, &first);
	if (count == 0)
		return KERN_SUCCESS;
	struct region *regions = &space->map.regions[first];
	/* Not more than there is: page tables of an emptied range are walked. */
	range = (struct vm_range){regions[0].start, regions[count - 1].end};
	code = space_unreport(space, regions, regions + count - 1);
	if (!code && host_unmap(space->machine, range)) {
		space_report_again(space, range);
		code = KERN_RESOURCE_SHORTAGE;
	}
	if (code) {
		vm_map_rejoin(&space->map, range);
		return code;
	}
	regions_drop(space, range);
	return KERN_SUCCESS;
}

kern_return_t space_place(struct space *space, const struct region *region)
{
	struct vm_range range = region_range(region);
	uint32_t first;

	if (space_is_over_limit(space, range))
		return KERN_RESOURCE_SHORTAGE;
	kern_return_t code = vm_map_clip(&space->map, range);

	if (code)
		return code;
	uint32_t count = regions_inside(space, range, &first);
	if (count == 0 && space->map.count == VM_MAP_REGIONS_MAX)
		return KERN_RESOURCE_SHORTAGE;
	if (count > 0)
		code = space_unreport(space, &space->map.regions[first],
				      &space->map.regions[first + count - 1]);
	if (!code && host_map_region(space->machine, region)) {
		space_report_again(space, range);
		code = KERN_RESOURCE_SHORTAGE;
	}
	if (code) {
		vm_map_rejoin(&space->map, range);
		return code;
	}
	regions_drop(space, range);
	code = vm_map_insert(&space->map, region);
	assert(code == KERN_SUCCESS);
	return code;
}

kern_return_t space_place_new(struct space *space, const struct region *region)
{
	struct region placed = *region;

	if (object_new(region->start, region_bytes(region), &placed.object))
		return KERN_RESOURCE_SHORTAGE;
	placed.offset = 0;
	placed.mapping = REGION_SHARED;
	placed.is_shared = false;
	placed.is_reported = false;
	kern_return_t code = space_place(space, &placed);
	if (code)
		object_put(placed.object);
	return code;
}

struct region region_default(struct vm_range range)
{
	return (struct region){
	    .start = range.start,
	    .end = range.end,
	    .protection = VM_PROT_DEFAULT,
	    .max_protection = VM_PROT_ALL,
	    .inheritance = VM_INHERIT_DEFAULT,
	    .behavior = VM_BEHAVIOR_DEFAULT,
	    .mapping = REGION_SHARED,
	};
}
