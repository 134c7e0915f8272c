/*
 * Cases of our own: many regions, the ends of the address space, long transfers.
 */
#include "conformance.h"

#define REGIONS	   300u
#define REGION(i)  (R + (vm_address_t)(i)*3 * P) /* two pages and a hole */
#define KINDS	   9u
#define LONG_PAGES 100u

static const vm_prot_t protections[3] = {RW, VM_PROT_READ, RX};

static vm_inherit_t inheritance_of(uint32_t i)
{
	return i % 3;
}

static vm_prot_t protection_of(uint32_t i)
{
	return protections[i / 3 % 3];
}

/* Every combination of inheritance and protection, over and over. */
static task_t task_with_regions(void)
{
	task_t t = task_new();

	for (uint32_t i = 0; i < REGIONS; i++) {
		region_make(t, REGION(i), 2);
		pages_fill(t, REGION(i), 1, i + 1);
		inherit_set(t, REGION(i), 2, inheritance_of(i));
		protect_set(t, REGION(i), 2, protection_of(i));
	}
	return t;
}

static void regions_are(task_t task)
{
	for (uint32_t i = 0; i < REGIONS; i++) {
		pages_are(task, REGION(i), 1, i + 1);
		page_is_absent(task, REGION(i) + 2 * P);
	}
}

static task_t timed(const char *what, task_t (*make)(task_t, int), task_t t, int node)
{
	uint64_t start = now_ns();
	task_t c = make(t, node);

	remark("%s of %u regions took %lu us, %lu ns a region", what, REGIONS,
	       (unsigned long)(now_ns() - start) / 1000,
	       (unsigned long)(now_ns() - start) / REGIONS);
	return c;
}

static void case_1301(void)
{
	task_t t = task_with_regions();
	task_t c = timed("a clone", task_clone, t, world.there);

	layouts_are_equal(t, c);
	regions_are(c);
	for (uint32_t i = 0; i < KINDS; i++) {
		protect_set(t, REGION(i), 1, RW);
		protect_set(c, REGION(i), 1, RW);
		is_shared(t, c, REGION(i));
	}
}

static void children_are_as_inherited(task_t t, task_t c)
{
	for (uint32_t i = 0; i < REGIONS; i++) {
		if (inheritance_of(i) == VM_INHERIT_NONE) {
			page_is_absent(c, REGION(i));
			continue;
		}
		pages_are(c, REGION(i), 1, i + 1);
		inheritance_is(c, REGION(i), 2, inheritance_of(i));
		protection_is(c, REGION(i), protection_of(i), VM_PROT_ALL);
	}
	for (uint32_t i = 0; i < KINDS; i++) {
		if (inheritance_of(i) == VM_INHERIT_NONE)
			continue;
		protect_set(t, REGION(i), 1, RW);
		protect_set(c, REGION(i), 1, RW);
		(inheritance_of(i) == VM_INHERIT_SHARE ? is_shared : is_private)(t, c, REGION(i));
	}
}

static void case_1302(void)
{
	task_t t = task_with_regions();

	children_are_as_inherited(t, timed("a creation", task_ncreate, t, world.there));
}

static void case_1303(void)
{
	task_t t = task_with_regions();

	children_are_as_inherited(t, timed("a local creation", task_ncreate, t, world.here));
}

static task_t task_with_ends(void)
{
	task_t t = task_new();

	region_make(t, FIRST, 1);
	region_make(t, LAST, 1);
	pages_fill(t, FIRST, 1, 1);
	pages_fill(t, LAST, 1, 2);
	return t;
}

static void ends_are(task_t task)
{
	pages_are(task, FIRST, 1, 1);
	pages_are(task, LAST, 1, 2);
	EQUAL(word_get(task, LAST + P - 8), code_do(task, CODE(load), LAST + P - 8, 0));
}

static void case_1304(void)
{
	task_t t = task_with_ends(), c = task_clone(t, world.there);

	ends_are(c);
	is_shared(t, c, FIRST);
	is_shared(t, c, LAST);
	is_shared(t, c, LAST + P - 8);
}

static void case_1305(void)
{
	task_t t = task_with_ends(), c = task_ncreate(t, world.there);

	ends_are(c);
	is_private(t, c, FIRST);
	is_private(t, c, LAST);
}

static void case_1306(void)
{
	task_t t = task_with_ends(), c;

	inherit_set(t, LAST, 1, VM_INHERIT_SHARE);
	c = task_fork(t);
	ends_are(c);
	is_private(t, c, FIRST);
	is_shared(t, c, LAST);
	pages_fill(t, FIRST, 1, 3);
	pages_fill(t, LAST, 1, 4);
	OK(vm_deallocate(c, LAST, P));
	OK(vm_deallocate(c, FIRST, P));
	pages_are(t, FIRST, 1, 3);
	pages_are(t, LAST, 1, 4);
}

/* Every third page shared, copied, read-only. */
static task_t task_with_long_range(void)
{
	task_t t = task_with_pages(LONG_PAGES);

	for (vm_size_t page = 0; page < LONG_PAGES; page += 3)
		inherit_set(t, R + page * P, 1, VM_INHERIT_SHARE);
	return t;
}

static void case_1307(void)
{
	task_t t = task_with_long_range(), c = task_fork(t);
	vm_offset_t data = 0;
	mach_msg_type_number_t count = 0;
	kern_return_t written;

	pages_fill(t, R, LONG_PAGES, 2);
	OK(vm_read(c, R, LONG_PAGES * P, &data, &count));
	EQUAL(LONG_PAGES * P, count);
	region_make(c, S, LONG_PAGES);
	written = vm_write(c, S, data, count);
	OK(vm_deallocate(mach_task_self(), data, count));
	EQUAL(KERN_SUCCESS, written);
	for (vm_size_t page = 0; page < LONG_PAGES; page++) {
		pages_are(c, R + page * P, 1, page % 3 ? 1 : 2);
		pages_are_as(c, S + page * P, 1, page % 3 ? 1 : 2, R + page * P);
	}
}

static void case_1308(void)
{
	static const uint8_t bytes[LONG_PAGES * 4096];
	task_t t = task_with_long_range();
	mach_msg_type_number_t count = sizeof(bytes);

	protect_set(t, R + (LONG_PAGES - 1) * P, 1, VM_PROT_READ);
	IS(KERN_PROTECTION_FAILURE, vm_write(t, R, (vm_offset_t)bytes, count));
	pages_are(t, R, LONG_PAGES, 1);
	OK(vm_deallocate(t, R + (LONG_PAGES - 1) * P, P));
	IS(KERN_INVALID_ADDRESS, vm_write(t, R, (vm_offset_t)bytes, count));
	pages_are(t, R, LONG_PAGES - 1, 1);
}

static void case_1309(void)
{
	task_t t = task_with_pages(3);

	protect_set(t, R + 2 * P, 1, VM_PROT_READ);
	OK(vm_protect(t, R + 2 * P, P, TRUE, VM_PROT_READ));
	IS(KERN_PROTECTION_FAILURE, vm_protect(t, R, 3 * P, FALSE, VM_PROT_ALL));
	protection_is(t, R, RW, VM_PROT_ALL);
	protection_is(t, R + P, RW, VM_PROT_ALL);
	OK(vm_deallocate(t, R + 2 * P, P));
	IS(KERN_INVALID_ADDRESS, vm_protect(t, R, 3 * P, FALSE, VM_PROT_READ));
	IS(KERN_INVALID_ADDRESS, vm_inherit(t, R, 3 * P, VM_INHERIT_NONE));
	IS(KERN_INVALID_ADDRESS, vm_inherit(t, R - P, 2 * P, VM_INHERIT_NONE));
	protection_is(t, R, RW, VM_PROT_ALL);
	inheritance_is(t, R, 2, VM_INHERIT_COPY);
}

static void case_1310(void)
{
	task_t t = task_with_pages(1);

	IS(KERN_INVALID_ADDRESS, vm_inherit(t, R, ~(vm_size_t)0, VM_INHERIT_NONE));
	IS(KERN_INVALID_ADDRESS, vm_inherit(t, R, (vm_size_t)0 - R, VM_INHERIT_NONE));
	IS(KERN_INVALID_ADDRESS, vm_inherit(t, ~(vm_address_t)0, 1, VM_INHERIT_NONE));
	IS(KERN_INVALID_ADDRESS, vm_inherit(t, LAST + P, P, VM_INHERIT_NONE));
	IS(KERN_INVALID_ADDRESS, vm_inherit(t, 0, P, VM_INHERIT_NONE));
	OK(vm_inherit(t, ~(vm_address_t)0, 0, VM_INHERIT_NONE));
	OK(vm_inherit(t, S, 0, VM_INHERIT_NONE));
	inheritance_is(t, R, 1, VM_INHERIT_COPY);
}

static void case_1311(void)
{
	task_t t = task_new(), c;
	vm_address_t address = 0;

	region_make(t, FIRST, 3);
	pages_fill(t, FIRST, 3, 1);
	c = task_clone(t, world.there);
	for (int i = 0; i < 5; i++) {
		OK(vm_allocate(c, &address, 2 * P, TRUE));
		pages_are_zero(c, address, 2);
		pages_fill(c, address, 2, 9);
	}
	pages_are(t, FIRST, 3, 1);
	EQUAL(3 * P, task_facts(t).virtual_size);
	EQUAL(13 * P, task_facts(c).virtual_size);
}

static void case_1312(void)
{
	task_t t = task_with_pages(16), c;

	for (vm_size_t page = 0; page < 16; page += 2)
		OK(vm_deallocate(t, R + page * P, P));
	c = task_clone(t, world.there);
	layouts_are_equal(t, c);
	for (vm_size_t page = 0; page < 16; page += 2)
		page_is_absent(c, R + page * P);
	for (vm_size_t page = 1; page < 16; page += 2)
		is_shared(t, c, R + page * P);
	EQUAL(8 * P, task_facts(c).virtual_size);
}

const struct conformance_case area_ranges[] = {
    {1301, "300 regions of all kinds, cloned", case_1301},
    {1302, "300 regions of all kinds, created on another node", case_1302},
    {1303, "300 regions of all kinds, created on the parent's node", case_1303},
    {1304, "the first and the last page, cloned", case_1304},
    {1305, "the first and the last page, created on another node", case_1305},
    {1306, "the first and the last page, forked", case_1306},
    {1307, "100 pages of shared and copied memory, read and written at once", case_1307},
    {1308, "100 pages, the last not writable: nothing is written", case_1308},
    {1309, "vm_protect and vm_inherit are all or nothing", case_1309},
    {1310, "vm_inherit on ranges that wrap or leave the address space", case_1310},
    {1311, "memory allocated anywhere in a clone is new", case_1311},
    {1312, "every second page is a hole", case_1312},
    {0, NULL, NULL},
};
