/*
 * Memory from the description that another space_export, or one of a range, made: all of a child's
 * (space_import), or regions more (space_import_range).
 */
#include <errno.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/cleanup.h"
#include "host_map.h"
#include "memory_cell.h"
#include "space_internal.h"

struct import {
	struct space *space;
	const struct region_entry *entries;
	uint32_t count;
	struct object_id *ids;	 /* ascending, each once; room for count */
	struct object **objects; /* of ids; a reference each, NULL until attached */
	uint32_t id_count;
	struct window_list along;
	struct object_mapping *mappings;
	uint32_t mapping_count;
	struct failure *failure;
};

static kern_return_t entry_check(const struct region_entry *entry, uint64_t previous_end,
				 uint64_t *ret_end)
{
	uint64_t unused;

	if (!is_page_aligned(entry->start) || !is_page_aligned(entry->bytes) || entry->bytes == 0 ||
	    !checked_add_u64(entry->start, entry->bytes, ret_end))
		return KERN_INVALID_ADDRESS;
	if (entry->start < previous_end || *ret_end > NORMA_USER_END)
		return KERN_INVALID_ADDRESS;
	/* vm_map lets a protection go beyond its maximum. */
	if (((entry->protection | entry->max_protection) & ~(uint32_t)VM_PROT_ALL) ||
	    entry->inheritance > VM_INHERIT_LAST_VALID ||
	    entry->behavior > (uint32_t)VM_BEHAVIOR_RSEQNTL || entry->shared > 1)
		return KERN_INVALID_ARGUMENT;
	if (entry->mapping < REGION_SHARED || entry->mapping > REGION_FORKED ||
	    entry->object == 0 || !is_page_aligned(entry->offset) ||
	    !checked_add_u64(entry->offset, entry->bytes, &unused))
		return KERN_INVALID_ARGUMENT;
	return KERN_SUCCESS;
}

static kern_return_t entries_check(const struct import *import)
{
	uint64_t end = NORMA_USER_START;

	if (import->count > VM_MAP_REGIONS_MAX) {
		failure_set(import->failure, "a task can have %u regions, not %u",
			    VM_MAP_REGIONS_MAX, import->count);
		return KERN_RESOURCE_SHORTAGE;
	}
	for (uint32_t i = 0; i < import->count; i++) {
		kern_return_t code = entry_check(&import->entries[i], end, &end);

		if (!code)
			continue;
		failure_set(import->failure,
			    "region %u of the child's memory (0x%llx, %llu bytes) is malformed", i,
			    (unsigned long long)import->entries[i].start,
			    (unsigned long long)import->entries[i].bytes);
		return code;
	}
	return KERN_SUCCESS;
}

static int id_compare(const void *a, const void *b)
{
	const struct object_id *left = a;
	const struct object_id *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

/* Each object once, however many regions show it. */
static void ids_collect(struct import *import)
{
	uint32_t unique = 0;

	for (uint32_t i = 0; i < import->count; i++)
		import->ids[i].id = import->entries[i].object;
	qsort(import->ids, import->count, sizeof(*import->ids), id_compare);
	for (uint32_t i = 0; i < import->count; i++)
		if (unique == 0 || import->ids[unique - 1].id != import->ids[i].id)
			import->ids[unique++] = import->ids[i];
	import->id_count = unique;
}

/* The task may map an object already: then one more reference to it does. */
static struct object *object_known(const struct space *space, uint64_t id)
{
	for (uint32_t i = 0; i < space->map.count; i++)
		if (space->map.regions[i].object->id == id)
			return space->map.regions[i].object;
	for (uint32_t i = 0; i < space->held_count; i++)
		if (space->held[i]->id == id)
			return space->held[i];
	return NULL;
}

/* Makes an object of memory that came along as a file. */
static kern_return_t take_along(struct import *import, uint32_t at)
{
	const struct window_list *along = &import->along;
	uint64_t index = import->ids[at].id - OBJECT_ALONG;
	int ret;

	if (index >= along->count || along->windows[index].id != import->ids[at].id ||
	    along->windows[index].kind != OBJECT_FROZEN) {
		failure_set(import->failure, "the child's memory lacks a file that it names");
		return KERN_INVALID_ARGUMENT;
	}
	if (space_fail_at(SPACE_STEP_ATTACH))
		return KERN_RESOURCE_SHORTAGE;
	ret = object_new_along(take_fd(&along->fds[index]), &along->windows[index],
			       &import->objects[at]);
	if (ret == -EINVAL)
		failure_set(import->failure, "a file of the child's memory is too short");
	return ret == -EINVAL ? KERN_INVALID_ARGUMENT : ret ? KERN_RESOURCE_SHORTAGE : KERN_SUCCESS;
}

/* Attaches the next objects that have to be, from index *next on. */
static kern_return_t attach_some(struct import *import, uint32_t *next)
{
	struct object_id ids[MESSAGE_MAX_FDS];
	struct object *objects[MESSAGE_MAX_FDS];
	uint32_t places[MESSAGE_MAX_FDS];
	uint32_t count = 0;

	for (; *next < import->id_count && count < MESSAGE_MAX_FDS &&
	       import->ids[*next].id < OBJECT_ALONG;
	     ++*next) {
		struct object *known = object_known(import->space, import->ids[*next].id);

		if (known) {
			object_get(known);
			import->objects[*next] = known;
			continue;
		}
		ids[count] = import->ids[*next];
		places[count++] = *next;
	}
	if (count == 0)
		return KERN_SUCCESS;
	if (space_fail_at(SPACE_STEP_ATTACH))
		return KERN_RESOURCE_SHORTAGE;
	kern_return_t code =
	    pager_attach(&import->space->pager, ids, count, objects, import->failure);
	for (uint32_t i = 0; i < count && !code; i++)
		import->objects[places[i]] = objects[i];
	return code;
}

static kern_return_t import_attach(struct import *import)
{
	kern_return_t code = KERN_SUCCESS;
	uint32_t next = 0;

	/* Ids are in order: what came along is last. */
	while (next < import->id_count && import->ids[next].id < OBJECT_ALONG && !code)
		code = attach_some(import, &next);
	for (; next < import->id_count && !code; next++)
		code = take_along(import, next);
	return code;
}

static struct object *import_object(const struct import *import, uint64_t id)
{
	struct object_id key = {.id = id};
	const struct object_id *found =
	    bsearch(&key, import->ids, import->id_count, sizeof(key), id_compare);

	return import->objects[found - import->ids];
}

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
	ids_collect(import);
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
		code = entries_check(&import);
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

/* Entries that follow each other without a hole, as space_export_range makes them. */
static kern_return_t entries_check_contiguous(const struct import *import)
{
	kern_return_t code = entries_check(import);

	for (uint32_t i = 1; i < import->count && !code; i++) {
		const struct region_entry *previous = &import->entries[i - 1];

		if (previous->start + previous->bytes != import->entries[i].start)
			code = KERN_INVALID_ADDRESS;
	}
	if (!code && import->count == 0)
		code = KERN_INVALID_ARGUMENT;
	if (code)
		failure_set(import->failure, "the regions to be mapped are not one range");
	return code;
}

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
	kern_return_t code = entries_check_contiguous(import);

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
