/*
 * Section B: what task_create gives the child, by attribute: memory. Its other properties are in
 * area_b_properties.c.
 */
#include "area_b.h"
#include "conformance.h"

#define SHARE VM_INHERIT_SHARE
#define COPY  VM_INHERIT_COPY
#define NONE  VM_INHERIT_NONE

static task_t task_inheriting(vm_size_t pages, vm_inherit_t value)
{
	task_t t = task_with_pages(pages);

	inherit_set(t, R, pages, value);
	return t;
}

static void case_32(void)
{
	task_t t = task_with_pages(3), c = task_fork(t);

	pages_are(c, R, 3, 1);
	pages_are(t, R, 3, 1);
	inheritance_is(t, R, 3, COPY);
	inheritance_is(c, R, 3, COPY);
}

static void case_33(void)
{
	task_t t = task_with_pages(3), c = task_fork(t);

	pages_fill(t, R, 3, 2);
	pages_are(c, R, 3, 1);
	pages_are(t, R, 3, 2);
}

static void case_34(void)
{
	task_t t = task_with_pages(3), c = task_fork(t);

	pages_fill(c, R, 3, 2);
	pages_are(t, R, 3, 1);
	pages_are(c, R, 3, 2);
}

static void case_35(void)
{
	task_t t = task_inheriting(3, SHARE), c = task_fork(t);

	pages_fill(t, R, 3, 2);
	pages_are(c, R, 3, 2);
}

static void case_36(void)
{
	task_t t = task_inheriting(3, SHARE), c = task_fork(t);

	pages_are(c, R, 3, 1);
	pages_fill(c, R, 3, 2);
	pages_are(t, R, 3, 2);
}

static void case_37(void)
{
	task_t t = task_with_pages(3), c;

	inherit_set(t, R + P, 1, NONE);
	c = task_fork(t);
	page_is_absent(c, R + P);
	code_faults(c, CODE(load), R + P + 8, 0, KERN_INVALID_ADDRESS, R + P + 8);
	pages_are(t, R, 3, 1);
	pages_are(c, R, 1, 1);
	pages_are(c, R + 2 * P, 1, 1);
}

static void case_38(void)
{
	task_t t = task_with_pages(3), c;

	inherit_set(t, R + P, 1, NONE);
	c = task_fork(t);
	region_make(c, R + P, 1);
	pages_are_zero(c, R + P, 1);
	pages_fill(c, R + P, 1, 2);
	pages_are(t, R, 3, 1);
}

static void case_39(void)
{
	task_t t = task_new(), c;

	region_make(t, R, 4);
	inherit_set(t, R, 4, SHARE);
	c = task_fork(t);
	pages_fill(c, R + 2 * P, 1, 5);
	pages_are(t, R + 2 * P, 1, 5);
	pages_are_zero(t, R, 2);
	pages_are_zero(c, R + 3 * P, 1);
	pages_fill(t, R + 3 * P, 1, 6);
	pages_are(c, R + 3 * P, 1, 6);
}

static void case_40(void)
{
	task_t t = task_new(), c;

	region_make(t, R, 2);
	c = task_fork(t);
	pages_are_zero(c, R, 1);
	pages_are_zero(t, R, 1);
	is_private(t, c, R);
	pages_fill(t, R + P, 1, 2);
	pages_are_zero(c, R + P, 1);
}

static void case_41(void)
{
	task_t t = task_with_pages(3), c;

	inherit_set(t, R, 1, SHARE);
	inherit_set(t, R + 2 * P, 1, NONE);
	c = task_fork(t);
	pages_are(c, R, 2, 1);
	is_shared(t, c, R);
	is_private(t, c, R + P);
	page_is_absent(c, R + 2 * P);
	pages_are(t, R + 2 * P, 1, 1);
}

static void case_44(void)
{
	task_t t = task_inheriting(2, SHARE), c = task_fork(t), g = task_fork(c);

	is_shared(t, g, R);
	is_shared(c, g, R + P);
	is_shared(t, c, R + P);
	pages_fill(g, R, 2, 3);
	pages_are(t, R, 2, 3);
	pages_are(c, R, 2, 3);
}

static void case_45(void)
{
	enum { DEPTH = 10 };
	task_t generation[DEPTH + 1];

	generation[0] = task_with_pages(3);
	for (uint32_t i = 1; i <= DEPTH; i++) {
		generation[i] = task_fork(generation[i - 1]);
		pages_are(generation[i], R, 2, i);
		pages_fill(generation[i], R, 2, i + 1);
	}
	for (uint32_t i = 0; i <= DEPTH; i++) {
		pages_are(generation[i], R, 2, i + 1);
		pages_are(generation[i], R + 2 * P, 1, 1);
	}
}

static void case_47(void)
{
	task_t t = task_inheriting(3, SHARE), c = task_fork(t);

	pages_fill(c, R + P, 1, 2);
	pages_fill(t, R + 2 * P, 1, 3);
	task_end(t);
	pages_are(c, R, 1, 1);
	pages_are(c, R + P, 1, 2);
	pages_are(c, R + 2 * P, 1, 3);
	pages_fill(c, R, 3, 4);
	pages_are(c, R, 3, 4);
}

static void case_48(void)
{
	task_t t = task_with_pages(5), c;

	protect_set(t, R + P, 1, VM_PROT_READ);
	protect_set(t, R + 2 * P, 1, VM_PROT_NONE);
	protect_set(t, R + 3 * P, 1, RX);
	OK(vm_protect(t, R + 4 * P, P, TRUE, VM_PROT_READ));
	c = task_fork(t);
	protection_is(c, R, RW, VM_PROT_ALL);
	protection_is(c, R + P, VM_PROT_READ, VM_PROT_ALL);
	protection_is(c, R + 2 * P, VM_PROT_NONE, VM_PROT_ALL);
	protection_is(c, R + 3 * P, RX, VM_PROT_ALL);
	protection_is(c, R + 4 * P, VM_PROT_READ, VM_PROT_READ);
	layouts_are_equal(t, c);
	IS(KERN_PROTECTION_FAILURE, vm_protect(c, R + 4 * P, P, FALSE, RW));
	pages_are(c, R + 4 * P, 1, 1);
}

static void case_49(void)
{
	task_t t = task_with_pages(2), c;

	protect_set(t, R, 2, VM_PROT_NONE);
	c = task_fork(t);
	protection_is(c, R, VM_PROT_NONE, VM_PROT_ALL);
	protect_set(c, R, 2, RW);
	pages_are(c, R, 2, 1);
	pages_fill(c, R, 2, 2);
	protect_set(t, R, 2, VM_PROT_READ);
	pages_are(t, R, 2, 1);
}

static void case_50(void)
{
	task_t t = task_with_pages(2), c, g;

	inherit_set(t, R, 1, SHARE);
	c = task_fork(t);
	inheritance_is(c, R, 1, SHARE);
	inheritance_is(c, R + P, 1, COPY);
	g = task_fork(c);
	is_shared(t, g, R);
	is_private(c, g, R + P);
}

static void case_51(void)
{
	task_t t = task_with_pages(2), c;

	inherit_set(t, R, 1, SHARE);
	OK(vm_wire(world.host, t, R, 2 * P, RW));
	c = task_fork(t);
	EQUAL(1, page_facts(t, R).user_wired_count);
	EQUAL(1, page_facts(t, R + P).user_wired_count);
	EQUAL(0, page_facts(c, R).user_wired_count);
	EQUAL(0, page_facts(c, R + P).user_wired_count);
	pages_are(c, R, 2, 1);
	is_shared(t, c, R);
	is_private(t, c, R + P);
}

static void case_52(void)
{
	task_t t = task_with_pages(2), c;

	inherit_set(t, R, 1, SHARE);
	EQUAL(FALSE, page_facts(t, R).shared);
	EQUAL(FALSE, page_facts(t, R + P).shared);
	c = task_fork(t);
	EQUAL(TRUE, page_facts(t, R).shared);
	EQUAL(TRUE, page_facts(c, R).shared);
	EQUAL(FALSE, page_facts(t, R + P).shared);
	EQUAL(FALSE, page_facts(c, R + P).shared);
}

static void case_53(void)
{
	task_t t = task_with_pages(2), c = TASK_NULL;
	struct vm_region_basic_info info;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;
	vm_address_t address = 0;
	vm_size_t size = 0;

	OK(task_create(t, NULL, 0, FALSE, &c));
	task_keep(c);
	IS(KERN_INVALID_ADDRESS, vm_region(c, &address, &size, VM_REGION_BASIC_INFO,
					   (vm_region_info_t)&info, &count, NULL));
	EQUAL(0, task_facts(c).virtual_size);
	page_is_absent(c, R);
}

const struct conformance_case area_b[] = {
    {32, "a copy has equal contents and stays COPY", case_32},
    {33, "COPY: the child does not see the parent's writes", case_33},
    {34, "COPY: the parent does not see the child's writes", case_34},
    {35, "SHARE: the child sees the parent's writes", case_35},
    {36, "SHARE: the parent sees the child's writes", case_36},
    {37, "NONE: absent, and touching it is a bad access", case_37},
    {38, "NONE: the hole can be allocated and is zero", case_38},
    {39, "SHARE of untouched memory is one memory", case_39},
    {40, "COPY of untouched memory: zeros, private", case_40},
    {41, "three pages, three attributes", case_41},
    {44, "a grandchild shares with both", case_44},
    {45, "ten generations of copies keep their own", case_45},
    {47, "a sharing child outlives its parent", case_47},
    {48, "protections are the parent's", case_48},
    {49, "PROT_NONE memory is copied", case_49},
    {50, "the inheritance is inherited", case_50},
    {51, "wiring is not inherited", case_51},
    {52, "shared is told after SHARE only", case_52},
    {53, "inherit_memory FALSE: nothing", case_53},
    {54, "no threads, not suspended", case_54},
    {55, "a null parent is refused", case_55},
    {56, "the bootstrap port is the parent's", case_56},
    {57, "the registered ports are the parent's", case_57},
    {58, "the exception setting is the parent's", case_58},
    {61, "a suspended parent's child is not suspended", case_61},
    {62, "priority, policy and security token are the parent's", case_62},
    {0, NULL, NULL},
};
