/*
 * Memory from the description that another space_export, or one of a range, made: all of a child's
 * (space_import), or regions more (space_import_range).
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "import.h"
#include "memory_cell.h"

static kern_return_t import_map_one(struct import *import, const struct region_entry *entry)
{
	struct object *object = import_object(import, entry->object);
	bool is_shared = entry->mapping == REGION_SHARED;
	struct region region = {
	    .start = entry->start,
	    .end = entry->start + entry->bytes,
	    .protection = (vm_prot_t)entry->protection,
	    .max_protection = (vm_prot_t)entry->max_protection,
	    .inheritance = entry->inheritance,
	    .behavior = (vm_behavior_t)entry->behavior,
	    .mapping = is_shared ? REGION_SHARED : REGION_PRIVATE,
	    .is_shared = entry->shared,
	    .object = object,
	    .offset = entry->offset,
	};

	if (object->kind != (is_shared ? OBJECT_COHERENT : OBJECT_FROZEN) ||
	    entry->offset + entry->bytes > object->bytes) {
		failure_set(import->failure,
			    "the memory object for the region at 0x%llx is not what the parent "
			    "described",
			    (unsigned long long)entry->start);
		return KERN_INVALID_ARGUMENT;
	}
	if (space_fail_at(SPACE_STEP_REMAP))
		return KERN_RESOURCE_SHORTAGE;
	kern_return_t code = entry->mapping == REGION_FORKED
				 ? space_kept_place(import->space, &region)
				 : space_place(import->space, &region);
	if (code)
		return code;
	object_get(object);
	if (entry->object < OBJECT_ALONG)
		memory_cell_prefer(import->space->cell,
				   machine_hva(import->space->machine, entry->start), entry->bytes);
	return KERN_SUCCESS;
}

static kern_return_t import_map(struct import *import)
{
	for (uint32_t i = 0; i < import->count; i++) {
		const struct region_entry *entry = &import->entries[i];
		kern_return_t code = import_map_one(import, entry);

		if (code)
			return code;
		if (entry->object >= OBJECT_ALONG)
			continue;
		import->mappings[import->mapping_count++] = (struct object_mapping){
		    .object = entry->object,
		    .offset = entry->offset,
		    .address = space_hva(import->space, entry->start),
		    .bytes = entry->bytes,
		};
	}
	return KERN_SUCCESS;
}

/* The addresses from the first region to the last. */
static struct vm_range import_range(const struct import *import)
{
	const struct region_entry *last = &import->entries[import->count - 1];

	return (struct vm_range){import->entries[0].start, last->start + last->bytes};
}

static kern_return_t import_report(struct import *import)
{
	struct vm_range range = import_range(import);
	struct vm_map *map = &import->space->map;

	if (import->mapping_count == 0)
		return KERN_SUCCESS;
	if (space_fail_at(SPACE_STEP_REPORT))
		return KERN_RESOURCE_SHORTAGE;
	kern_return_t code = pager_map(&import->space->pager, import->mappings,
				       import->mapping_count, import->failure);
	/* A refused request leaves no trace in the pager. */
	for (uint32_t i = vm_map_find(map, range.start);
	     !code && i < map->count && map->regions[i].start < range.end; i++)
		map->regions[i].is_reported = map->regions[i].object->id != 0;
	return code;
}

static kern_return_t import_check_limit(const struct import *import)
{
	uint64_t limit = atomic_load(&import->space->limit_bytes);
	uint64_t sum = vm_map_virtual_bytes(&import->space->map);

	/* Checked entries do not overlap, so the sum of their sizes is no more than the space. */
	for (uint32_t i = 0; i < import->count; i++)
		sum += import->entries[i].bytes;
	if (!limit || sum <= limit)
		return KERN_SUCCESS;
	failure_set(import->failure, "the task would have %llu bytes of memory; its limit is %llu",
		    (unsigned long long)sum, (unsigned long long)limit);
	return KERN_RESOURCE_SHORTAGE;
}

/* Entries are checked and their addresses are free. */
static kern_return_t import_do(struct import *import)
{
	kern_return_t code = import_check_limit(import);

	if (code)
		return code;
	import->ids = calloc(import->count, sizeof(*import->ids));
	import->objects = calloc(import->count, sizeof(struct object *));
	import->mappings = calloc(import->count, sizeof(*import->mappings));
	if (!import->ids || !import->objects || !import->mappings)
		return KERN_RESOURCE_SHORTAGE;
	code = import_attach(import);
	if (!code)
		code = import_map(import);
	return code ? code : import_report(import);
}

static kern_return_t import_carry_out(struct import *import)
{
	kern_return_t code = import_do(import);

	if (code)
		space_remove(import->space, import_range(import));
	for (uint32_t i = 0; i < import->id_count; i++)
		if (import->objects[i])
			space_object_put(import->space, import->objects[i]);
	space_releases_flush(import->space);
	free(import->ids);
	free(import->objects);
	free(import->mappings);
	return code;
}

kern_return_t space_import(struct space *space, struct region_list list, struct window_list along,
			   struct failure *ret_failure)
{
	struct import import = {
	    .space = space,
	    .entries = list.regions,
	    .count = list.count,
	    .along = along,
	    .failure = ret_failure,
	};
	kern_return_t code = KERN_NO_SPACE;

	failure_set(ret_failure, "the host is short of memory for the child");
	pthread_rwlock_wrlock(&space->lock);
	if (space->map.count > 0)
		failure_set(ret_failure, "the child has memory already");
	else
		code = import_check(&import);
	if (!code)
		code = space_kept_claim(space, list.regions, list.count, ret_failure);
	if (!code && list.count > 0)
		code = import_carry_out(&import);
	if (code)
		space_kept_unmap(space, KEPT_ALL);
	space_kept_forget(space);
	pthread_rwlock_unlock(&space->lock);
	return code;
}

/* ---- vm_remap ---- */

static kern_return_t import_find_place(const struct import *import,
				       const struct space_place_request *place,
				       struct vm_range *ret_range)
{
	struct vm_range source = import_range(import);
	kern_return_t code =
	    space_find_place(import->space, place, source.end - source.start, ret_range);

	if (code)
		failure_set(import->failure,
			    "there is no room for %llu bytes at 0x%llx (mask 0x%llx)",
			    (unsigned long long)(source.end - source.start),
			    (unsigned long long)place->address, (unsigned long long)place->mask);
	return code;
}

/* Puts the entries where they go; moved[count]. */
static void entries_move(struct import *import, struct region_entry *moved, uint64_t start,
			 vm_inherit_t inheritance)
{
	uint64_t source = import->entries[0].start;

	for (uint32_t i = 0; i < import->count; i++) {
		moved[i] = import->entries[i];
		moved[i].start = start + (moved[i].start - source);
		moved[i].inheritance = inheritance;
	}
	import->entries = moved;
}

static kern_return_t import_range_locked(struct import *import,
					 const struct space_place_request *place,
					 vm_inherit_t inheritance, uint64_t *ret_address)
{
	_cleanup_free_ struct region_entry *moved = NULL;
	struct vm_range range;
	kern_return_t code = import_check_contiguous(import);

	if (!code)
		code = space_kept_claim(import->space, import->entries, import->count,
					import->failure);
	if (!code)
		code = import_find_place(import, place, &range);
	if (code)
		return code;
	failure_set(import->failure, "the host is short of memory for the mapping");
	if (import->count > VM_MAP_REGIONS_MAX - import->space->map.count)
		return KERN_RESOURCE_SHORTAGE;
	moved = calloc(import->count, sizeof(*moved));
	if (!moved)
		return KERN_RESOURCE_SHORTAGE;
	entries_move(import, moved, range.start, inheritance);
	code = import_carry_out(import);
	if (!code)
		*ret_address = range.start;
	return code;
}

kern_return_t space_import_range(struct space *space, const struct space_place_request *place,
				 vm_inherit_t inheritance, struct region_list list,
				 uint64_t *ret_address, struct failure *ret_failure)
{
	struct import import = {
	    .space = space,
	    .entries = list.regions,
	    .count = list.count,
	    .failure = ret_failure,
	};

	if (inheritance > VM_INHERIT_LAST_VALID) {
		failure_set(ret_failure, "inheritance %u does not exist", inheritance);
		return KERN_INVALID_ARGUMENT;
	}
	pthread_rwlock_wrlock(&space->lock);
	kern_return_t code = import_range_locked(&import, place, inheritance, ret_address);
	pthread_rwlock_unlock(&space->lock);
	return code;
}
