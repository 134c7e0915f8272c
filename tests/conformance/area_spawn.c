/*
 * Cases of our own: norma_task_spawn, and children of a task that stands still, which its host
 * makes from what it remembers. Whatever changes the task must be seen by the next child.
 */
#include <string.h>

#include "conformance.h"

#define CHILDREN 3

static struct x86_thread_state64 registers;
static struct norma_spawn spawn;
static task_t children[NORMA_SPAWN_MAX];

/* Children of t that write their number into R and then tell in R + P. */
static void spawn_prepare(task_t t, unsigned int mode, int node, unsigned int count)
{
	memset(&registers, 0, sizeof(registers));
	registers.rip = code_place(t, CODE(store_number));
	registers.rsi = R;
	registers.r8 = R + P;
	spawn = (struct norma_spawn){
	    .mode = mode,
	    .child_node = node,
	    .flavor = x86_THREAD_STATE64,
	    .state = (thread_state_t)&registers,
	    .state_count = x86_THREAD_STATE64_COUNT,
	    .count = count,
	};
	word_set(t, R, 0);
	word_set(t, R + P, 0);
}

static void child_is_done(task_t child)
{
	uint64_t start_ns = 0;

	while (word_get(child, R + P) == 0)
		if (!in_time(&start_ns, 30))
			wrong("a child's thread does not run");
}

static void spawn_copies(int node)
{
	task_t t = task_with_pages(3);

	for (unsigned int round = 0; round < 3; round++) {
		spawn_prepare(t, NORMA_SPAWN_CREATE, node, CHILDREN);
		pages_fill(t, R + 2 * P, 1, 10 + round);
		OK(norma_task_spawn(t, &spawn, children));
		for (unsigned int i = 0; i < CHILDREN; i++)
			task_keep(children[i]);
		for (unsigned int i = 0; i < CHILDREN; i++) {
			child_is_done(children[i]);
			word_is(children[i], R, 100 + i);
			pages_are(children[i], R + 2 * P, 1, 10 + round);
		}
		word_is(t, R, 0);
		is_private(children[0], children[1], R + 2 * P);
		is_private(t, children[2], R + 2 * P);
	}
}

static void case_1401(void)
{
	spawn_copies(world.here);
}

static void case_1402(void)
{
	spawn_copies(world.there);
}

static void case_1403(void)
{
	task_t t = task_with_pages(3);

	spawn_prepare(t, NORMA_SPAWN_CLONE, world.there, 1);
	OK(norma_task_spawn(t, &spawn, children));
	task_keep(children[0]);
	child_is_done(t);
	word_is(t, R, 100);
	is_shared(t, children[0], R + 2 * P);
}

static void spawn_is_refused(task_t t, kern_return_t expected)
{
	unsigned int before = tasks_of_all_nodes();

	IS(expected, norma_task_spawn(t, &spawn, children));
	EQUAL(before, tasks_of_all_nodes());
}

static void case_1404(void)
{
	task_t t = task_with_pages(3);

	spawn_prepare(t, 0, world.here, 1);
	spawn_is_refused(t, KERN_INVALID_ARGUMENT);
	spawn.mode = 3;
	spawn_is_refused(t, KERN_INVALID_ARGUMENT);
	spawn.mode = NORMA_SPAWN_CREATE;
	spawn.count = 0;
	spawn_is_refused(t, KERN_INVALID_ARGUMENT);
	spawn.count = NORMA_SPAWN_MAX + 1;
	spawn_is_refused(t, KERN_INVALID_ARGUMENT);
	spawn.count = 2;
	spawn.flavor = x86_FLOAT_STATE64;
	spawn_is_refused(t, KERN_INVALID_ARGUMENT);
	spawn.flavor = x86_THREAD_STATE64;
	spawn.state_count--;
	spawn_is_refused(t, KERN_INVALID_ARGUMENT);
	spawn.state_count++;
	registers.rip = (uint64_t)1 << 60;
	spawn_is_refused(t, KERN_INVALID_ARGUMENT);
	registers.rip = R;
	spawn.child_node = 250;
	spawn_is_refused(t, KERN_INVALID_ARGUMENT);
	spawn.child_node = world.here;
	task_end(t);
	spawn_is_refused(t, KERN_INVALID_ARGUMENT);
}

/* Children have the parent's limit, and none of them its exemption for what was there before. */
static void spawn_beyond_a_limit(int node)
{
	const struct norma_limits limits = {.memory_bytes = P};
	task_t t = task_with_pages(3);

	spawn_prepare(t, NORMA_SPAWN_CREATE, node, CHILDREN);
	OK(norma_task_limits(t, &limits, NULL));
	spawn_is_refused(t, KERN_RESOURCE_SHORTAGE);
}

static void case_1405(void)
{
	spawn_beyond_a_limit(world.here);
	spawn_beyond_a_limit(world.there);
}

/* The second child comes from what the host remembers of the first. */
static void fork_twice(task_t t)
{
	task_fork(t);
	task_fork(t);
}

static void case_1406(void)
{
	task_t t = task_with_pages(4), other = task_new(), c;
	vm_address_t at = 0;
	vm_prot_t current, maximum;

	fork_twice(t);
	pages_fill(t, R, 1, 2);
	c = task_fork(t);
	pages_are(c, R, 1, 2);
	fork_twice(t);
	protect_set(t, R + P, 1, VM_PROT_READ);
	protection_is(task_fork(t), R + P, VM_PROT_READ, VM_PROT_ALL);
	fork_twice(t);
	inherit_set(t, R + P, 1, VM_INHERIT_NONE);
	page_is_absent(task_fork(t), R + P);
	fork_twice(t);
	OK(vm_copy(t, R, P, R + 2 * P));
	pages_are_as(task_fork(t), R + 2 * P, 1, 2, R);
	fork_twice(t);
	OK(vm_remap(other, &at, P, 0, TRUE, t, R, FALSE, &current, &maximum, VM_INHERIT_COPY));
	word_set(other, at, 77);
	word_is(task_fork(t), R, 77);
	OK(vm_deallocate(t, R + 3 * P, P));
	page_is_absent(task_fork(t), R + 3 * P);
	region_make(t, R + 3 * P, 1);
	pages_are_zero(task_fork(t), R + 3 * P, 1);
}

static void case_1407(void)
{
	task_t t = task_with_pages(2), c;
	struct running code;

	fork_twice(t);
	code_do(t, CODE(store), R, 5);
	word_is(task_fork(t), R, 5);
	OK(task_suspend(t));
	code = code_run(t, CODE(store), R, 6, 0, 0);
	fork_twice(t);
	c = task_fork(t);
	word_is(c, R, 5);
	OK(task_resume(t));
	code_wait(&code);
	word_is(task_fork(t), R, 6);
	word_is(c, R, 5);
}

static void case_1408(void)
{
	task_t t = task_with_pages(2), c, g, remote;

	task_fork(t);
	c = task_fork(t);
	g = task_fork(c);
	remote = task_ncreate(c, world.there);
	task_end(t);
	pages_are(c, R, 2, 1);
	pages_fill(c, R, 1, 3);
	pages_are(g, R, 2, 1);
	pages_are(remote, R, 2, 1);
	task_end(c);
	pages_are(task_fork(g), R, 2, 1);
	pages_are(task_clone(g, world.there), R, 2, 1);
	pages_are(remote, R, 2, 1);
}

/* Whichever node is chosen, all are there. */
static void case_1213(void)
{
	task_t t = task_with_pages(3);
	int first, node;

	spawn_prepare(t, NORMA_SPAWN_CREATE, NORMA_NODE_AUTO, CHILDREN);
	OK(norma_task_spawn(t, &spawn, children));
	for (unsigned int i = 0; i < CHILDREN; i++)
		task_keep(children[i]);
	OK(norma_port_location_hint(t, children[0], &first));
	for (unsigned int i = 0; i < CHILDREN; i++) {
		child_is_done(children[i]);
		word_is(children[i], R, 100 + i);
		OK(norma_port_location_hint(t, children[i], &node));
		EQUAL(first, node);
	}
}

const struct conformance_case area_spawn[] = {
    {1401, "children with threads on the parent's node, each with its number", case_1401},
    {1402, "children with threads on another node", case_1402},
    {1403, "a clone with a thread writes into the parent", case_1403},
    {1404, "children that cannot be made as asked for are refused", case_1404},
    {1405, "children beyond a limit: none is left", case_1405},
    {1406, "every call that changes a still task is seen by its next child", case_1406},
    {1407, "a still task whose thread ran meanwhile", case_1407},
    {1408, "a still task ends, its children go on and have children", case_1408},
    {1213, "children with threads on a node that is chosen for them", case_1213},
    {0, NULL, NULL},
};
