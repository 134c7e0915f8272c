/*
 * The address map of a task: ordered, non-overlapping regions and Mach's rules for changing them.
 * Pure: it touches no memory and makes no system call; whoever uses it carries the changes out on
 * the host.
 *
 * Operations on a range have two passes: the first checks everything and changes nothing, the
 * second cannot fail. Pointers to regions are valid until the next change of the map.
 */
#ifndef MEMORY_VM_MAP_H
#define MEMORY_VM_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mach/kern_return.h"
#include "mach/vm_behavior.h"
#include "mach/vm_inherit.h"
#include "mach/vm_prot.h"
#include "message/message.h"

/* What fits one vmm_export message: a task with more could not have children. */
#define VM_MAP_REGIONS_MAX EXPORT_MAX_REGIONS

struct object;

struct region {
	uint64_t start;
	uint64_t end;
	vm_prot_t protection;
	vm_prot_t max_protection;
	vm_inherit_t inheritance;
	vm_behavior_t behavior;
	uint32_t user_wired_count;
	enum region_mapping mapping;
	bool is_shared;	     /* with another task, by inheritance or clone */
	bool is_shared_last; /* and only since the last export (space_export_end) */
	bool is_reported;    /* the pager was told of this mapping */
	struct object *object;
	uint64_t offset; /* of start, in the object */
};

struct vm_map {
	uint64_t min;
	uint64_t max;
	uint32_t count;
	struct region regions[VM_MAP_REGIONS_MAX]; /* ascending */
};

/* A page-aligned range. */
struct vm_range {
	uint64_t start;
	uint64_t end;
};

/* An empty map of [min, max), both page-aligned. */
void vm_map_init(struct vm_map *map, uint64_t min, uint64_t max);

/* Every page that holds a byte of [address, address + bytes). Return: false when the end wraps. */
bool vm_range_of(uint64_t address, uint64_t bytes, struct vm_range *ret_range);

/* Index of the region that contains address or else of the next above it; map->count if none. */
uint32_t vm_map_find(const struct vm_map *map, uint64_t address);
/* The region that contains address, or NULL. */
struct region *vm_map_at(struct vm_map *map, uint64_t address);

/* Lowest hole of at least `bytes` (page-aligned, not 0). Return: false when there is none. */
bool vm_map_find_space(const struct vm_map *map, uint64_t bytes, uint64_t *ret_start);

/* Where vm_allocate would put a region: KERN_SUCCESS and *ret_range, or the call's error. bytes is
 * not 0. */
kern_return_t vm_map_place_anywhere(const struct vm_map *map, uint64_t bytes,
				    struct vm_range *ret_range);
/* The same for vm_map: the first at or above `from`, else the first of all, whose address has no
 * bit of mask. */
kern_return_t vm_map_place_masked(const struct vm_map *map, uint64_t from, uint64_t bytes,
				  uint64_t mask, struct vm_range *ret_range);
kern_return_t vm_map_place_fixed(const struct vm_map *map, uint64_t address, uint64_t bytes,
				 struct vm_range *ret_range);

/* Adds a region where there is a hole; its object's reference becomes the map's.
 * Return: KERN_SUCCESS, KERN_NO_SPACE (overlap), KERN_RESOURCE_SHORTAGE (map full). */
kern_return_t vm_map_insert(struct vm_map *map, const struct region *region);

/* How many regions more there will be after vm_map_clip_range. */
uint32_t vm_map_clip_cost(const struct vm_map *map, struct vm_range range);
/* Splits regions so that none crosses an edge of range; new parts get references to their objects.
 * Return: KERN_SUCCESS, or KERN_RESOURCE_SHORTAGE and nothing changed. */
kern_return_t vm_map_clip(struct vm_map *map, struct vm_range range);
/* Joins neighbours within and next to range that differ in nothing and continue each other in their
 * object. References that are no longer needed are dropped (never the last one). */
void vm_map_rejoin(struct vm_map *map, struct vm_range range);

/* Takes out all regions inside range, which must be clipped to; the caller unmaps and drops them
 * first. */
void vm_map_cut(struct vm_map *map, struct vm_range range);

/*
 * The pages of a range that a call changes, all of which must be in regions. bytes 0: an empty
 * range, at an address that must be in a region all the same. Return: KERN_SUCCESS,
 * KERN_INVALID_ADDRESS.
 */
kern_return_t vm_map_check_range(const struct vm_map *map, uint64_t address, uint64_t bytes,
				 struct vm_range *ret_range);
/* Is every page of range in a region? */
bool vm_map_is_covered(const struct vm_map *map, struct vm_range range);

/*
 * May every page of [address, address + bytes) be accessed so? In address order:
 * KERN_INVALID_ADDRESS (hole, wrap), KERN_PROTECTION_FAILURE. KERN_SUCCESS for 0 bytes.
 */
kern_return_t vm_map_check_access(const struct vm_map *map, uint64_t address, uint64_t bytes,
				  vm_prot_t access);

/*
 * vm_inherit. vm_protect in two halves, as the host's protections change between: check gives the
 * range clipped to whole regions (empty when there is nothing to do), apply changes what the
 * regions say.
 */
kern_return_t vm_map_inherit(struct vm_map *map, uint64_t address, uint64_t bytes,
			     vm_inherit_t inheritance);
kern_return_t vm_map_protect_check(struct vm_map *map, uint64_t address, uint64_t bytes,
				   vm_prot_t protection, struct vm_range *ret_range);
/* What the current protection of a region becomes by vm_protect. */
vm_prot_t vm_region_protected(const struct region *region, vm_prot_t protection, bool set_maximum);
void vm_map_protect_apply(struct vm_map *map, struct vm_range range, vm_prot_t protection,
			  bool set_maximum);

kern_return_t vm_map_behavior(struct vm_map *map, uint64_t address, uint64_t bytes,
			      vm_behavior_t behavior);

/* How deep vm_wire nests: what vm_region can report. */
#define VM_MAP_WIRED_MAX 65535u

/*
 * The checks of vm_wire and the range clipped to whole regions; the counts do not change yet.
 * access VM_PROT_NONE: it is about unwiring. Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT,
 * KERN_INVALID_ADDRESS, KERN_PROTECTION_FAILURE; KERN_FAILURE (wired too often);
 * KERN_RESOURCE_SHORTAGE.
 */
kern_return_t vm_map_wire_check(struct vm_map *map, uint64_t address, uint64_t bytes,
				vm_prot_t access, struct vm_range *ret_range);

/* Bytes of range that are in regions. */
uint64_t vm_map_bytes_inside(const struct vm_map *map, struct vm_range range);
/* Sum of the sizes of all regions. */
uint64_t vm_map_virtual_bytes(const struct vm_map *map);

#endif
