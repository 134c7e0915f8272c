/*
 * Ports, exception setting, priority and token of a task. The ports are the
 * names of the caller's host and first task, which mean the same to everyone.
 */
#include "properties.h"

#include <stddef.h>

#include "conformance.h"

#define PRIORITY 77

void properties_set(task_t task)
{
	mach_port_t ports[2] = {world.first, world.host};

	OK(task_set_special_port(task, TASK_BOOTSTRAP_PORT, world.first));
	OK(mach_ports_register(task, ports, 2));
	OK(norma_exception_hold(task, TRUE));
	OK(task_priority(task, PRIORITY, FALSE));
}

void bootstrap_is_inherited(task_t child)
{
	mach_port_t port = MACH_PORT_NULL;

	OK(task_get_special_port(child, TASK_BOOTSTRAP_PORT, &port));
	EQUAL(TRUE, port == world.first);
	OK(task_get_special_port(child, TASK_KERNEL_PORT, &port));
	EQUAL(TRUE, port == child);
}

void registered_are_inherited(task_t child)
{
	mach_port_array_t ports = NULL;
	mach_msg_type_number_t count = 0;
	int same;

	OK(mach_ports_lookup(child, &ports, &count));
	EQUAL(TASK_PORT_REGISTER_MAX, count);
	same = ports[0] == world.first && ports[1] == world.host && ports[2] == MACH_PORT_NULL;
	OK(vm_deallocate(mach_task_self(), (vm_address_t)ports, count * sizeof(*ports)));
	EQUAL(1, same);
}

void exception_hold_is_inherited(task_t child)
{
	struct norma_exception held;
	struct running running = code_run(child, CODE(store), S, 1, 0, 0);

	OK(norma_exception_wait(child, 30000, &held));
	EQUAL(TRUE, held.thread == running.thread);
	EQUAL(S, held.address);
	region_make(child, S, 1);
	OK(norma_exception_resume(held.thread));
	code_wait(&running);
	word_is(child, S, 1);
}

static security_token_t token_of(task_t task)
{
	security_token_t token;
	mach_msg_type_number_t count = TASK_SECURITY_TOKEN_COUNT;

	OK(task_info(task, TASK_SECURITY_TOKEN, (task_info_t)&token, &count));
	EQUAL(TASK_SECURITY_TOKEN_COUNT, count);
	return token;
}

void scheduling_is_inherited(task_t parent, task_t child)
{
	EQUAL(PRIORITY, task_facts(parent).base_priority);
	EQUAL(PRIORITY, task_facts(child).base_priority);
	EQUAL(task_facts(parent).policy, task_facts(child).policy);
	EQUAL(token_of(parent).val[0], token_of(child).val[0]);
	EQUAL(token_of(parent).val[1], token_of(child).val[1]);
}

void is_idle_and_not_suspended(task_t task)
{
	thread_act_array_t threads = NULL;
	mach_msg_type_number_t count = 99;

	OK(task_threads(task, &threads, &count));
	EQUAL(0, count);
	EQUAL(TRUE, threads == NULL);
	EQUAL(0, task_facts(task).suspend_count);
}
