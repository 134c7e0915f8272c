/*
 * Section A: the arguments of vm_inherit and what it changes.
 */
#include "conformance.h"

#define SHARE VM_INHERIT_SHARE
#define COPY  VM_INHERIT_COPY
#define NONE  VM_INHERIT_NONE

static void sets_one_page(vm_inherit_t value)
{
	task_t t = task_with_pages(1);

	OK(vm_inherit(t, R, P, value));
	inheritance_is(t, R, 1, value);
}

static void case_1(void)
{
	sets_one_page(SHARE);
}

static void case_2(void)
{
	sets_one_page(COPY);
}

static void case_3(void)
{
	sets_one_page(NONE);
}

static void refuses_value(vm_inherit_t value)
{
	task_t t = task_with_pages(1);

	inherit_set(t, R, 1, SHARE);
	IS(KERN_INVALID_ARGUMENT, vm_inherit(t, R, P, value));
	inheritance_is(t, R, 1, SHARE);
}

static void case_4(void)
{
	refuses_value(VM_INHERIT_DONATE_COPY);
}

static void case_5(void)
{
	refuses_value(4);
	refuses_value(0xffffffffu);
	refuses_value((vm_inherit_t)-1);
	refuses_value(0x100);
}

static void case_6(void)
{
	task_t t = task_new();

	IS(KERN_INVALID_ARGUMENT, vm_inherit(t, R, P, 3));
	IS(KERN_INVALID_ARGUMENT, vm_inherit(t, R, ~(vm_size_t)0, 77));
}

/* NONE on a range of three COPY pages. */
static void none_on(vm_address_t address, vm_size_t size, vm_inherit_t first, vm_inherit_t second,
		    vm_inherit_t third)
{
	task_t t = task_with_pages(3);

	OK(vm_inherit(t, address, size, NONE));
	inheritance_is_each(t, first, second, third);
}

static void case_7(void)
{
	none_on(R + P, P, COPY, NONE, COPY);
}

static void case_8(void)
{
	none_on(R + P + 1, 1, COPY, NONE, COPY);
}

static void case_9(void)
{
	none_on(R + P - 1, 2, NONE, NONE, COPY);
}

static void case_11(void)
{
	none_on(R, P + 1, NONE, NONE, COPY);
}

static void case_13(void)
{
	none_on(R, 1, NONE, COPY, COPY);
}

static void case_14(void)
{
	none_on(R, 0, COPY, COPY, COPY);
}

static void case_15(void)
{
	none_on(R + 1, 0, COPY, COPY, COPY);
}

static void case_16(void)
{
	task_t t = task_with_pages(1);

	OK(vm_deallocate(t, R, P));
	IS(KERN_INVALID_ADDRESS, vm_inherit(t, R, P, NONE));
	page_is_absent(t, R);
}

static void case_17(void)
{
	task_t t = task_with_pages(3);

	OK(vm_deallocate(t, R + P, P));
	IS(KERN_INVALID_ADDRESS, vm_inherit(t, R, 3 * P, NONE));
	inheritance_is(t, R, 1, COPY);
	inheritance_is(t, R + 2 * P, 1, COPY);
}

static void case_22(void)
{
	task_t t = task_new();

	region_make(t, R, 2);
	region_make(t, R + 2 * P, 2);
	protect_set(t, R, 2, VM_PROT_READ);
	inherit_set(t, R + 2 * P, 2, SHARE);
	OK(vm_inherit(t, R, 4 * P, NONE));
	inheritance_is(t, R, 4, NONE);
	protection_is(t, R + P, VM_PROT_READ, VM_PROT_ALL);
	protection_is(t, R + 2 * P, RW, VM_PROT_ALL);
}

static void case_23(void)
{
	task_t t = task_with_pages(1);

	inherit_set(t, R, 1, SHARE);
	inherit_set(t, R, 1, NONE);
	inheritance_is(t, R, 1, NONE);
}

static void case_24(void)
{
	task_t t = task_with_pages(3);

	for (int i = 0; i < 3; i++) {
		inherit_set(t, R + P, 1, SHARE);
		inheritance_is_each(t, COPY, SHARE, COPY);
	}
	pages_are(t, R, 3, 1);
}

static void case_25(void)
{
	task_t t = task_with_pages(3);
	struct vm_region_basic_info before, after;

	OK(vm_behavior_set(t, R, 3 * P, VM_BEHAVIOR_SEQUENTIAL));
	OK(vm_wire(world.host, t, R, 3 * P, VM_PROT_READ));
	OK(vm_protect(t, R, 3 * P, TRUE, RW));
	protect_set(t, R, 3, VM_PROT_READ);
	before = page_facts(t, R);
	inherit_set(t, R, 3, SHARE);
	after = page_facts(t, R);
	EQUAL(VM_PROT_READ, after.protection);
	EQUAL(RW, after.max_protection);
	EQUAL(before.offset, after.offset);
	EQUAL(VM_BEHAVIOR_SEQUENTIAL, after.behavior);
	EQUAL(1, after.user_wired_count);
	EQUAL(FALSE, after.shared);
	pages_are(t, R, 3, 1);
}

static void case_26(void)
{
	task_t t = task_with_pages(2);

	protect_set(t, R, 1, VM_PROT_NONE);
	protect_set(t, R + P, 1, VM_PROT_READ);
	OK(vm_inherit(t, R, 2 * P, SHARE));
	inheritance_is(t, R, 2, SHARE);
	protection_is(t, R, VM_PROT_NONE, VM_PROT_ALL);
}

static void case_28(void)
{
	task_t t = task_with_pages(2);

	OK(vm_wire(world.host, t, R, 2 * P, RW));
	OK(vm_inherit(t, R, P, NONE));
	inheritance_is(t, R, 1, NONE);
	inheritance_is(t, R + P, 1, COPY);
	EQUAL(1, page_facts(t, R).user_wired_count);
	EQUAL(1, page_facts(t, R + P).user_wired_count);
}

static void case_29(void)
{
	task_t t = task_with_pages(1);

	IS(KERN_INVALID_ARGUMENT, vm_inherit(TASK_NULL, R, P, NONE));
	task_end(t);
	IS(KERN_INVALID_ARGUMENT, vm_inherit(t, R, P, NONE));
}

static void case_30(void)
{
	task_t t = task_with_pages(2), before, after;

	inherit_set(t, R, 1, SHARE);
	before = task_fork(t);
	inherit_set(t, R, 1, COPY);
	inherit_set(t, R + P, 1, SHARE);
	inheritance_is(before, R, 1, SHARE);
	inheritance_is(before, R + P, 1, COPY);
	is_shared(t, before, R);
	is_private(t, before, R + P);
	after = task_fork(t);
	is_private(t, after, R);
	is_shared(t, after, R + P);
	is_shared(t, before, R);
}

const struct conformance_case area_a[] = {
    {1, "SHARE is set and reported", case_1},
    {2, "COPY is set and reported", case_2},
    {3, "NONE is set and reported", case_3},
    {4, "DONATE_COPY is refused and changes nothing", case_4},
    {5, "other values are refused and change nothing", case_5},
    {6, "a bad value is looked at before the range", case_6},
    {7, "a middle page alone changes", case_7},
    {8, "one byte changes its whole page", case_8},
    {9, "two bytes over an edge change two pages", case_9},
    {11, "a page and a byte change two pages", case_11},
    {13, "size 1 changes the first page only", case_13},
    {14, "size 0 changes nothing", case_14},
    {15, "size 0 at an unaligned address changes nothing", case_15},
    {16, "an unallocated page is KERN_INVALID_ADDRESS", case_16},
    {17, "a hole is KERN_INVALID_ADDRESS and nothing changes", case_17},
    {22, "a range over two different regions changes both", case_22},
    {23, "the last call wins", case_23},
    {24, "it is idempotent", case_24},
    {25, "nothing else changes", case_25},
    {26, "no access is needed", case_26},
    {28, "a wired region stays wired", case_28},
    {29, "a null or dead task is refused", case_29},
    {30, "a change after a fork is for the next fork", case_30},
    {0, NULL, NULL},
};
