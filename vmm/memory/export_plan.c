/*
 * Which regions a child gets and what has to be done for each.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "export.h"
#include "page_scan.h"

static const struct export_rule rules[] = {
    [EXPORT_SHARE_NEW] = {.kind = OBJECT_COHERENT,
			  .mapping = REGION_SHARED,
			  .is_new = true,
			  .is_adopted = true,
			  .is_shared = true},
    [EXPORT_SHARE_AGAIN] = {.mapping = REGION_SHARED, .is_shared = true},
    [EXPORT_FREEZE] = {.kind = OBJECT_FROZEN,
		       .mapping = REGION_PRIVATE,
		       .is_new = true,
		       .is_adopted = true,
		       .is_remapped = true,
		       .is_instant = true},
    [EXPORT_COPY] = {.kind = OBJECT_FROZEN,
		     .mapping = REGION_PRIVATE,
		     .is_new = true,
		     .is_copied = true,
		     .is_instant = true},
    [EXPORT_SAME_FROZEN] = {.mapping = REGION_PRIVATE, .is_instant = true},
    [EXPORT_NARROW] = {.kind = OBJECT_FROZEN,
		       .mapping = REGION_PRIVATE,
		       .is_new = true,
		       .is_adopted = true,
		       .is_instant = true},
    [EXPORT_REFREEZE] = {.kind = OBJECT_FROZEN,
			 .mapping = REGION_PRIVATE,
			 .is_new = true,
			 .is_copied = true,
			 .is_adopted = true,
			 .is_remapped = true,
			 .is_instant = true},
    [EXPORT_FORK] = {.mapping = REGION_FORKED, .is_instant = true},
    [EXPORT_UNFREEZE] = {.kind = OBJECT_COHERENT,
			 .mapping = REGION_SHARED,
			 .is_new = true,
			 .is_copied = true,
			 .is_adopted = true,
			 .is_remapped = true,
			 .is_shared = true,
			 .is_instant = true},
};

_Static_assert(sizeof(rules) / sizeof(rules[0]) == EXPORT_NUM_ACTIONS, "a rule for every action");

const struct export_rule *export_rule(enum export_action action)
{
	return &rules[action];
}

/* Does a private region have pages of its own? Return: 0 and *ret_dirty, or -errno. */
static int region_is_dirty(const struct space *space, const struct region *region, bool *ret_dirty)
{
	uint64_t start = space_hva(space, region->start);
	struct page_run run;
	int count = page_scan_next(space->pagemap_fd, PAGE_SCAN_OVERLAY, &start,
				   space_hva(space, region->end), &run, 1);

	if (count < 0)
		return count;
	*ret_dirty = count > 0;
	return 0;
}

static bool region_is_given(const struct export *export, const struct region *region)
{
	if (export->range)
		return region->start >= export->range->start && region->end <= export->range->end;
	return export->mode == EXPORT_CLONE || region->inheritance != VM_INHERIT_NONE;
}

static bool region_is_to_share(const struct export *export, const struct region *region)
{
	if (export->mode == EXPORT_CLONE)
		return true;
	return !export->range && region->inheritance == VM_INHERIT_SHARE;
}

/* A private region's action when it is found clean. */
static enum export_action action_clean(const struct export *export, const struct region *region)
{
	bool is_along = export->is_here && region->object->is_ours;

	return region->object->id || is_along ? EXPORT_SAME_FROZEN : EXPORT_NARROW;
}

static int action_choose(const struct export *export, const struct region *region,
			 enum export_action *ret_action)
{
	bool is_dirty;

	if (region_is_to_share(export, region)) {
		if (region->mapping == REGION_PRIVATE)
			*ret_action = EXPORT_UNFREEZE;
		else
			*ret_action = region->object->id ? EXPORT_SHARE_AGAIN : EXPORT_SHARE_NEW;
		return 0;
	}
	if (region->user_wired_count > 0) {
		*ret_action = EXPORT_COPY;
		return 0;
	}
	if (region->mapping == REGION_SHARED) {
		*ret_action = region->object->id ? EXPORT_COPY : EXPORT_FREEZE;
		return 0;
	}
	int ret = region_is_dirty(export->space, region, &is_dirty);
	*ret_action = !ret && is_dirty ? EXPORT_REFREEZE : action_clean(export, region);
	return ret;
}

/* How much of an object the child gets through regions that map it as it is. */
static uint64_t object_given_bytes(const struct export *export, const struct object *object)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < export->count; i++) {
		const struct export_item *item = &export->items[i];

		if (item->action == EXPORT_SAME_FROZEN && item->region->object == object)
			sum += region_bytes(item->region);
	}
	return sum;
}

/*
 * A frozen object may be fetched whole by another host. When the parent keeps part of it to itself,
 * each region gets a window of its own: cheap when the file is ours, a copy when its pages may be
 * elsewhere. What goes along to a child on this host does not meet a pager at all.
 */
static void plan_narrow(struct export *export)
{
	for (uint32_t i = 0; i < export->count; i++) {
		struct export_item *item = &export->items[i];
		const struct object *object = item->region->object;

		if (item->action != EXPORT_SAME_FROZEN || (export->is_here && object->is_ours) ||
		    object_given_bytes(export, object) >= object->bytes)
			continue;
		/* The others of this object then see it not given whole either. */
		item->action = object->is_ours ? EXPORT_NARROW : EXPORT_REFREEZE;
	}
}

/* The object that the child gets. Return: 0 or -errno. */
static int item_prepare(struct export *export, struct export_item *item)
{
	const struct export_rule *rule = export_rule(item->action);
	const struct region *region = item->region;
	int ret;

	if (item->object && item->prepared == item->action)
		return 0;
	if (item->object)
		space_object_put(export->space, take_ptr(item->object));
	item->prepared = item->action;
	if (!rule->is_new) {
		item->object = region->object;
		object_get(item->object);
		return 0;
	}
	if (space_fail_at(SPACE_STEP_OBJECT))
		return -ENOMEM;
	if (rule->is_copied)
		ret = object_new(region->start, region_bytes(region), &item->object);
	else
		ret = object_new_window(region->object, region->offset, region_bytes(region),
					&item->object);
	if (!ret)
		item->object->kind = rule->kind;
	return ret;
}

static int prepare_all(struct export *export)
{
	export_fork_plan(export);
	for (uint32_t i = 0; i < export->count; i++) {
		int ret = item_prepare(export, &export->items[i]);

		if (ret)
			return ret;
	}
	export_plan_windows(export);
	return 0;
}

uint64_t export_object_name(const struct export_item *item)
{
	return item->window ? OBJECT_ALONG + item->window - 1 : item->object->id;
}

static uint32_t window_of(const struct export *export, uint32_t count, const struct object *object)
{
	for (uint32_t i = 0; i < count; i++)
		if (export->items[i].window && export->items[i].object == object)
			return export->items[i].window;
	return 0;
}

void export_plan_windows(struct export *export)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < export->count; i++) {
		struct export_item *item = &export->items[i];

		item->window = 0;
		if (!export->is_here || !item->object->is_ours ||
		    export_rule(item->action)->mapping == REGION_SHARED)
			continue;
		item->window = window_of(export, i, item->object);
		if (!item->window)
			item->window = ++last;
	}
}

static uint32_t count_given(const struct export *export)
{
	const struct vm_map *map = &export->space->map;
	uint32_t count = 0;

	for (uint32_t i = 0; i < map->count; i++)
		count += region_is_given(export, &map->regions[i]);
	return count;
}

int export_plan(struct export *export)
{
	struct vm_map *map = &export->space->map;

	/* More files than fit into a message go by way of the pager. */
	if (count_given(export) > MESSAGE_MAX_FDS - FORKED_FDS)
		export->is_here = false;
	for (uint32_t i = 0; i < map->count; i++) {
		struct export_item *item = &export->items[export->count];

		if (!region_is_given(export, &map->regions[i]))
			continue;
		item->region = &map->regions[i];
		int ret = action_choose(export, item->region, &item->action);
		if (ret)
			return ret;
		export->count++;
	}
	plan_narrow(export);
	int ret = export_fork_choose(export);
	return ret ? ret : prepare_all(export);
}

int export_replan(struct export *export)
{
	for (uint32_t i = 0; i < export->count; i++) {
		struct export_item *item = &export->items[i];
		bool is_dirty = false;

		if (item->action != EXPORT_SAME_FROZEN && item->action != EXPORT_NARROW)
			continue;
		int ret = region_is_dirty(export->space, item->region, &is_dirty);
		if (ret)
			return ret;
		if (is_dirty)
			item->action = EXPORT_REFREEZE;
	}
	plan_narrow(export);
	return prepare_all(export);
}
