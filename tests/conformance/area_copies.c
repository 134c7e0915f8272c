/*
 * Cases of our own: copies of copies, and what a copy must not see.
 */
#include "conformance.h"

#define SHARE VM_INHERIT_SHARE
#define COPY  VM_INHERIT_COPY
#define NONE  VM_INHERIT_NONE

static void case_1001(void)
{
	task_t t = task_with_pages(4), c = task_fork(t), g;

	pages_fill(t, R, 1, 2);
	pages_fill(c, R + P, 1, 3);
	g = task_fork(c);
	pages_fill(c, R + 2 * P, 1, 4);
	pages_fill(t, R + 3 * P, 1, 5);
	pages_are(g, R, 1, 1);
	pages_are(g, R + P, 1, 3);
	pages_are(g, R + 2 * P, 2, 1);
	pages_fill(g, R, 4, 6);
	pages_are(t, R, 1, 2);
	pages_are(t, R + P, 2, 1);
	pages_are(t, R + 3 * P, 1, 5);
	pages_are(c, R, 1, 1);
	pages_are(c, R + P, 1, 3);
	pages_are(c, R + 2 * P, 1, 4);
	pages_are(c, R + 3 * P, 1, 1);
}

static void case_1002(void)
{
	task_t t = task_with_pages(3), clone = task_clone(t, world.there), copy;

	pages_fill(clone, R + P, 1, 2);
	copy = task_fork(t);
	pages_fill(clone, R, 1, 3);
	pages_fill(t, R + 2 * P, 1, 4);
	pages_are(copy, R, 1, 1);
	pages_are(copy, R + P, 1, 2);
	pages_are(copy, R + 2 * P, 1, 1);
	is_shared(t, clone, R);
	is_private(t, copy, R + P);
	is_private(clone, copy, R + 2 * P);
}

static void case_1003(void)
{
	task_t t = task_with_pages(3), c = task_fork(t), clone;

	pages_fill(c, R + P, 1, 2);
	clone = task_clone(c, world.there);
	pages_are(clone, R, 1, 1);
	pages_are(clone, R + P, 1, 2);
	for (vm_size_t page = 0; page < 3; page++)
		is_shared(c, clone, R + page * P);
	pages_are(t, R, 3, 1);
	is_private(t, clone, R);
	is_private(t, c, R + 2 * P);
}

static void case_1004(void)
{
	task_t t = task_with_pages(3), first, second, child;

	inherit_set(t, R, 1, SHARE);
	inherit_set(t, R + 2 * P, 1, NONE);
	first = task_clone(t, world.there);
	second = task_clone(first, world.here);
	child = task_ncreate(second, world.there);
	is_shared(child, t, R);
	is_shared(child, first, R);
	is_private(child, t, R + P);
	is_private(second, child, R + P);
	is_shared(second, t, R + P);
	page_is_absent(child, R + 2 * P);
	is_shared(second, t, R + 2 * P);
}

static void case_1005(void)
{
	task_t t = task_with_pages(3), one, two, three;

	one = task_fork(t);
	inherit_set(t, R + P, 1, SHARE);
	two = task_fork(t);
	inherit_set(t, R + P, 1, NONE);
	three = task_fork(t);
	pages_fill(t, R, 3, 2);
	pages_are(one, R, 3, 1);
	pages_are(two, R, 1, 1);
	pages_are(two, R + P, 1, 2);
	pages_are(two, R + 2 * P, 1, 1);
	page_is_absent(three, R + P);
	pages_are(three, R + 2 * P, 1, 1);
}

static void case_1006(void)
{
	task_t t = task_with_pages(3), c;

	inherit_set(t, R, 3, NONE);
	c = task_fork(t);
	region_make(c, R + P, 1);
	pages_fill(t, R, 3, 2);
	pages_are_zero(c, R + P, 1);
	pages_fill(c, R + P, 1, 3);
	pages_are(t, R, 3, 2);
	page_is_absent(c, R);
	page_is_absent(c, R + 2 * P);
}

static void case_1007(void)
{
	task_t t = task_with_pages(4), c;

	inherit_set(t, R, 2, SHARE);
	c = task_fork(t);
	pages_fill(t, R + P, 2, 2);
	pages_are(c, R, 1, 1);
	pages_are(c, R + P, 1, 2);
	pages_are(c, R + 2 * P, 2, 1);
	pages_fill(c, R, 4, 3);
	pages_are(t, R, 2, 3);
	pages_are(t, R + 2 * P, 1, 2);
	pages_are(t, R + 3 * P, 1, 1);
}

static void case_1008(void)
{
	task_t t = task_with_pages(3);
	uint8_t bytes[64] = {1};

	protect_set(t, R + P, 1, VM_PROT_READ);
	IS(KERN_PROTECTION_FAILURE, vm_write(t, R + P - 8, (vm_offset_t)bytes, 64));
	OK(vm_deallocate(t, R + P, P));
	IS(KERN_INVALID_ADDRESS, vm_write(t, R + P - 8, (vm_offset_t)bytes, 64));
	pages_are(t, R, 1, 1);
	pages_are(t, R + 2 * P, 1, 1);
}

static void case_1009(void)
{
	enum { SIBLINGS = 8 };
	task_t t = task_with_pages(2), child[SIBLINGS];

	for (uint32_t i = 0; i < SIBLINGS; i++)
		child[i] = task_fork(t);
	for (uint32_t i = 0; i < SIBLINGS; i++)
		pages_fill(child[i], R, 1, i + 2);
	for (uint32_t i = 0; i < SIBLINGS; i++) {
		pages_are(child[i], R, 1, i + 2);
		pages_are(child[i], R + P, 1, 1);
	}
	pages_are(t, R, 2, 1);
}

static void case_1010(void)
{
	enum { DEPTH = 6 };
	task_t generation[DEPTH + 1];

	generation[0] = task_with_pages(2);
	for (uint32_t i = 1; i <= DEPTH; i++) {
		generation[i] = task_ncreate(generation[i - 1], i % 2 ? world.there : world.here);
		pages_are(generation[i], R, 1, i);
		pages_fill(generation[i], R, 1, i + 1);
	}
	for (uint32_t i = 0; i <= DEPTH; i++) {
		pages_are(generation[i], R, 1, i + 1);
		pages_are(generation[i], R + P, 1, 1);
	}
}

static void case_1011(void)
{
	task_t t = task_with_pages(2), c;

	protect_set(t, R, 2, VM_PROT_READ);
	c = task_fork(t);
	protect_set(c, R, 2, RW);
	pages_fill(c, R, 2, 2);
	pages_are(t, R, 2, 1);
	protection_is(t, R, VM_PROT_READ, VM_PROT_ALL);
	protect_set(t, R, 1, RW);
	pages_fill(t, R, 1, 3);
	pages_are(c, R, 2, 2);
}

static void case_1012(void)
{
	task_t t = task_with_pages(2), c;

	OK(vm_wire(world.host, t, R, 2 * P, RW));
	c = task_fork(t);
	pages_fill(t, R, 1, 2);
	pages_fill(c, R + P, 1, 3);
	OK(vm_wire(world.host, t, R, 2 * P, VM_PROT_NONE));
	pages_are(t, R, 1, 2);
	pages_are(t, R + P, 1, 1);
	pages_are(c, R, 1, 1);
	pages_are(c, R + P, 1, 3);
}

static void case_1013(void)
{
	task_t t = task_with_pages(4), clone = task_clone(t, world.there), c, n;

	pages_fill(clone, R, 2, 2);
	c = task_fork(t);
	n = task_ncreate(t, world.third);
	pages_fill(clone, R, 4, 3);
	pages_are(c, R, 2, 2);
	pages_are(c, R + 2 * P, 2, 1);
	pages_are(n, R, 2, 2);
	pages_are(n, R + 2 * P, 2, 1);
	pages_are(t, R, 4, 3);
}

static void case_1014(void)
{
	task_t t = task_with_pages(2), shared, copied;

	inherit_set(t, R, 2, SHARE);
	shared = task_fork(t);
	pages_fill(shared, R, 1, 2);
	inherit_set(t, R, 2, COPY);
	copied = task_fork(t);
	pages_fill(shared, R, 2, 3);
	pages_are(t, R, 2, 3);
	pages_are(copied, R, 1, 2);
	pages_are(copied, R + P, 1, 1);
	is_private(copied, t, R);
	is_shared(shared, t, R);
}

static void case_1015(void)
{
	task_t t = task_with_pages(2), c = task_fork(t), g = task_fork(c);

	task_end(c);
	is_private(t, g, R);
	pages_are(g, R + P, 1, 1);
	task_end(t);
	pages_are(g, R + P, 1, 1);
	pages_fill(g, R, 2, 4);
	pages_are(g, R, 2, 4);
}

static void case_1016(void)
{
	task_t t = task_with_pages(2), c;
	struct running counter;
	uint64_t first;

	counter = code_run(t, CODE(count_for_ever), R, 0, 0, 0);
	c = task_fork(t);
	first = word_get(c, R);
	for (int i = 0; i < 50; i++)
		word_is(c, R, first);
	if (word_get(t, R) < first)
		wrong("the parent's counter went back");
	OK(thread_terminate(counter.thread));
}

const struct conformance_case area_copies[] = {
    {1001, "a copy of a copy after writes on both sides", case_1001},
    {1002, "a copy of memory that a remote clone shares", case_1002},
    {1003, "a clone of a copy: shared with it, not with the first", case_1003},
    {1004, "a child created from a clone of a clone", case_1004},
    {1005, "the inheritance of a middle page changes between forks", case_1005},
    {1006, "a NONE hole, filled in the child, is not the parent's", case_1006},
    {1007, "one write over shared and copied pages", case_1007},
    {1008, "a write that may not be made in part is not made at all", case_1008},
    {1009, "eight siblings write the same page", case_1009},
    {1010, "six generations of copies, from node to node", case_1010},
    {1011, "a read-only copy is made writable on one side", case_1011},
    {1012, "a wired copy, written by both, then unwired", case_1012},
    {1013, "copies of pages that are dirty on the other node only", case_1013},
    {1014, "shared with one child, then copied for the next", case_1014},
    {1015, "a copy outlives the copies that it came from", case_1015},
    {1016, "a copy is one instant while the parent's thread writes", case_1016},
    {0, NULL, NULL},
};
