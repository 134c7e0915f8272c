/*
 * Cases of our own: who ends first, who writes where, clones in series.
 */
#include "conformance.h"

#define ADDS 2000u

/* The six orders in which three can end. */
static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static void shared_until_the_last(const int order[3])
{
	task_t task[3];

	task[0] = task_with_pages(3);
	task[1] = task_clone(task[0], world.there);
	task[2] = task_clone(task[1], world.third);
	for (uint32_t i = 0; i < 3; i++)
		pages_fill(task[i], R + i * P, 1, i + 2);
	for (int ended = 0; ended < 2; ended++) {
		task_end(task[order[ended]]);
		for (uint32_t i = 0; i < 3; i++)
			pages_are(task[order[2]], R + i * P, 1, i + 2);
	}
	pages_fill(task[order[2]], R, 3, 9);
	pages_are(task[order[2]], R, 3, 9);
}

static void case_1201(void)
{
	for (int i = 0; i < 6; i++)
		shared_until_the_last(orders[i]);
}

static void copies_until_the_last(const int order[3])
{
	task_t task[3];

	task[0] = task_with_pages(2);
	task[1] = task_ncreate(task[0], world.there);
	pages_fill(task[1], R, 1, 2);
	task[2] = task_ncreate(task[1], world.here);
	pages_fill(task[2], R, 1, 3);
	for (int ended = 0; ended < 2; ended++)
		task_end(task[order[ended]]);
	pages_are(task[order[2]], R, 1, (uint32_t)order[2] + 1);
	pages_are(task[order[2]], R + P, 1, 1);
}

static void case_1202(void)
{
	for (int i = 0; i < 6; i++)
		copies_until_the_last(orders[i]);
}

static void case_1203(void)
{
	task_t t = task_with_pages(2);
	task_t one = task_clone(t, world.there), other = task_clone(t, world.there);

	is_shared(one, other, R);
	is_shared(t, other, R + P);
	task_end(one);
	is_shared(t, other, R);
	pages_fill(other, R, 2, 2);
	pages_are(t, R, 2, 2);
}

static void case_1204(void)
{
	task_t t = task_with_pages(3);

	for (uint32_t i = 0; i < 5; i++) {
		task_t c = task_clone(t, i % 2 ? world.third : world.there);

		pages_are(c, R, 3, i + 1);
		pages_fill(c, R, 1, i + 2);
		pages_fill(t, R + P, 2, i + 2);
		pages_are(c, R + P, 2, i + 2);
		task_end(c);
		pages_are(t, R, 3, i + 2);
	}
}

static void case_1205(void)
{
	task_t t = task_new(), c;
	struct running one, other;

	region_make(t, R, 1);
	inherit_set(t, R, 1, VM_INHERIT_NONE);
	c = task_clone(t, world.there);
	one = code_run(t, CODE(add_atomic), R, ADDS, 0, 0);
	other = code_run(c, CODE(add_atomic), R, ADDS, 0, 0);
	code_wait(&one);
	code_wait(&other);
	word_is(t, R, 2 * ADDS);
	word_is(c, R, 2 * ADDS);
}

static void case_1206(void)
{
	task_t t = task_with_pages(2), c = task_clone(t, world.there);

	code_run(c, CODE(count_for_ever), R, 0, 0, 0);
	word_set(c, R + P, 3);
	task_end(c);
	word_is(t, R + P, 3);
	is_shared(t, task_clone(t, world.there), R);
}

static void case_1207(void)
{
	task_t t = task_with_pages(1), c;
	struct norma_limits limits = {.memory_bytes = 16 * P, .threads = 2}, seen;
	vm_address_t address = S;
	thread_act_t thread;

	OK(norma_task_limits(t, &limits, NULL));
	c = task_clone(t, world.there);
	limits.memory_bytes = 0;
	OK(norma_task_limits(t, &limits, NULL));
	OK(norma_task_limits(c, NULL, &seen));
	EQUAL(16 * P, seen.memory_bytes);
	EQUAL(2, seen.threads);
	IS(KERN_RESOURCE_SHORTAGE, vm_allocate(c, &address, 16 * P, FALSE));
	page_is_absent(c, S);
	OK(vm_allocate(c, &address, 15 * P, FALSE));
	OK(vm_allocate(t, &address, 64 * P, FALSE));
	OK(thread_create(c, &thread));
	OK(thread_create(c, &thread));
	IS(KERN_RESOURCE_SHORTAGE, thread_create(c, &thread));
}

static void case_1208(void)
{
	task_t t = task_with_pages(3), c = TASK_NULL;
	vm_prot_t current, maximum;
	vm_address_t address = R;

	OK(norma_task_clone(t, FALSE, world.there, &c));
	task_keep(c);
	OK(vm_remap(c, &address, 3 * P, 0, FALSE, t, R, FALSE, &current, &maximum,
		    VM_INHERIT_SHARE));
	pages_are(c, R, 3, 1);
	c = task_fork(c);
	is_shared(t, c, R);
	is_shared(t, c, R + 2 * P);
}

static void case_1209(void)
{
	task_t t = task_with_pages(1), ended = task_fork(t);

	task_end(ended);
	for (int i = 0; i < 20; i++) {
		task_t c = task_fork(t);

		EQUAL(FALSE, c == ended);
		task_end(c);
	}
	IS(KERN_INVALID_ARGUMENT, task_suspend(ended));
}

static void case_1210(void)
{
	task_t t = task_with_pages(1), c;

	OK(task_suspend(t));
	c = task_clone(t, world.there);
	EQUAL(0, task_facts(c).suspend_count);
	EQUAL(1, task_facts(t).suspend_count);
	code_do(c, CODE(store), R, 1);
	word_is(t, R, 1);
	c = task_ncreate(t, world.there);
	EQUAL(0, task_facts(c).suspend_count);
}

static void case_1211(void)
{
	task_t t = task_with_pages(64), c = task_ncreate(t, world.there), clone;

	clone = task_clone(c, world.third);
	pages_are(clone, R, 32, 1);
	pages_fill(c, R + 8 * P, 16, 2);
	pages_are(clone, R + 8 * P, 16, 2);
	task_end(t);
	pages_are(clone, R + 32 * P, 32, 1);
	task_end(c);
	pages_are(clone, R + 8 * P, 16, 2);
	pages_are(clone, R + 40 * P, 24, 1);
}

static void case_1212(void)
{
	task_t t = task_new(), c;
	vm_address_t place = code_place(t, CODE(jump_back));

	inherit_set(t, place, 1, VM_INHERIT_COPY);
	c = task_ncreate(t, world.there);
	EQUAL(77, code_do(c, CODE(jump), place, 0));
	c = task_clone(t, world.there);
	EQUAL(77, code_do(c, CODE(jump), place, 0));
	EQUAL(77, code_do(task_fork(c), CODE(jump), place, 0));
}

const struct conformance_case area_nodes[] = {
    {1201, "parent, clone and clone's clone end in every order", case_1201},
    {1202, "parent, copy and copy's copy end in every order", case_1202},
    {1203, "two clones on one node, one ends", case_1203},
    {1204, "clones one after another, each with the last one's writes", case_1204},
    {1205, "atomic additions on NONE memory of a clone are exact", case_1205},
    {1206, "a clone ends while its thread writes", case_1206},
    {1207, "limits are copied and enforced", case_1207},
    {1208, "an empty clone gets the memory by vm_remap, and shares it on", case_1208},
    {1209, "the name of an ended task does not come back", case_1209},
    {1210, "children of a suspended parent run", case_1210},
    {1211, "a clone of a remote copy, when its sources end", case_1211},
    {1212, "code runs in every kind of child", case_1212},
    {0, NULL, NULL},
};
