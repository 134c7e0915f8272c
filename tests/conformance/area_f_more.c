/*
 * Section F: vm_region, vm_map, vm_wire, vm_msync and vm_behavior_set.
 */
#include "area_f.h"
#include "conformance.h"

static kern_return_t region_of(task_t task, vm_address_t *address, vm_size_t *size)
{
	struct vm_region_basic_info info;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;

	return vm_region(task, address, size, VM_REGION_BASIC_INFO, (vm_region_info_t)&info, &count,
			 NULL);
}

void case_140(void)
{
	task_t t = task_with_pages(3);
	vm_address_t address = R + P + 7;
	vm_size_t size = 0;

	region_make(t, S, 1);
	inherit_set(t, S, 1, VM_INHERIT_NONE);
	OK(region_of(t, &address, &size));
	EQUAL(R, address);
	EQUAL(3 * P, size);
	address = R + 3 * P;
	OK(region_of(t, &address, &size));
	EQUAL(S, address);
	EQUAL(P, size);
	address = S + P;
	IS(KERN_INVALID_ADDRESS, region_of(t, &address, &size));
	EQUAL(S + P, address);
}

void case_141(void)
{
	task_t t = task_with_pages(1);
	struct vm_region_basic_info info;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;
	vm_address_t address = R;
	vm_size_t size = 0;
	mach_port_t name;

	IS(KERN_INVALID_ARGUMENT,
	   vm_region(t, &address, &size, 9, (vm_region_info_t)&info, &count, &name));
	count = VM_REGION_BASIC_INFO_COUNT - 1;
	IS(KERN_INVALID_ARGUMENT, vm_region(t, &address, &size, VM_REGION_BASIC_INFO,
					    (vm_region_info_t)&info, &count, &name));
	count = VM_REGION_BASIC_INFO_COUNT + 1;
	OK(vm_region(t, &address, &size, VM_REGION_BASIC_INFO, (vm_region_info_t)&info, &count,
		     &name));
	EQUAL(VM_REGION_BASIC_INFO_COUNT, count);
	EQUAL(MACH_PORT_NULL, name);
}

void case_142(void)
{
	task_t t = task_with_pages(5);
	vm_address_t address = 0, end = 0;
	vm_size_t size = 0, sum = 0;

	region_make(t, FIRST, 1);
	region_make(t, LAST, 1);
	region_make(t, S, 3);
	inherit_set(t, R + P, 2, VM_INHERIT_SHARE);
	protect_set(t, R + 2 * P, 1, VM_PROT_READ);
	OK(vm_deallocate(t, S + P, P));
	while (region_of(t, &address, &size) == KERN_SUCCESS) {
		if (address < end || !size)
			wrong("a region at 0x%lx of 0x%lx bytes comes after 0x%lx", address, size,
			      end);
		end = address + size;
		sum += size;
		address = end;
	}
	EQUAL(LAST + P, end);
	EQUAL(9 * P, sum);
	EQUAL(sum, task_facts(t).virtual_size);
}

static kern_return_t map_at(task_t task, vm_size_t size, vm_prot_t current, vm_prot_t maximum,
			    vm_inherit_t inheritance)
{
	vm_address_t address = S;

	return vm_map(task, &address, size, 0, FALSE, MACH_PORT_NULL, 0, FALSE, current, maximum,
		      inheritance);
}

void case_143(void)
{
	task_t t = task_new();

	IS(KERN_INVALID_ARGUMENT, map_at(t, 0, RW, VM_PROT_ALL, VM_INHERIT_COPY));
	IS(KERN_INVALID_ARGUMENT, map_at(t, P, 8, VM_PROT_ALL, VM_INHERIT_COPY));
	IS(KERN_INVALID_ARGUMENT, map_at(t, P, RW, 0x10, VM_INHERIT_COPY));
	IS(KERN_INVALID_ARGUMENT, map_at(t, P, RW, VM_PROT_ALL, 3));
	IS(KERN_INVALID_ARGUMENT, map_at(TASK_NULL, P, RW, VM_PROT_ALL, VM_INHERIT_COPY));
	EQUAL(0, task_facts(t).virtual_size);
}

void case_145(void)
{
	task_t t = task_new(), c;

	OK(map_at(t, 2 * P, VM_PROT_READ, RW, VM_INHERIT_SHARE));
	protection_is(t, S, VM_PROT_READ, RW);
	inheritance_is(t, S, 2, VM_INHERIT_SHARE);
	IS(KERN_NO_SPACE, map_at(t, P, RW, VM_PROT_ALL, VM_INHERIT_COPY));
	IS(KERN_PROTECTION_FAILURE, vm_protect(t, S, P, FALSE, VM_PROT_ALL));
	c = task_fork(t);
	protect_set(t, S, 2, RW);
	protect_set(c, S, 2, RW);
	is_shared(t, c, S);
}

void case_146(void)
{
	task_t t = task_new();
	vm_address_t address = R + 1;

	OK(map_at(t, 2 * P, RW, VM_PROT_ALL, VM_INHERIT_COPY));
	pages_are_zero(t, S, 2);
	pages_fill(t, S, 2, 1);
	pages_are(t, S, 2, 1);
	OK(vm_map(t, &address, 1, 0xffff, TRUE, MACH_PORT_NULL, 123, TRUE, RW, VM_PROT_ALL,
		  VM_INHERIT_NONE));
	EQUAL(0, address & 0xffff);
	pages_are_zero(t, address, 1);
	address = R + P;
	IS(KERN_NO_SPACE, vm_map(t, &address, P, 0xffff, FALSE, MACH_PORT_NULL, 0, FALSE, RW,
				 VM_PROT_ALL, VM_INHERIT_NONE));
}

void case_153(void)
{
	task_t t = task_with_pages(4);

	OK(vm_deallocate(t, R + 3 * P, P));
	protect_set(t, R + 2 * P, 1, VM_PROT_READ);
	IS(KERN_INVALID_HOST, vm_wire(HOST_NULL, t, R, P, VM_PROT_READ));
	IS(KERN_INVALID_TASK, vm_wire(world.host, TASK_NULL, R, P, VM_PROT_READ));
	IS(KERN_INVALID_ARGUMENT, vm_wire(world.host, t, R, P, 8));
	IS(KERN_INVALID_ADDRESS, vm_wire(world.host, t, R + 2 * P, 2 * P, VM_PROT_READ));
	IS(KERN_PROTECTION_FAILURE, vm_wire(world.host, t, R + P, 2 * P, RW));
	EQUAL(0, page_facts(t, R + P).user_wired_count);
	EQUAL(0, page_facts(t, R + 2 * P).user_wired_count);
	OK(vm_wire(world.host, t, R, P, RW));
	OK(vm_wire(world.host, t, R, P, VM_PROT_READ));
	OK(vm_wire(world.host, t, R, P, VM_PROT_NONE));
	EQUAL(1, page_facts(t, R).user_wired_count);
	EQUAL(0, page_facts(t, R + P).user_wired_count);
	pages_are(t, R, 3, 1);
	OK(vm_wire(world.host, t, R, P, VM_PROT_NONE));
	EQUAL(0, page_facts(t, R).user_wired_count);
}

void case_154(void)
{
	task_t t = task_with_pages(2);

	IS(KERN_INVALID_ARGUMENT, vm_msync(t, R, P, VM_SYNC_SYNCHRONOUS | VM_SYNC_ASYNCHRONOUS));
	IS(KERN_INVALID_ARGUMENT,
	   vm_msync(TASK_NULL, R, P, VM_SYNC_SYNCHRONOUS | VM_SYNC_ASYNCHRONOUS));
	IS(KERN_INVALID_TASK, vm_msync(TASK_NULL, R, P, VM_SYNC_SYNCHRONOUS));
	OK(vm_msync(t, R, 2 * P, VM_SYNC_SYNCHRONOUS));
	OK(vm_msync(t, R, 9 * P, VM_SYNC_ASYNCHRONOUS));
	OK(vm_msync(t, S, P, VM_SYNC_SYNCHRONOUS));
	OK(vm_msync(t, R, 0, VM_SYNC_ASYNCHRONOUS));
	OK(vm_msync(t, R, 2 * P, VM_SYNC_INVALIDATE | VM_SYNC_SYNCHRONOUS));
	pages_are(t, R, 2, 1);
}

void case_155(void)
{
	task_t t = task_with_pages(3);

	OK(vm_behavior_set(t, R + P, P, VM_BEHAVIOR_RSEQNTL));
	EQUAL(VM_BEHAVIOR_DEFAULT, page_facts(t, R).behavior);
	EQUAL(VM_BEHAVIOR_RSEQNTL, page_facts(t, R + P).behavior);
	IS(KERN_INVALID_ARGUMENT, vm_behavior_set(t, R, P, 4));
	IS(KERN_INVALID_ARGUMENT, vm_behavior_set(t, R, P, -1));
	IS(KERN_INVALID_ADDRESS, vm_behavior_set(t, R, 4 * P, VM_BEHAVIOR_RANDOM));
	IS(KERN_INVALID_ADDRESS, vm_behavior_set(t, S, P, VM_BEHAVIOR_RANDOM));
	EQUAL(VM_BEHAVIOR_DEFAULT, page_facts(t, R).behavior);
	EQUAL(VM_BEHAVIOR_RSEQNTL, page_facts(t, R + P).behavior);
}
