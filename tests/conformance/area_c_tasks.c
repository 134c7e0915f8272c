/*
 * Section C: what a clone has besides memory, and calls about it from another node.
 */
#include "area_c.h"
#include "conformance.h"

void case_90(void)
{
	task_t t = task_with_pages(1), c;

	properties_set(t);
	c = task_clone(t, world.there);
	bootstrap_is_inherited(c);
	registered_are_inherited(c);
	OK(task_set_special_port(t, TASK_BOOTSTRAP_PORT, MACH_PORT_NULL));
	OK(mach_ports_register(t, NULL, 0));
	bootstrap_is_inherited(c);
	registered_are_inherited(c);
}

void case_91(void)
{
	task_t t = task_with_pages(1), c;

	properties_set(t);
	c = task_clone(t, world.there);
	exception_hold_is_inherited(c);
	scheduling_is_inherited(t, c);
}

void case_93(void)
{
	task_t t = task_with_pages(2), c;

	OK(vm_wire(world.host, t, R, 2 * P, RW));
	c = task_clone(t, world.there);
	EQUAL(0, page_facts(c, R).user_wired_count);
	EQUAL(1, page_facts(t, R).user_wired_count);
	pages_are(c, R, 2, 1);
	is_shared(t, c, R);
	is_shared(t, c, R + P);
}

void case_94(void)
{
	task_t t = task_with_pages(2), c;

	OK(vm_behavior_set(t, R, P, VM_BEHAVIOR_SEQUENTIAL));
	c = task_clone(t, world.there);
	EQUAL(VM_BEHAVIOR_SEQUENTIAL, page_facts(c, R).behavior);
	EQUAL(VM_BEHAVIOR_DEFAULT, page_facts(c, R + P).behavior);
	c = task_ncreate(t, world.there);
	EQUAL(VM_BEHAVIOR_SEQUENTIAL, page_facts(c, R).behavior);
}

void case_95(void)
{
	task_t t = task_with_pages(2), c;

	EQUAL(FALSE, page_facts(t, R).shared);
	c = task_clone(t, world.there);
	EQUAL(TRUE, page_facts(t, R).shared);
	EQUAL(TRUE, page_facts(c, R).shared);
	EQUAL(TRUE, page_facts(c, R + P).shared);
}

static unsigned int thread_count(task_t task)
{
	thread_act_array_t threads = NULL;
	mach_msg_type_number_t count = 0;

	OK(task_threads(task, &threads, &count));
	if (count)
		OK(vm_deallocate(mach_task_self(), (vm_address_t)threads,
				 count * sizeof(*threads)));
	return count;
}

void case_102(void)
{
	task_t c = task_clone(task_with_pages(2), world.there);
	struct running running;

	OK(task_suspend(c));
	EQUAL(1, task_facts(c).suspend_count);
	running = code_run(c, CODE(store), R, 9, 0, 0);
	EQUAL(1, thread_count(c));
	OK(task_resume(c));
	code_wait(&running);
	word_is(c, R, 9);
	OK(thread_terminate(running.thread));
	EQUAL(0, thread_count(c));
	protection_is(c, R, RW, VM_PROT_ALL);
	region_make(c, S, 1);
	pages_fill(c, S, 1, 2);
	pages_are(c, S, 1, 2);
	protect_set(c, S, 1, VM_PROT_READ);
	inherit_set(c, S, 1, VM_INHERIT_NONE);
	OK(vm_deallocate(c, S, P));
	page_is_absent(c, S);
	task_end(c);
	IS(KERN_INVALID_ARGUMENT, task_suspend(c));
}

void case_103(void)
{
	task_t t = task_with_pages(1), c = task_clone(t, world.there);
	int node = -1;

	OK(norma_port_location_hint(t, c, &node));
	EQUAL(world.there, node);
	OK(norma_port_location_hint(t, t, &node));
	EQUAL(world.here, node);
	OK(norma_port_location_hint(world.first, world.host, &node));
	EQUAL(world.caller, node);
	IS(KERN_INVALID_ARGUMENT, norma_port_location_hint(t, MACH_PORT_NULL, &node));
}
