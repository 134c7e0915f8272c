/*
 * What an export changes in the parent, and how a failed one is taken back.
 *
 * All of it happens while threads stand still. Only a fork can still fail once the pager knows of
 * the new mappings; undoing takes them from it before it puts the old ones back.
 */
#include "export.h"
#include "host_map.h"

static bool item_is_unreported(const struct export_item *item)
{
	return item->region->is_reported && export_rule(item->action)->is_adopted;
}

/* One request for each run of neighbours, however many regions change. */
static kern_return_t unreport_all(struct export *export)
{
	struct export_item *end = export->items + export->count;

	for (struct export_item *item = export->items; item < end; item++) {
		const struct region *first = item->region;
		const struct region *last = first;

		if (!item_is_unreported(item))
			continue;
		if (space_fail_at(SPACE_STEP_UNREPORT))
			return KERN_RESOURCE_SHORTAGE;
		item->is_unreported = true;
		while (item + 1 < end && item[1].region == last + 1 &&
		       item_is_unreported(item + 1)) {
			item++;
			item->is_unreported = true;
			last = item->region;
		}
		kern_return_t code = space_unreport(export->space, first, last);
		if (code)
			return code;
	}
	return KERN_SUCCESS;
}

static int remap(struct export *export, const struct export_item *item)
{
	struct machine *machine = export->space->machine;
	const struct region *region = item->region;

	/* Every page is in the object's file; of an overlay that would not be true. */
	if (item->action == EXPORT_FREEZE)
		aside_move(&export->asides, machine_hva(machine, region->start),
			   region_bytes(region));
	return host_map_object(machine, region, item->object, 0,
			       export_rule(item->action)->mapping);
}

static kern_return_t remap_all(struct export *export)
{
	for (uint32_t i = 0; i < export->count; i++) {
		struct export_item *item = &export->items[i];
		const struct export_rule *rule = export_rule(item->action);

		if (!rule->is_remapped)
			continue;
		if (space_fail_at(SPACE_STEP_REMAP) || remap(export, item)) {
			failure_set(export->failure,
				    "the host has no memory for the mapping at 0x%llx",
				    (unsigned long long)item->region->start);
			return KERN_RESOURCE_SHORTAGE;
		}
		item->is_remapped = true;
	}
	return KERN_SUCCESS;
}

static bool item_is_to_report(const struct export_item *item)
{
	return export_rule(item->action)->is_adopted && !item->window;
}

static kern_return_t report_all(struct export *export)
{
	_Static_assert(VM_MAP_REGIONS_MAX <= EXPORT_MAX_REGIONS, "one request reports them all");
	struct object_mapping *mappings = (struct object_mapping *)export->buffer;
	uint32_t count = 0;

	for (uint32_t i = 0; i < export->count; i++) {
		const struct export_item *item = &export->items[i];

		if (!item_is_to_report(item))
			continue;
		mappings[count++] = (struct object_mapping){
		    .object = item->object->id,
		    .address = space_hva(export->space, item->region->start),
		    .bytes = region_bytes(item->region),
		};
	}
	if (count == 0)
		return KERN_SUCCESS;
	if (space_fail_at(SPACE_STEP_REPORT))
		return KERN_RESOURCE_SHORTAGE;
	kern_return_t code = pager_map(&export->space->pager, mappings, count, export->failure);
	export->is_reported = !code;
	return code;
}

kern_return_t export_change(struct export *export)
{
	kern_return_t code = unreport_all(export);

	if (!code)
		code = remap_all(export);
	return code ? code : report_all(export);
}

/* Puts the region on an object, whose reference it takes; the pager does not know of this mapping.
 */
static void region_adopt(struct space *space, struct region *region, struct object *take_object,
			 enum region_mapping mapping)
{
	space_object_put(space, region->object);
	region->object = take_object;
	region->offset = 0;
	region->mapping = mapping;
	region->is_reported = false;
}

/*
 * Remapping took the overlay's pages away, but the new object has them: it becomes the region's
 * own, unpublished. If even that cannot be mapped, the mapping stays private over it, which the
 * next export understands.
 */
static void undo_copied(struct export *export, struct export_item *item)
{
	struct space *space = export->space;
	int ret = host_map_object(space->machine, item->region, item->object, 0, REGION_SHARED);
	enum region_mapping mapped = export_rule(item->action)->mapping;

	if (item->object->id)
		space_release_queue(space, item->object->id);
	item->object->id = 0;
	item->object->kind = 0;
	object_get(item->object);
	region_adopt(space, item->region, item->object, ret ? mapped : REGION_SHARED);
}

static void undo_remapped(struct export *export, struct export_item *item)
{
	if (export_rule(item->action)->is_copied)
		undo_copied(export, item);
	else if (host_map_region(export->space->machine, item->region))
		item->region->mapping = REGION_PRIVATE;
}

/* A whole mapping: a pager that is there never refuses to let go of one. */
static void undo_reports(const struct export *export)
{
	struct space *space = export->space;
	struct failure ignored;

	for (uint32_t i = 0; i < export->count; i++) {
		const struct export_item *item = &export->items[i];

		if (item_is_to_report(item))
			pager_unmap(&space->pager, space_hva(space, item->region->start),
				    region_bytes(item->region), &ignored);
	}
}

void export_undo(struct export *export)
{
	if (export->is_reported)
		undo_reports(export);
	for (uint32_t i = 0; i < export->count; i++) {
		struct export_item *item = &export->items[i];

		if (item->is_remapped)
			undo_remapped(export, item);
		else if (item->is_unreported)
			space_report_again(export->space, region_range(item->region));
	}
}

/* Only the last export can still be refused. */
static void share_all(struct export *export)
{
	struct vm_map *map = &export->space->map;

	for (uint32_t i = 0; i < map->count; i++)
		map->regions[i].is_shared_last = false;
	for (uint32_t i = 0; i < export->count; i++) {
		struct region *region = export->items[i].region;

		if (!export_rule(export->items[i].action)->is_shared)
			continue;
		region->is_shared_last = !region->is_shared;
		region->is_shared = true;
	}
}

void export_commit(struct export *export)
{
	for (uint32_t i = 0; i < export->count; i++) {
		struct export_item *item = &export->items[i];
		const struct export_rule *rule = export_rule(item->action);

		if (rule->is_adopted) {
			object_get(item->object);
			region_adopt(export->space, item->region, item->object, rule->mapping);
			item->region->is_reported = !item->window;
		}
	}
	share_all(export);
}
