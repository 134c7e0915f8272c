/*
 * The parts of space_import and space_import_range: is the description of a child's memory whole
 * and possible (import_check.c), the objects that it names (import_objects.c), regions in their
 * places (space_import.c). Internal; the space is locked for writing throughout.
 */
#ifndef MEMORY_IMPORT_H
#define MEMORY_IMPORT_H

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

/* Is every entry possible, and are they in order? Return: KERN_SUCCESS, or a code and a sentence.
 */
kern_return_t import_check(const struct import *import);
/* The same, and each begins where the one before it ends, as space_export_range makes them. */
kern_return_t import_check_contiguous(const struct import *import);

/*
 * Gets every object that the entries name: one that the space knows already, one that came along
 * as a file, or through the pager. ids and objects have room for as many as there are entries.
 * Return: KERN_SUCCESS, or an error and what is in objects so far has to be put back.
 */
kern_return_t import_attach(struct import *import);
/* Of an id that import_attach() got. */
struct object *import_object(const struct import *import, uint64_t id);

#endif
