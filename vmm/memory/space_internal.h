/*
 * struct space for the files that make it up; nobody else includes this. Functions here expect the
 * space's lock to be held for writing.
 */
#ifndef MEMORY_SPACE_INTERNAL_H
#define MEMORY_SPACE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "machine.h"
#include "object.h"
#include "pager_client.h"
#include "poisoner.h"
#include "space.h"
#include "vm_map.h"

/* A private mapping that a fork takes along, described as the region entry of it is. */
struct kept_mapping {
	struct vm_range range;
	uint64_t object;
	uint64_t offset;
	bool is_claimed; /* by a region entry: it becomes a region */
};

struct space {
	struct machine *machine; /* borrowed */
	struct space_pauser pauser;
	pthread_rwlock_t lock; /* guards all below */
	struct vm_map map;
	atomic_uint_fast64_t limit_bytes; /* 0: none; set without the lock */
	int cell;			  /* memory_cell.h; set once, by vmm_become */
	struct pager_client pager;
	struct poisoner *poisoner; /* once the pager is lost */
	int pagemap_fd;
	/* Objects that must outlive our own use of them until a child has them. */
	struct object **held;
	uint32_t held_count;
	uint32_t held_capacity;
	uint32_t exports_open;
	/* While forking, and then in the child until space_import; ascending. */
	struct kept_mapping *kept;
	uint32_t kept_count;
	/* Last references given up, not yet told to the pager. */
	struct object_id releases[MESSAGE_MAX_FDS];
	uint32_t release_count;
};

static inline uint64_t space_hva(const struct space *space, uint64_t address)
{
	return (uintptr_t)machine_hva(space->machine, address);
}

/* An address of the reservation that is never mapped: what userfault_is_registered asks for. */
static inline uint64_t space_nothing(const struct space *space)
{
	return space_hva(space, 0);
}

static inline uint64_t region_bytes(const struct region *region)
{
	return region->end - region->start;
}

static inline struct vm_range region_range(const struct region *region)
{
	return (struct vm_range){region->start, region->end};
}

/* Return: 0 or -errno. */
int space_lock_init(struct space *space);

/* Would the task have more than it may if range became one of its regions? */
bool space_is_over_limit(const struct space *space, struct vm_range range);

/* Where a region goes. Return: KERN_SUCCESS, or vm_map's error. */
kern_return_t space_find_place(const struct space *space, const struct space_place_request *place,
			       uint64_t bytes, struct vm_range *ret_range);

/* Does the pager serve faults in this region (or did it, before it died)? */
bool space_region_is_served(const struct space *space, const struct region *region);

/* Drops a reference; the pager is told by space_releases_flush at the end of the operation. */
void space_object_put(struct space *space, struct object *object);
void space_release_queue(struct space *space, uint64_t id);
void space_releases_flush(struct space *space);

/* Tells the pager before the mappings of [first, last] change.
 * Return: KERN_SUCCESS, also when the pager is gone; KERN_RESOURCE_SHORTAGE: it goes on with them.
 */
kern_return_t space_unreport(struct space *space, const struct region *first,
			     const struct region *last);
/* Tells it again about those of range that it knew before, when they did not change after all. */
void space_report_again(struct space *space, struct vm_range range);

/* Puts a region into the map and on the host, replacing what is there. Takes the reference of its
 * object on success. Return: KERN_SUCCESS, KERN_RESOURCE_SHORTAGE and nothing changed. */
kern_return_t space_place(struct space *space, const struct region *region);
/* The same with a new zero-filled object. */
kern_return_t space_place_new(struct space *space, const struct region *region);
kern_return_t space_remove(struct space *space, struct vm_range range);

/* In the child, first of all: unmaps what it is not to have, lets go of what was the parent's. */
void space_forget_after_fork(struct space *space);
enum kept_choice { KEPT_UNCLAIMED, KEPT_ALL };
/* Unmaps what the fork kept, all of it or what no entry claims. */
void space_kept_unmap(const struct space *space, enum kept_choice which);
/*
 * Entries that are REGION_FORKED must be what the fork kept, exactly; what else it kept goes,
 * before anything takes its place. Return: KERN_SUCCESS, KERN_INVALID_ARGUMENT with a sentence.
 */
kern_return_t space_kept_claim(struct space *space, const struct region_entry *entries,
			       uint32_t count, struct failure *ret_failure);
/* As space_place, where the mapping is there already. */
kern_return_t space_kept_place(struct space *space, const struct region *region);
/* What the fork kept are regions by now, or gone. */
void space_kept_forget(struct space *space);

/* A region with vm_allocate's attributes and no object. */
struct region region_default(struct vm_range range);

/* Steps of an export or import that tests make fail. */
enum space_step {
	SPACE_STEP_OBJECT,   /* make a memory object */
	SPACE_STEP_PUBLISH,  /* tell the pager of objects */
	SPACE_STEP_PAUSE,    /* stop the threads */
	SPACE_STEP_COPY,     /* copy bytes */
	SPACE_STEP_UNREPORT, /* tell the pager that mappings go */
	SPACE_STEP_REMAP,    /* change mappings */
	SPACE_STEP_REPORT,   /* tell the pager of mappings */
	SPACE_STEP_FORK,     /* fork the process */
	SPACE_STEP_ATTACH,   /* get objects from the pager */
	SPACE_STEP_WIRE,     /* keep pages in memory */
	SPACE_NUM_STEPS,
};

#ifdef SPACE_FAILURE_INJECTION
/* Defined by the test. Return: true to make this step fail, as if the host were out of memory. */
bool space_fail_at(enum space_step step);
#else
static inline bool space_fail_at(enum space_step step)
{
	(void)step;
	return false;
}
#endif

#endif
