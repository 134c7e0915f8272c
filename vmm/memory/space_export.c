/*
 * space_export from beginning to end.
 *
 * Order: choose; make objects; copy what never changes; publish; stop threads; look again; copy
 * what changes; publish the rest; change the parent; let threads go on; hold and describe. What can
 * be done while threads run is done then: the pause holds no more than remapping, the overlay's
 * bytes and one request to the pager. What was mapped before is unmapped after it.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "export.h"

static kern_return_t export_error(struct export *export, int error, const char *what)
{
	switch (error) {
	case 0:
		return KERN_SUCCESS;
	case -EIO:
		failure_set(export->failure,
			    "a page of the parent's memory is lost and cannot be copied");
		return KERN_MEMORY_ERROR;
	case -ETIMEDOUT:
		failure_set(export->failure, "the parent's threads did not stop in time; one may "
					     "be waiting for a page of another host");
		return KERN_OPERATION_TIMED_OUT;
	default:
		failure_set(export->failure, "%s: %s", what, strerror(-error));
		return KERN_RESOURCE_SHORTAGE;
	}
}

/* Publishes the new objects of items that have no id yet. */
static kern_return_t export_publish(struct export *export)
{
	struct object *batch[MESSAGE_MAX_FDS];
	uint64_t ids[MESSAGE_MAX_FDS];
	uint32_t i = 0;

	while (i < export->count) {
		uint32_t count = 0;

		for (; i < export->count && count < MESSAGE_MAX_FDS; i++)
			if (!export->items[i].window && export->items[i].object->id == 0)
				batch[count++] = export->items[i].object;
		if (count == 0)
			break;
		if (space_fail_at(SPACE_STEP_PUBLISH))
			return KERN_RESOURCE_SHORTAGE;
		kern_return_t code =
		    pager_publish(&export->space->pager, batch, count, ids, export->failure);
		if (code)
			return code;
		for (uint32_t j = 0; j < count; j++)
			batch[j]->id = ids[j];
	}
	return KERN_SUCCESS;
}

static bool export_needs_pause(const struct export *export)
{
	for (uint32_t i = 0; i < export->count; i++)
		if (export_rule(export->items[i].action)->is_instant)
			return true;
	return false;
}

static int export_pause(struct export *export)
{
	const struct space_pauser *pauser = &export->space->pauser;
	uint64_t now_ns = clock_now_ns();
	int ret = 0;

	if (space_fail_at(SPACE_STEP_PAUSE))
		return -ETIMEDOUT;
	if (pauser->pause)
		ret = pauser->pause(pauser->context, now_ns + EXPORT_PAUSE_TIMEOUT_NS);
	if (ret)
		return ret;
	export->is_paused = true;
	export->pause_start_ns = now_ns;
	return 0;
}

static void export_resume(struct export *export)
{
	const struct space_pauser *pauser = &export->space->pauser;

	if (!export->is_paused)
		return;
	if (pauser->resume)
		pauser->resume(pauser->context);
	export->is_paused = false;
	export->pause_ns = clock_now_ns() - export->pause_start_ns;
}

static int copy_bases(struct export *export)
{
	for (uint32_t i = 0; i < export->count; i++) {
		struct export_item *item = &export->items[i];
		int ret = 0;

		if (export_rule(item->action)->is_copied && item->region->mapping == REGION_PRIVATE)
			ret = export_copy_base(export, item);
		if (ret)
			return ret;
	}
	return 0;
}

static int copy_instant(struct export *export)
{
	int ret = export_replan(export);

	for (uint32_t i = 0; i < export->count && !ret; i++)
		if (export_rule(export->items[i].action)->is_copied)
			ret = export_copy_instant(export, &export->items[i]);
	return ret;
}

/* The files that go along; the windows tell what of them. */
static int export_open_windows(struct export *export)
{
	struct space_exported *exported = export->exported;

	for (uint32_t i = 0; i < export->count; i++) {
		const struct object *object = export->items[i].object;

		if (export->items[i].window != exported->window_count + 1)
			continue;
		int fd = space_fail_at(SPACE_STEP_OBJECT)
			     ? -1
			     : fcntl(object->file->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return -EMFILE;
		exported->fds[exported->window_count] = fd;
		exported->windows[exported->window_count] = (struct object_window){
		    .id = OBJECT_ALONG + exported->window_count,
		    .kind = OBJECT_FROZEN,
		    .offset = object->offset,
		    .bytes = object->bytes,
		};
		exported->window_count++;
	}
	return 0;
}

static kern_return_t export_do(struct export *export)
{
	kern_return_t code = export_error(export, export_plan(export), "making memory objects");

	if (!code)
		code = export_error(export, copy_bases(export), "copying memory");
	if (!code)
		code = export_publish(export);
	if (code)
		return code;
	export_fork_prepare(export);
	if (export_needs_pause(export)) {
		code = export_error(export, export_pause(export), "stopping threads");
		if (!code)
			code = export_error(export, copy_instant(export), "copying memory");
		if (!code)
			code = export_publish(export);
	}
	if (!code)
		code =
		    export_error(export, export_open_windows(export), "opening the child's memory");
	if (!code)
		code = export_change(export);
	if (!code)
		code = export_error(export, export_fork(export), "forking the parent");
	return code;
}

/* Room for what the child's objects are held by; nothing can fail after export_do. */
static int export_reserve(struct export *export, struct space_exported *exported)
{
	struct space *space = export->space;
	uint32_t wanted = space->held_count + space->map.count;

	export->items = calloc(space->map.count + 1, sizeof(*export->items));
	export->buffer = malloc(EXPORT_COPY_BYTES);
	exported->regions = calloc(space->map.count + 1, sizeof(*exported->regions));
	if (!export->items || !export->buffer || !exported->regions)
		return -ENOMEM;
	if (wanted <= space->held_capacity)
		return 0;
	struct object **held = reallocarray(space->held, wanted, sizeof(*held));
	if (!held)
		return -ENOMEM;
	space->held = held;
	space->held_capacity = wanted;
	return 0;
}

static void export_describe(struct export *export, struct space_exported *exported)
{
	struct space *space = export->space;

	for (uint32_t i = 0; i < export->count; i++) {
		struct export_item *item = &export->items[i];
		const struct region *region = item->region;
		const struct export_rule *rule = export_rule(item->action);

		exported->regions[i] = (struct region_entry){
		    .start = region->start,
		    .bytes = region_bytes(region),
		    .protection = (uint32_t)region->protection,
		    .max_protection = (uint32_t)region->max_protection,
		    .inheritance = region->inheritance,
		    .behavior = (uint32_t)region->behavior,
		    .shared = rule->is_shared,
		    .mapping = rule->mapping,
		    .object = export_object_name(item),
		    .offset = rule->is_new ? 0 : region->offset,
		};
		if (item->window) {
			item->object->kind = OBJECT_FROZEN;
			continue;
		}
		space->held[space->held_count++] = item->object;
		item->object = NULL;
	}
	exported->region_count = export->count;
	exported->pause_ns = export->pause_ns;
	exported->is_forked = export->is_forking;
	space->exports_open++;
}

void export_free(struct export *export)
{
	free(export->items);
	free(export->buffer);
}

static void export_done(struct export *export)
{
	for (uint32_t i = 0; i < export->count; i++)
		if (export->items[i].object)
			space_object_put(export->space, export->items[i].object);
	export_free(export);
}

static kern_return_t export_locked(struct export *export, struct space_exported *exported)
{
	export->exported = exported;
	kern_return_t code =
	    export_error(export, export_reserve(export, exported), "preparing a child's memory");

	if (!code)
		code = export_do(export);
	if (code)
		export_undo(export);
	else
		export_commit(export);
	export_resume(export);
	aside_drop(&export->asides);
	export_fork_done(export);
	if (!code)
		export_describe(export, exported);
	export_done(export);
	space_releases_flush(export->space);
	return code;
}

kern_return_t space_export(struct space *space, const struct space_child *child,
			   struct space_exported *ret_exported, struct failure *ret_failure)
{
	struct space_exported exported = {0};
	struct export export = {
	    .space = space,
	    .mode = child->mode,
	    .is_here = child->is_here,
	    .forker = child->forker,
	    .failure = ret_failure,
	};
	enum export_mode mode = child->mode;
	kern_return_t code = KERN_SUCCESS;

	if (mode >= EXPORT_NUM_MODES) {
		failure_set(ret_failure, "there is no way %u to make a child's memory", mode);
		return KERN_INVALID_ARGUMENT;
	}
	failure_set(ret_failure, "the host is short of memory for the child");
	pthread_rwlock_wrlock(&space->lock);
	if (mode == EXPORT_EMPTY)
		space->exports_open++;
	else
		code = export_locked(&export, &exported);
	pthread_rwlock_unlock(&space->lock);
	if (code)
		space_exported_done(&exported);
	else
		*ret_exported = exported;
	return code;
}

/* Regions of the range as far as they reach into it. */
static kern_return_t range_prepare(struct space *space, struct vm_extent extent,
				   struct vm_range *ret_range, struct failure *failure)
{
	kern_return_t code = KERN_INVALID_ARGUMENT;

	if (extent.bytes > 0)
		code = vm_map_check_range(&space->map, extent.address, extent.bytes, ret_range);
	if (code) {
		failure_set(failure,
			    "not all of 0x%llx, %llu bytes, is allocated, or it is no range",
			    (unsigned long long)extent.address, (unsigned long long)extent.bytes);
		return code;
	}
	code = vm_map_clip(&space->map, *ret_range);
	if (code)
		failure_set(failure, "the task has too many regions to cut one in two");
	return code;
}

kern_return_t space_export_range(struct space *space, struct vm_extent extent, bool is_copy,
				 struct space_exported *ret_exported, struct failure *ret_failure)
{
	struct space_exported exported = {0};
	struct vm_range range;
	struct export export = {
	    .space = space,
	    .mode = is_copy ? EXPORT_CREATE : EXPORT_CLONE,
	    .range = &range,
	    .failure = ret_failure,
	};

	pthread_rwlock_wrlock(&space->lock);
	kern_return_t code = range_prepare(space, extent, &range, ret_failure);
	if (!code) {
		failure_set(ret_failure, "the host is short of memory for the mapping");
		code = export_locked(&export, &exported);
		vm_map_rejoin(&space->map, range);
	}
	pthread_rwlock_unlock(&space->lock);
	if (code)
		space_exported_done(&exported);
	else
		*ret_exported = exported;
	return code;
}

void space_exported_done(struct space_exported *exported)
{
	for (uint32_t i = 0; i < exported->window_count; i++)
		close(exported->fds[i]);
	free(exported->regions);
	*exported = (struct space_exported){0};
}

static void unshare_last(struct vm_map *map)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (map->regions[i].is_shared_last)
			map->regions[i].is_shared = false;
}

void space_export_end(struct space *space, enum export_fate fate)
{
	pthread_rwlock_wrlock(&space->lock);
	if (fate == EXPORT_FATE_REFUSED)
		unshare_last(&space->map);
	if (space->exports_open > 0 && --space->exports_open == 0) {
		for (uint32_t i = 0; i < space->held_count; i++)
			space_object_put(space, space->held[i]);
		space->held_count = 0;
	}
	space_releases_flush(space);
	pthread_rwlock_unlock(&space->lock);
}
