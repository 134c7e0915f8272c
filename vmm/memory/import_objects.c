/*
 * The objects that the description of a child's memory names.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "import.h"

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

kern_return_t import_attach(struct import *import)
{
	kern_return_t code = KERN_SUCCESS;
	uint32_t next = 0;

	ids_collect(import);
	/* Ids are in order: what came along is last. */
	while (next < import->id_count && import->ids[next].id < OBJECT_ALONG && !code)
		code = attach_some(import, &next);
	for (; next < import->id_count && !code; next++)
		code = take_along(import, next);
	return code;
}

struct object *import_object(const struct import *import, uint64_t id)
{
	struct object_id key = {.id = id};
	const struct object_id *found =
	    bsearch(&key, import->ids, import->id_count, sizeof(key), id_compare);

	return import->objects[found - import->ids];
}
