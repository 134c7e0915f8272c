/*
 * Bytes in and out of a task, and questions about its memory that change nothing.
 */
#include "host_map.h"
#include "page_scan.h"
#include "space_internal.h"

#define RESIDENT_RUNS 128u

kern_return_t space_read(struct space *space, uint64_t address, void *buffer, uint64_t bytes)
{
	pthread_rwlock_rdlock(&space->lock);
	kern_return_t code = vm_map_check_access(&space->map, address, bytes, VM_PROT_READ);
	/* All is mapped and readable, so what stops the copy is a lost page. */
	if (!code && guest_copy_in(space->machine, address, buffer, bytes) && bytes)
		code = KERN_MEMORY_ERROR;
	pthread_rwlock_unlock(&space->lock);
	return code;
}

kern_return_t space_write(struct space *space, uint64_t address, const void *data, uint64_t bytes,
			  uint64_t check_address, uint64_t check_bytes)
{
	if (check_bytes == 0) {
		check_address = address;
		check_bytes = bytes;
	}
	if (address < check_address || bytes > check_bytes ||
	    address - check_address > check_bytes - bytes)
		return KERN_INVALID_ADDRESS;
	pthread_rwlock_rdlock(&space->lock);
	kern_return_t code =
	    vm_map_check_access(&space->map, check_address, check_bytes, VM_PROT_WRITE);
	if (!code && guest_copy_out(space->machine, address, data, bytes) && bytes)
		code = KERN_MEMORY_ERROR;
	pthread_rwlock_unlock(&space->lock);
	return code;
}

int space_copy_in(struct space *space, uint64_t address, void *buffer, size_t bytes)
{
	pthread_rwlock_rdlock(&space->lock);
	int ret = guest_copy_in(space->machine, address, buffer, bytes);
	pthread_rwlock_unlock(&space->lock);
	return ret;
}

int space_copy_out(struct space *space, uint64_t address, const void *data, size_t bytes)
{
	pthread_rwlock_rdlock(&space->lock);
	int ret = guest_copy_out(space->machine, address, data, bytes);
	pthread_rwlock_unlock(&space->lock);
	return ret;
}

bool space_protection_at(void *context, uint64_t address, vm_prot_t *ret_protection)
{
	struct space *space = context;

	pthread_rwlock_rdlock(&space->lock);
	const struct region *region = vm_map_at(&space->map, address);
	if (region)
		*ret_protection = region->protection;
	pthread_rwlock_unlock(&space->lock);
	return region != NULL;
}

uint64_t space_virtual_bytes(struct space *space)
{
	pthread_rwlock_rdlock(&space->lock);
	uint64_t bytes = vm_map_virtual_bytes(&space->map);
	pthread_rwlock_unlock(&space->lock);
	return bytes;
}

static uint64_t region_resident(const struct space *space, const struct region *region)
{
	uint64_t start = space_hva(space, region->start);
	uint64_t end = space_hva(space, region->end);
	uint64_t sum = 0;

	while (start < end) {
		struct page_run runs[RESIDENT_RUNS];
		int count = page_scan_next(space->pagemap_fd, PAGE_SCAN_MAPPED, &start, end, runs,
					   RESIDENT_RUNS);

		for (int i = 0; i < count; i++)
			sum += runs[i].end - runs[i].start;
		if (count < 0)
			break;
	}
	return sum;
}

uint64_t space_resident_bytes(struct space *space)
{
	uint64_t sum = 0;

	pthread_rwlock_rdlock(&space->lock);
	for (uint32_t i = 0; i < space->map.count; i++)
		sum += region_resident(space, &space->map.regions[i]);
	pthread_rwlock_unlock(&space->lock);
	return sum;
}
