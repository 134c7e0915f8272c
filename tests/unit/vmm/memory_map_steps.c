/*
 * See memory_map_steps.h.
 */
#include "memory_map_steps.h"

#include <check.h>

struct vm_map map;

kern_return_t add(uint64_t start, uint64_t pages)
{
	struct region region = {
	    .start = start,
	    .end = start + pages * P,
	    .protection = VM_PROT_DEFAULT,
	    .max_protection = VM_PROT_ALL,
	    .inheritance = VM_INHERIT_DEFAULT,
	    .mapping = REGION_SHARED,
	};

	return vm_map_insert(&map, &region);
}

void take(uint64_t start, uint64_t pages)
{
	struct vm_range range = {start, start + pages * P};

	ck_assert_int_eq(vm_map_clip(&map, range), KERN_SUCCESS);
	vm_map_cut(&map, range);
}

kern_return_t protect(uint64_t address, uint64_t bytes, vm_prot_t protection, bool set_max)
{
	struct vm_range range;
	kern_return_t code = vm_map_protect_check(&map, address, bytes, protection, &range);

	if (!code)
		vm_map_protect_apply(&map, range, protection, set_max);
	return code;
}
