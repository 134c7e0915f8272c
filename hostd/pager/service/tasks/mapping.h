/*
 * Where the VMMs of this host map objects: ranges of a VMM's addresses, sorted per VMM, listed per
 * object. Ranges of one VMM never overlap.
 */
#ifndef SERVICE_MAPPING_H
#define SERVICE_MAPPING_H

#include <sys/queue.h>

#include "pager/service/tasks/object.h"

#define MAPPINGS_MAX_PER_VMM 16384u

struct mapping {
	struct vmm *vmm;
	struct object *object;
	uint64_t address, bytes;
	uint64_t first_page; /* of the object, at address */
	/* Where the next fault is expected while a thread fills or reads pages in sequence. */
	uint64_t grow_next;
	uint32_t grow_pages;
	/* The same while one reads pages of other hosts: the last that it missed, what was asked
	 * for. */
	uint64_t read_last, read_end;
	uint32_t read_pages;
	LIST_ENTRY(mapping) of_object;
};

/* Sorted by address. Owned by a VMM. */
struct mapping_table {
	struct mapping **entries;
	size_t count, capacity;
};

/* Return: the mapping that contains address, or NULL. */
struct mapping *mapping_at(const struct mapping_table *table, uint64_t address);
/* Return: the first mapping that ends above address, or NULL. */
struct mapping *mapping_from(const struct mapping_table *table, uint64_t address);
/*
 * Adds a range; the caller has checked it against the object.
 * Return: 0, -EEXIST (overlaps another), -ENOSPC (too many), -ENOMEM.
 */
int mapping_add(struct mapping_table *table, const struct mapping *mapping,
		struct mapping **ret_mapping);
/*
 * Forgets [address, address + bytes), cutting ranges that reach out of it.
 * Return: 0, or -ENOMEM or -ENOSPC when a range could not be cut in two (nothing changed).
 */
int mapping_remove(struct mapping_table *table, uint64_t address, uint64_t bytes);
/* Forgets and frees everything. */
void mapping_table_done(struct mapping_table *table);

static inline uint64_t mapping_pages(const struct mapping *mapping)
{
	return mapping->bytes / PAGE_BYTES;
}

static inline bool mapping_has_page(const struct mapping *mapping, uint64_t page)
{
	return page >= mapping->first_page && page - mapping->first_page < mapping_pages(mapping);
}

/* The VMM's address of an object's page, which the mapping has. */
static inline uint64_t mapping_address(const struct mapping *mapping, uint64_t page)
{
	return mapping->address + (page - mapping->first_page) * PAGE_BYTES;
}

#endif
