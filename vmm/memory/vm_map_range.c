/*
 * Mach's operations on ranges of the map: what they check, in which order, and what they change.
 */
#include "vm_map.h"

#include "base/checked.h"

kern_return_t vm_map_check_access(const struct vm_map *map, uint64_t address, uint64_t bytes,
				  vm_prot_t access)
{
	struct vm_range range;

	if (bytes == 0)
		return KERN_SUCCESS;
	if (!vm_range_of(address, bytes, &range))
		return KERN_INVALID_ADDRESS;
	uint64_t at = range.start;
	for (uint32_t i = vm_map_find(map, at); at < range.end; i++) {
		if (i == map->count || map->regions[i].start > at)
			return KERN_INVALID_ADDRESS;
		if (access & ~map->regions[i].protection)
			return KERN_PROTECTION_FAILURE;
		at = map->regions[i].end;
	}
	return KERN_SUCCESS;
}

kern_return_t vm_map_inherit(struct vm_map *map, uint64_t address, uint64_t bytes,
			     vm_inherit_t inheritance)
{
	struct vm_range range;

	if (inheritance > VM_INHERIT_LAST_VALID)
		return KERN_INVALID_ARGUMENT;
	if (bytes == 0)
		return KERN_SUCCESS;
	if (!vm_range_of(address, bytes, &range) || !vm_map_is_covered(map, range))
		return KERN_INVALID_ADDRESS;
	kern_return_t code = vm_map_clip(map, range);
	if (code)
		return code;
	uint32_t first = vm_map_find(map, range.start);
	for (uint32_t i = first; i < map->count && map->regions[i].start < range.end; i++)
		map->regions[i].inheritance = inheritance;
	vm_map_rejoin(map, range);
	return KERN_SUCCESS;
}

/* The first rule that a region in address order breaks. */
static kern_return_t protect_check_regions(const struct vm_map *map, struct vm_range range,
					   vm_prot_t protection)
{
	uint64_t at = range.start;

	for (uint32_t i = vm_map_find(map, at); at < range.end; i++) {
		if (i == map->count || map->regions[i].start > at)
			return KERN_INVALID_ADDRESS;
		if (protection & ~map->regions[i].max_protection)
			return KERN_PROTECTION_FAILURE;
		at = map->regions[i].end;
	}
	return KERN_SUCCESS;
}

kern_return_t vm_map_protect_check(struct vm_map *map, uint64_t address, uint64_t bytes,
				   vm_prot_t protection, struct vm_range *ret_range)
{
	struct vm_range range;

	if (protection & ~VM_PROT_ALL)
		return KERN_INVALID_ARGUMENT;
	if (!vm_range_of(address, bytes, &range))
		return KERN_INVALID_ADDRESS;
	/* Mach looks the address up even when there is nothing to change. */
	if (bytes == 0) {
		*ret_range = (struct vm_range){range.start, range.start};
		return vm_map_at(map, address) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
	}
	kern_return_t code = protect_check_regions(map, range, protection);
	if (code)
		return code;
	code = vm_map_clip(map, range);
	if (code)
		return code;
	*ret_range = range;
	return KERN_SUCCESS;
}

vm_prot_t vm_region_protected(const struct region *region, vm_prot_t protection, bool set_maximum)
{
	return set_maximum ? region->protection & protection : protection;
}

void vm_map_protect_apply(struct vm_map *map, struct vm_range range, vm_prot_t protection,
			  bool set_maximum)
{
	uint32_t first = vm_map_find(map, range.start);

	for (uint32_t i = first; i < map->count && map->regions[i].start < range.end; i++) {
		struct region *region = &map->regions[i];

		region->protection = vm_region_protected(region, protection, set_maximum);
		if (set_maximum)
			region->max_protection = protection;
	}
	vm_map_rejoin(map, range);
}

kern_return_t vm_map_behavior(struct vm_map *map, uint64_t address, uint64_t bytes,
			      vm_behavior_t behavior)
{
	struct vm_range range;

	if ((uint32_t)behavior > (uint32_t)VM_BEHAVIOR_RSEQNTL)
		return KERN_INVALID_ARGUMENT;
	kern_return_t code = vm_map_check_range(map, address, bytes, &range);
	if (code || bytes == 0)
		return code;
	code = vm_map_clip(map, range);
	if (code)
		return code;
	for (uint32_t i = vm_map_find(map, range.start);
	     i < map->count && map->regions[i].start < range.end; i++)
		map->regions[i].behavior = behavior;
	vm_map_rejoin(map, range);
	return KERN_SUCCESS;
}

kern_return_t vm_map_wire_check(struct vm_map *map, uint64_t address, uint64_t bytes,
				vm_prot_t access, struct vm_range *ret_range)
{
	if (access & ~VM_PROT_ALL)
		return KERN_INVALID_ARGUMENT;
	kern_return_t code = vm_map_check_range(map, address, bytes, ret_range);
	if (!code)
		code = vm_map_check_access(map, address, bytes, access);
	if (code)
		return code;
	for (uint32_t i = vm_map_find(map, ret_range->start);
	     i < map->count && map->regions[i].start < ret_range->end; i++)
		if (access && map->regions[i].user_wired_count == VM_MAP_WIRED_MAX)
			return KERN_FAILURE;
	return vm_map_clip(map, *ret_range);
}
