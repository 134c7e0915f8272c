/*
 * mmap and mprotect inside the reservation. KVM follows through its MMU notifier; memory slots
 * never change here.
 */
#include "host_map.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/shmem.h"
#include "object.h"

/*
 * Execute permission is only recorded: second-level tables under KVM-PVM cannot enforce it, and KVM
 * reads instructions as data. On x86 a writable page is readable.
 */
static int host_protection(vm_prot_t protection)
{
	if (protection & VM_PROT_WRITE)
		return PROT_READ | PROT_WRITE;
	return protection ? PROT_READ : PROT_NONE;
}

/*
 * Memory that this task fills comes in huge pages where the host lets those have it who ask
 * (transparent_hugepage/shmem_enabled = advise): stopping to copy it, and handing it on, then costs
 * 512 times fewer steps. Elsewhere the advice means nothing. A private mapping gets no such memory.
 */
static void advise_huge(void *hva, uint64_t bytes)
{
	uint64_t first = (uintptr_t)hva + HUGE_PAGE_BYTES - 1;

	if (first - first % HUGE_PAGE_BYTES + HUGE_PAGE_BYTES <= (uintptr_t)hva + bytes)
		madvise(hva, bytes, MADV_HUGEPAGE);
}

int host_map_object(struct machine *machine, const struct region *region,
		    const struct object *object, uint64_t offset, enum region_mapping mapping)
{
	uint64_t bytes = region->end - region->start;
	int flags = mapping == REGION_SHARED ? MAP_SHARED : MAP_PRIVATE;

	void *hva = mmap(machine_hva(machine, region->start), bytes,
			 host_protection(region->protection), flags | MAP_FIXED | MAP_NORESERVE,
			 object->file->fd, (off_t)object_file_offset(object, offset));
	if (hva == MAP_FAILED)
		return -errno;
	if (mapping == REGION_SHARED)
		advise_huge(hva, bytes);
	host_wire_again(machine, region);
	return 0;
}

void host_wire_again(struct machine *machine, const struct region *region)
{
	if (region->user_wired_count > 0)
		mlock2(machine_hva(machine, region->start), region->end - region->start,
		       MLOCK_ONFAULT);
}

int host_wire(struct machine *machine, struct vm_range range)
{
	void *hva = machine_hva(machine, range.start);
	uint64_t bytes = range.end - range.start;

	if (mlock2(hva, bytes, MLOCK_ONFAULT) < 0)
		return -errno;
	/* mlock would not say why a page could not be had. */
	if (madvise(hva, bytes, MADV_POPULATE_READ) == 0)
		return 0;
	return errno == EHWPOISON || errno == EFAULT ? -EIO : -errno;
}

void host_unwire(struct machine *machine, struct vm_range range)
{
	munlock(machine_hva(machine, range.start), range.end - range.start);
}

int host_map_region(struct machine *machine, const struct region *region)
{
	return host_map_object(machine, region, region->object, region->offset, region->mapping);
}

int host_unmap(struct machine *machine, struct vm_range range)
{
	void *hva = mmap(machine_hva(machine, range.start), range.end - range.start, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	return hva == MAP_FAILED ? -errno : 0;
}

int host_protect(struct machine *machine, struct vm_range range, vm_prot_t protection)
{
	if (mprotect(machine_hva(machine, range.start), range.end - range.start,
		     host_protection(protection)) < 0)
		return -errno;
	return 0;
}
