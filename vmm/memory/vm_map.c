/*
 * The ordered array of regions: finding, inserting, splitting, joining and taking out.
 */
#include "vm_map.h"

#include <assert.h>
#include <string.h>

#include "base/checked.h"
#include "object.h"

void vm_map_init(struct vm_map *map, uint64_t min, uint64_t max)
{
	assert(is_page_aligned(min) && is_page_aligned(max) && min < max);
	map->min = min;
	map->max = max;
	map->count = 0;
}

bool vm_range_of(uint64_t address, uint64_t bytes, struct vm_range *ret_range)
{
	uint64_t end;

	if (!checked_add_u64(address, bytes, &end) || !page_ceil(end, &end))
		return false;
	*ret_range = (struct vm_range){page_floor(address), end};
	return true;
}

uint32_t vm_map_find(const struct vm_map *map, uint64_t address)
{
	uint32_t low = 0;
	uint32_t high = map->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (map->regions[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct region *vm_map_at(struct vm_map *map, uint64_t address)
{
	uint32_t i = vm_map_find(map, address);

	if (i == map->count || map->regions[i].start > address)
		return NULL;
	return &map->regions[i];
}

bool vm_map_find_space(const struct vm_map *map, uint64_t bytes, uint64_t *ret_start)
{
	uint64_t hole = map->min;

	for (uint32_t i = 0; i < map->count; i++) {
		if (map->regions[i].start - hole >= bytes)
			break;
		hole = map->regions[i].end;
	}
	if (map->max - hole < bytes)
		return false;
	*ret_start = hole;
	return true;
}

kern_return_t vm_map_place_anywhere(const struct vm_map *map, uint64_t bytes,
				    struct vm_range *ret_range)
{
	uint64_t rounded;
	uint64_t start;

	if (!page_ceil(bytes, &rounded) || !vm_map_find_space(map, rounded, &start))
		return KERN_NO_SPACE;
	*ret_range = (struct vm_range){start, start + rounded};
	return KERN_SUCCESS;
}

/* Lowest address from `at` on that shares no bit with mask. Return: false when there is none. */
static bool mask_round_up(uint64_t at, uint64_t mask, uint64_t *ret_at)
{
	uint64_t sum;

	if (!checked_add_u64(at, mask, &sum))
		return false;
	*ret_at = sum & ~mask;
	return true;
}

/* The lowest place for `bytes` (whole pages) at or above `from`. */
static bool masked_find(const struct vm_map *map, uint64_t from, uint64_t bytes, uint64_t mask,
			struct vm_range *ret_range)
{
	uint64_t hole = from > map->min ? from : map->min;
	uint32_t i = vm_map_find(map, hole);
	uint64_t start, end;

	while (mask_round_up(hole, mask, &start) && checked_add_u64(start, bytes, &end)) {
		uint64_t hole_end = i < map->count ? map->regions[i].start : map->max;

		if (end <= hole_end) {
			*ret_range = (struct vm_range){start, end};
			return true;
		}
		if (i == map->count)
			break;
		hole = map->regions[i++].end;
	}
	return false;
}

kern_return_t vm_map_place_masked(const struct vm_map *map, uint64_t from, uint64_t bytes,
				  uint64_t mask, struct vm_range *ret_range)
{
	uint64_t rounded;

	if (!page_ceil(bytes, &rounded))
		return KERN_NO_SPACE;
	if (masked_find(map, page_floor(from), rounded, mask, ret_range) ||
	    masked_find(map, map->min, rounded, mask, ret_range))
		return KERN_SUCCESS;
	return KERN_NO_SPACE;
}

kern_return_t vm_map_place_fixed(const struct vm_map *map, uint64_t address, uint64_t bytes,
				 struct vm_range *ret_range)
{
	uint64_t start = page_floor(address);
	uint64_t rounded;
	uint64_t end;

	if (!page_ceil(bytes, &rounded) || !checked_add_u64(start, rounded, &end))
		return KERN_INVALID_ADDRESS;
	if (start < map->min || end > map->max)
		return KERN_INVALID_ADDRESS;
	uint32_t i = vm_map_find(map, start);
	if (i < map->count && map->regions[i].start < end)
		return KERN_NO_SPACE;
	*ret_range = (struct vm_range){start, end};
	return KERN_SUCCESS;
}

/* Makes room for one region at index i. */
static void map_open_gap(struct vm_map *map, uint32_t i)
{
	assert(map->count < VM_MAP_REGIONS_MAX);
	memmove(&map->regions[i + 1], &map->regions[i], (map->count - i) * sizeof(map->regions[0]));
	map->count++;
}

static void map_close_gap(struct vm_map *map, uint32_t i, uint32_t regions)
{
	memmove(&map->regions[i], &map->regions[i + regions],
		(map->count - i - regions) * sizeof(map->regions[0]));
	map->count -= regions;
}

kern_return_t vm_map_insert(struct vm_map *map, const struct region *region)
{
	assert(is_page_aligned(region->start) && is_page_aligned(region->end));
	assert(region->start >= map->min && region->start < region->end && region->end <= map->max);
	uint32_t i = vm_map_find(map, region->start);
	if (i < map->count && map->regions[i].start < region->end)
		return KERN_NO_SPACE;
	if (map->count == VM_MAP_REGIONS_MAX)
		return KERN_RESOURCE_SHORTAGE;
	map_open_gap(map, i);
	map->regions[i] = *region;
	return KERN_SUCCESS;
}

/* Does a region begin before and end after address? Return: its index, or map->count. */
static uint32_t map_crossing(const struct vm_map *map, uint64_t address)
{
	uint32_t i = vm_map_find(map, address);

	if (i < map->count && map->regions[i].start < address)
		return i;
	return map->count;
}

uint32_t vm_map_clip_cost(const struct vm_map *map, struct vm_range range)
{
	uint32_t cost = 0;

	if (map_crossing(map, range.start) < map->count)
		cost++;
	if (range.end != range.start && map_crossing(map, range.end) < map->count)
		cost++;
	return cost;
}

static void map_split(struct vm_map *map, uint64_t address)
{
	uint32_t i = map_crossing(map, address);

	if (i == map->count)
		return;
	map_open_gap(map, i);
	struct region *low = &map->regions[i];
	struct region *high = &map->regions[i + 1];
	high->offset += address - low->start;
	high->start = address;
	low->end = address;
	if (high->object)
		object_get(high->object);
}

kern_return_t vm_map_clip(struct vm_map *map, struct vm_range range)
{
	if (vm_map_clip_cost(map, range) > VM_MAP_REGIONS_MAX - map->count)
		return KERN_RESOURCE_SHORTAGE;
	map_split(map, range.start);
	map_split(map, range.end);
	return KERN_SUCCESS;
}

static bool regions_continue(const struct region *low, const struct region *high)
{
	return low->end == high->start && low->object == high->object &&
	       low->offset + (low->end - low->start) == high->offset &&
	       low->protection == high->protection && low->max_protection == high->max_protection &&
	       low->inheritance == high->inheritance && low->behavior == high->behavior &&
	       low->user_wired_count == high->user_wired_count && low->mapping == high->mapping &&
	       low->is_shared == high->is_shared && low->is_shared_last == high->is_shared_last &&
	       low->is_reported == high->is_reported;
}

void vm_map_rejoin(struct vm_map *map, struct vm_range range)
{
	uint32_t i = vm_map_find(map, range.start);

	if (i > 0)
		i--;
	while (i + 1 < map->count && map->regions[i].end <= range.end) {
		struct region *low = &map->regions[i];

		if (!regions_continue(low, low + 1)) {
			i++;
			continue;
		}
		low->end = (low + 1)->end;
		if (low->object)
			object_drop(low->object);
		map_close_gap(map, i + 1, 1);
	}
}

void vm_map_cut(struct vm_map *map, struct vm_range range)
{
	uint32_t first = vm_map_find(map, range.start);
	uint32_t after = first;

	while (after < map->count && map->regions[after].start < range.end) {
		assert(map->regions[after].start >= range.start);
		assert(map->regions[after].end <= range.end);
		after++;
	}
	map_close_gap(map, first, after - first);
}

bool vm_map_is_covered(const struct vm_map *map, struct vm_range range)
{
	uint64_t at = range.start;

	for (uint32_t i = vm_map_find(map, at); at < range.end; i++) {
		if (i == map->count || map->regions[i].start > at)
			return false;
		at = map->regions[i].end;
	}
	return true;
}

kern_return_t vm_map_check_range(const struct vm_map *map, uint64_t address, uint64_t bytes,
				 struct vm_range *ret_range)
{
	struct vm_range range;

	if (!vm_range_of(address, bytes, &range))
		return KERN_INVALID_ADDRESS;
	if (bytes == 0)
		range = (struct vm_range){range.start, range.start};
	struct vm_range page = {range.start, range.start + 1};
	if (!vm_map_is_covered(map, bytes ? range : page))
		return KERN_INVALID_ADDRESS;
	*ret_range = range;
	return KERN_SUCCESS;
}

uint64_t vm_map_bytes_inside(const struct vm_map *map, struct vm_range range)
{
	uint64_t sum = 0;

	for (uint32_t i = vm_map_find(map, range.start);
	     i < map->count && map->regions[i].start < range.end; i++) {
		const struct region *region = &map->regions[i];
		uint64_t start = region->start > range.start ? region->start : range.start;
		uint64_t end = region->end < range.end ? region->end : range.end;

		sum += end - start;
	}
	return sum;
}

uint64_t vm_map_virtual_bytes(const struct vm_map *map)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < map->count; i++)
		sum += map->regions[i].end - map->regions[i].start;
	return sum;
}
