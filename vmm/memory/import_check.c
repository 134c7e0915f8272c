/*
 * Is the description of a child's memory whole and possible?
 */
#include "base/checked.h"
#include "import.h"

static kern_return_t entry_check(const struct region_entry *entry, uint64_t previous_end,
				 uint64_t *ret_end)
{
	uint64_t unused;

	if (!is_page_aligned(entry->start) || !is_page_aligned(entry->bytes) || entry->bytes == 0 ||
	    !checked_add_u64(entry->start, entry->bytes, ret_end))
		return KERN_INVALID_ADDRESS;
	if (entry->start < previous_end || *ret_end > NORMA_USER_END)
		return KERN_INVALID_ADDRESS;
	/* vm_map lets a protection go beyond its maximum. */
	if (((entry->protection | entry->max_protection) & ~(uint32_t)VM_PROT_ALL) ||
	    entry->inheritance > VM_INHERIT_LAST_VALID ||
	    entry->behavior > (uint32_t)VM_BEHAVIOR_RSEQNTL || entry->shared > 1)
		return KERN_INVALID_ARGUMENT;
	if (entry->mapping < REGION_SHARED || entry->mapping > REGION_FORKED ||
	    entry->object == 0 || !is_page_aligned(entry->offset) ||
	    !checked_add_u64(entry->offset, entry->bytes, &unused))
		return KERN_INVALID_ARGUMENT;
	return KERN_SUCCESS;
}

kern_return_t import_check(const struct import *import)
{
	uint64_t end = NORMA_USER_START;

	if (import->count > VM_MAP_REGIONS_MAX) {
		failure_set(import->failure, "a task can have %u regions, not %u",
			    VM_MAP_REGIONS_MAX, import->count);
		return KERN_RESOURCE_SHORTAGE;
	}
	for (uint32_t i = 0; i < import->count; i++) {
		kern_return_t code = entry_check(&import->entries[i], end, &end);

		if (!code)
			continue;
		failure_set(import->failure,
			    "region %u of the child's memory (0x%llx, %llu bytes) is malformed", i,
			    (unsigned long long)import->entries[i].start,
			    (unsigned long long)import->entries[i].bytes);
		return code;
	}
	return KERN_SUCCESS;
}

kern_return_t import_check_contiguous(const struct import *import)
{
	kern_return_t code = import_check(import);

	for (uint32_t i = 1; i < import->count && !code; i++) {
		const struct region_entry *previous = &import->entries[i - 1];

		if (previous->start + previous->bytes != import->entries[i].start)
			code = KERN_INVALID_ADDRESS;
	}
	if (!code && import->count == 0)
		code = KERN_INVALID_ARGUMENT;
	if (code)
		failure_set(import->failure, "the regions to be mapped are not one range");
	return code;
}
