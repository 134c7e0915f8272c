/* SPDX-License-Identifier: Apache-2.0
 *
 * space_import: a child's memory from the description that its parent's space_export made.
 */
#include <stdlib.h>

#include "base/checked.h"
#include "host_map.h"
#include "space_internal.h"

struct import {
	struct space *space;
	const struct region_entry *entries;
	uint32_t count;
	struct object_id *ids;	 /* ascending, each once; room for count */
	struct object **objects; /* of ids; a reference each for those attached */
	uint32_t id_count;
	uint32_t attached;
	struct object_mapping *mappings;
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
	if ((entry->max_protection & ~(uint32_t)VM_PROT_ALL) ||
	    (entry->protection & ~entry->max_protection) ||
	    entry->inheritance > VM_INHERIT_LAST_VALID ||
	    entry->behavior > (uint32_t)VM_BEHAVIOR_RSEQNTL || entry->shared > 1)
		return KERN_INVALID_ARGUMENT;
	if ((entry->mapping != REGION_SHARED && entry->mapping != REGION_PRIVATE) ||
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

static kern_return_t import_attach(struct import *import)
{
	while (import->attached < import->id_count) {
		uint32_t left = import->id_count - import->attached;
		uint32_t count = left < MESSAGE_MAX_FDS ? left : MESSAGE_MAX_FDS;

		if (space_fail_at(SPACE_STEP_ATTACH))
			return KERN_RESOURCE_SHORTAGE;
		kern_return_t code =
		    pager_attach(&import->space->pager, import->ids + import->attached, count,
				 import->objects + import->attached, import->failure);
		if (code)
			return code;
		import->attached += count;
	}
	return KERN_SUCCESS;
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
	enum object_kind kind = entry->mapping == REGION_SHARED ? OBJECT_COHERENT : OBJECT_FROZEN;
	struct region region = {
	    .start = entry->start,
	    .end = entry->start + entry->bytes,
	    .protection = (vm_prot_t)entry->protection,
	    .max_protection = (vm_prot_t)entry->max_protection,
	    .inheritance = entry->inheritance,
	    .behavior = (vm_behavior_t)entry->behavior,
	    .mapping = (enum region_mapping)entry->mapping,
	    .is_shared = entry->shared,
	    .object = object,
	    .offset = entry->offset,
	};

	if (object->kind != kind || entry->offset + entry->bytes > object->bytes) {
		failure_set(import->failure,
			    "the memory object for the region at 0x%llx is not what the parent "
			    "described",
			    (unsigned long long)entry->start);
		return KERN_INVALID_ARGUMENT;
	}
	if (space_fail_at(SPACE_STEP_REMAP))
		return KERN_RESOURCE_SHORTAGE;
	kern_return_t code = space_place(import->space, &region);
	if (!code)
		object_get(object);
	return code;
}

static kern_return_t import_map(struct import *import)
{
	for (uint32_t i = 0; i < import->count; i++) {
		const struct region_entry *entry = &import->entries[i];
		kern_return_t code = import_map_one(import, entry);

		if (code)
			return code;
		import->mappings[i] = (struct object_mapping){
		    .object = entry->object,
		    .offset = entry->offset,
		    .address = space_hva(import->space, entry->start),
		    .bytes = entry->bytes,
		};
	}
	return KERN_SUCCESS;
}

static kern_return_t import_report(struct import *import)
{
	struct vm_map *map = &import->space->map;

	if (space_fail_at(SPACE_STEP_REPORT))
		return KERN_RESOURCE_SHORTAGE;
	kern_return_t code =
	    pager_map(&import->space->pager, import->mappings, import->count, import->failure);
	/* A refused request leaves no trace in the pager. */
	for (uint32_t i = 0; i < map->count && !code; i++)
		map->regions[i].is_reported = true;
	return code;
}

static kern_return_t import_do(struct import *import)
{
	kern_return_t code = entries_check(import);

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

static void import_done(struct import *import, kern_return_t code)
{
	struct vm_range everything = {NORMA_USER_START, NORMA_USER_END};

	if (code)
		space_remove(import->space, everything);
	for (uint32_t i = 0; i < import->attached; i++)
		space_object_put(import->space, import->objects[i]);
	space_releases_flush(import->space);
	free(import->ids);
	free(import->objects);
	free(import->mappings);
}

kern_return_t space_import(struct space *space, const struct region_entry *regions,
			   uint32_t region_count, struct failure *ret_failure)
{
	struct import import = {
	    .space = space,
	    .entries = regions,
	    .count = region_count,
	    .failure = ret_failure,
	};
	kern_return_t code = KERN_NO_SPACE;

	failure_set(ret_failure, "the host is short of memory for the child");
	pthread_rwlock_wrlock(&space->lock);
	if (space->map.count > 0) {
		failure_set(ret_failure, "the child has memory already");
	} else if (region_count == 0) {
		code = KERN_SUCCESS;
	} else {
		code = import_do(&import);
		import_done(&import, code);
	}
	pthread_rwlock_unlock(&space->lock);
	return code;
}
