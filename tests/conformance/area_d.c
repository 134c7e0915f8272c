/*
 * Section D: norma_task_create, where it differs from norma_task_clone.
 */
#include "conformance.h"

static void case_104(void)
{
	task_t t = task_with_pages(3), c = task_ncreate(t, world.there);

	pages_fill(t, R, 1, 2);
	pages_are(c, R, 3, 1);
	pages_fill(c, R + P, 1, 3);
	pages_are(t, R + P, 2, 1);
	is_private(t, c, R);
	inheritance_is(c, R, 3, VM_INHERIT_COPY);
}

static void case_105(void)
{
	task_t t = task_with_pages(2), c;

	inherit_set(t, R, 2, VM_INHERIT_SHARE);
	c = task_ncreate(t, world.there);
	pages_are(c, R, 2, 1);
	is_shared(t, c, R);
	is_shared(t, c, R + P);
	inheritance_is(c, R, 2, VM_INHERIT_SHARE);
}

static void case_106(void)
{
	task_t t = task_with_pages(3), c;

	inherit_set(t, R + P, 1, VM_INHERIT_NONE);
	c = task_ncreate(t, world.there);
	page_is_absent(c, R + P);
	pages_are(c, R, 1, 1);
	pages_are(c, R + 2 * P, 1, 1);
	region_make(c, R + P, 1);
	pages_are_zero(c, R + P, 1);
	is_private(t, c, R + P);
}

static void case_107(void)
{
	task_t t = task_with_pages(3), c;

	inherit_set(t, R, 1, VM_INHERIT_SHARE);
	inherit_set(t, R + 2 * P, 1, VM_INHERIT_NONE);
	c = task_ncreate(t, world.here);
	is_shared(t, c, R);
	is_private(t, c, R + P);
	page_is_absent(c, R + 2 * P);
}

static void case_108(void)
{
	task_t t = task_with_pages(3);
	task_t created = task_ncreate(t, world.there), cloned = task_clone(t, world.there);

	pages_fill(t, R, 3, 2);
	pages_are(created, R, 3, 1);
	pages_are(cloned, R, 3, 2);
	pages_fill(cloned, R + P, 1, 3);
	pages_are(t, R + P, 1, 3);
	pages_are(created, R, 3, 1);
}

const struct conformance_case area_d[] = {
    {104, "a COPY region is a snapshot, private both ways", case_104},
    {105, "a SHARE region is shared", case_105},
    {106, "a NONE region is absent", case_106},
    {107, "to the parent's own node: as task_create", case_107},
    {108, "created and cloned from one parent: snapshot and shared", case_108},
    {0, NULL, NULL},
};
