/*
 * Carries regions out as mappings inside the machine's reservation. It decides nothing.
 */
#ifndef MEMORY_HOST_MAP_H
#define MEMORY_HOST_MAP_H

#include "machine.h"
#include "vm_map.h"

/* Puts a region's object at the region's addresses, over whatever is there. The host's protection
 * follows the region's. Return: 0 or -errno; then what was mapped before is still there. */
int host_map_region(struct machine *machine, const struct region *region);
/* The same with another object or protection than the region says. */
int host_map_object(struct machine *machine, const struct region *region,
		    const struct object *object, uint64_t offset, enum region_mapping mapping);

/* Keeps a wired region's pages in this host's memory, after a mapping of it was made. Its pages
 * were here before; a host that has become short of memory may page them out. */
void host_wire_again(struct machine *machine, const struct region *region);
/* Brings all pages of a range into memory and keeps them. Waits for pages of other hosts. Return: 0
 * or -errno (-EAGAIN, -ENOMEM: the host has no memory for it; -EIO: a page is lost). */
int host_wire(struct machine *machine, struct vm_range range);
void host_unwire(struct machine *machine, struct vm_range range);

/* Makes a range a hole. Return: 0 or -errno. */
int host_unmap(struct machine *machine, struct vm_range range);

/* Return: 0 or -errno; a failure may have changed part of the range. */
int host_protect(struct machine *machine, struct vm_range range, vm_prot_t protection);

#endif
