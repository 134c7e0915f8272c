/*
 * Section C: norma_task_clone.
 */
#include "area_c.h"
#include "conformance.h"

#define SHARE VM_INHERIT_SHARE
#define COPY  VM_INHERIT_COPY
#define NONE  VM_INHERIT_NONE

/* R's three pages: SHARE, COPY, NONE. */
static task_t task_mixed(void)
{
	task_t t = task_with_pages(3);

	inherit_set(t, R, 1, SHARE);
	inherit_set(t, R + 2 * P, 1, NONE);
	return t;
}

static void case_63(void)
{
	task_t t = task_with_pages(3), c = task_clone(t, world.there);

	pages_are(c, R, 3, 1);
	pages_fill(t, R, 3, 2);
	pages_are(c, R, 3, 2);
	pages_fill(c, R, 3, 3);
	pages_are(t, R, 3, 3);
	inheritance_is(c, R, 3, COPY);
}

static void case_64(void)
{
	task_t t = task_with_pages(2), c;

	inherit_set(t, R, 2, NONE);
	c = task_clone(t, world.there);
	pages_are(c, R, 2, 1);
	is_shared(t, c, R);
	is_shared(c, t, R + P);
	inheritance_is(c, R, 2, NONE);
}

static void case_65(void)
{
	task_t t = task_with_pages(2), c;

	inherit_set(t, R, 2, SHARE);
	c = task_clone(t, world.there);
	pages_are(c, R, 2, 1);
	is_shared(t, c, R);
	inheritance_is(c, R, 2, SHARE);
}

static void case_66(void)
{
	task_t t = task_mixed(), c = task_clone(t, world.there);

	for (vm_size_t page = 0; page < 3; page++)
		is_shared(t, c, R + page * P);
	inheritance_is_each(c, SHARE, COPY, NONE);
}

static void case_68(void)
{
	task_t t = task_mixed();

	protect_set(t, R + P, 1, VM_PROT_READ);
	task_clone(t, world.there);
	inheritance_is_each(t, SHARE, COPY, NONE);
	protection_is(t, R, RW, VM_PROT_ALL);
	protection_is(t, R + P, VM_PROT_READ, VM_PROT_ALL);
	pages_are(t, R, 3, 1);
}

static void case_69(void)
{
	task_t t = task_new(), c;

	region_make(t, R, 8);
	c = task_clone(t, world.there);
	pages_fill(c, R + 5 * P, 1, 4);
	pages_are(t, R + 5 * P, 1, 4);
	pages_are_zero(t, R, 3);
	pages_are_zero(c, R, 5);
	pages_are_zero(c, R + 6 * P, 2);
	pages_are_zero(t, R + 6 * P, 2);
}

static void case_73(void)
{
	task_t t = task_mixed(), c;

	region_make(t, S, 4);
	protect_set(t, S, 1, VM_PROT_NONE);
	protect_set(t, S + P, 1, RX);
	OK(vm_protect(t, S + 2 * P, P, TRUE, VM_PROT_READ));
	region_make(t, S + 9 * P, 7);
	c = task_clone(t, world.there);
	layouts_are_equal(t, c);
	EQUAL(task_facts(t).virtual_size, task_facts(c).virtual_size);
}

static void case_74(void)
{
	task_t t = task_with_pages(2), c;

	OK(vm_protect(t, R, 2 * P, TRUE, RW));
	protect_set(t, R, 2, VM_PROT_READ);
	c = task_clone(t, world.there);
	protection_is(c, R, VM_PROT_READ, RW);
	protect_set(c, R, 2, RW);
	pages_fill(c, R, 1, 2);
	pages_are(t, R, 1, 2);
	code_do(c, CODE(store), R + P, 0x1234);
	word_is(t, R + P, 0x1234);
	protection_is(t, R, VM_PROT_READ, RW);
	IS(KERN_PROTECTION_FAILURE, vm_write(t, R, (vm_offset_t)&t, sizeof(t)));
}

static void case_76(void)
{
	task_t t = task_with_pages(2), c;

	code_do(t, CODE(store), R, 5);
	c = task_clone(t, world.there);
	is_idle_and_not_suspended(c);
	EQUAL(5, code_do(c, CODE(load), R, 0));
	code_do(c, CODE(store), R + P, 6);
	EQUAL(6, code_do(t, CODE(load), R + P, 0));
}

static void case_77(void)
{
	task_t t = task_with_pages(2), c = TASK_NULL;

	properties_set(t);
	OK(norma_task_clone(t, FALSE, world.there, &c));
	task_keep(c);
	page_is_absent(c, R);
	EQUAL(0, task_facts(c).virtual_size);
	bootstrap_is_inherited(c);
	registered_are_inherited(c);
}

static void case_78(void)
{
	const int nodes[] = {-1, world.nodes, 0x7fffffff, -2147483647 - 1, 256};
	task_t t = task_with_pages(2), c = 12345;
	unsigned int before = tasks_of_all_nodes();

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		IS(KERN_INVALID_ARGUMENT, norma_task_clone(t, TRUE, nodes[i], &c));
		IS(KERN_INVALID_ARGUMENT, norma_task_create(t, TRUE, nodes[i], &c));
	}
	EQUAL(12345, c);
	EQUAL(before, tasks_of_all_nodes());
	EQUAL(FALSE, page_facts(t, R).shared);
	pages_are(t, R, 2, 1);
}

static void case_79(void)
{
	task_t t = task_mixed(), c = task_clone(t, world.here);

	pages_are(c, R, 3, 1);
	for (vm_size_t page = 0; page < 3; page++)
		is_shared(t, c, R + page * P);
	inheritance_is_each(c, SHARE, COPY, NONE);
	layouts_are_equal(t, c);
}

static void case_80(void)
{
	task_t t = task_with_pages(1), c = 12345;
	unsigned int before;

	task_end(t);
	before = tasks_of_all_nodes();
	IS(KERN_INVALID_ARGUMENT, norma_task_clone(TASK_NULL, TRUE, world.there, &c));
	IS(KERN_INVALID_ARGUMENT, norma_task_clone(t, TRUE, world.there, &c));
	EQUAL(12345, c);
	EQUAL(before, tasks_of_all_nodes());
}

static void case_81(void)
{
	task_t t = task_with_pages(2), c = task_clone(t, world.there);

	region_make(t, S, 2);
	pages_fill(t, S, 2, 2);
	page_is_absent(c, S);
	region_make(c, S, 2);
	pages_are_zero(c, S, 2);
	is_private(t, c, S);
}

static void case_85(void)
{
	task_t t = task_with_pages(3), c = task_clone(t, world.there);

	inherit_set(t, R, 1, NONE);
	inheritance_is_each(c, COPY, COPY, COPY);
	inherit_set(c, R + P, 1, SHARE);
	inheritance_is_each(t, NONE, COPY, COPY);
	inheritance_is_each(c, COPY, SHARE, COPY);
	is_shared(t, c, R);
}

static void case_86(void)
{
	task_t t = task_with_pages(8), c = task_clone(t, world.there);

	pages_are(c, R, 4, 1);
	pages_fill(t, R + 2 * P, 2, 2);
	pages_fill(c, R + P, 1, 3);
	pages_fill(t, R + 7 * P, 1, 4);
	task_end(t);
	pages_are(c, R, 1, 1);
	pages_are(c, R + P, 1, 3);
	pages_are(c, R + 2 * P, 2, 2);
	pages_are(c, R + 4 * P, 3, 1);
	pages_are(c, R + 7 * P, 1, 4);
	pages_fill(c, R, 8, 5);
	pages_are(c, R, 8, 5);
}

static void case_88(void)
{
	task_t task[3];

	task[0] = task_with_pages(3);
	task[1] = task_clone(task[0], world.there);
	task[2] = task_clone(task[0], world.third);
	for (uint32_t writer = 0; writer < 3; writer++) {
		pages_fill(task[writer], R, 3, writer + 2);
		for (uint32_t reader = 0; reader < 3; reader++)
			pages_are(task[reader], R, 3, writer + 2);
	}
}

const struct conformance_case area_c[] = {
    {63, "COPY memory is shared both ways", case_63},
    {64, "NONE memory is present, shared, and stays NONE", case_64},
    {65, "SHARE memory is shared and stays SHARE", case_65},
    {66, "three pages, three attributes: all shared", case_66},
    {68, "the parent's attributes do not change", case_68},
    {69, "untouched memory is one memory", case_69},
    {73, "the address layout is the parent's", case_73},
    {74, "read-only in both, made writable in the child only", case_74},
    {76, "no threads; a new one runs on the shared memory", case_76},
    {77, "inherit_memory FALSE: empty, ports inherited", case_77},
    {78, "a node that does not exist is refused, no task anywhere", case_78},
    {79, "to the parent's own node: shared", case_79},
    {80, "a null or dead parent is refused, no task anywhere", case_80},
    {81, "what is allocated afterwards is the parent's alone", case_81},
    {85, "vm_inherit afterwards does not reach the other", case_85},
    {86, "the child keeps every page when the parent ends", case_86},
    {88, "three nodes see every write", case_88},
    {90, "bootstrap and registered ports are the parent's", case_90},
    {91, "the exception setting is the parent's", case_91},
    {93, "wiring is not inherited", case_93},
    {94, "behavior is inherited", case_94},
    {95, "shared is told in both", case_95},
    {102, "the child's name works for every kind of call", case_102},
    {103, "the location hint tells the nodes", case_103},
    {0, NULL, NULL},
};
