/*
 * Section G: tasks, threads and the ports that a task keeps.
 */
#include "conformance.h"

#define SECONDS 30u
#define LOOKS	20

static void counter_moves(task_t task)
{
	uint64_t before = word_get(task, R), start = 0;

	while (word_get(task, R) == before)
		if (!in_time(&start, SECONDS))
			wrong("the thread did not run for %u s", SECONDS);
}

static void counter_stands(task_t task)
{
	uint64_t before = word_get(task, R);

	for (int i = 0; i < LOOKS; i++)
		word_is(task, R, before);
}

static void case_156(void)
{
	task_t t = task_with_pages(1);

	word_set(t, R, 0);
	code_run(t, CODE(count_for_ever), R, 0, 0, 0);
	counter_moves(t);
	for (int i = 0; i < 3; i++)
		OK(task_suspend(t));
	EQUAL(3, task_facts(t).suspend_count);
	counter_stands(t);
	OK(task_resume(t));
	OK(task_resume(t));
	counter_stands(t);
	OK(task_resume(t));
	counter_moves(t);
}

static void case_157(void)
{
	task_t t = task_with_pages(1);

	IS(KERN_FAILURE, task_resume(t));
	OK(task_suspend(t));
	OK(task_resume(t));
	IS(KERN_FAILURE, task_resume(t));
	EQUAL(0, task_facts(t).suspend_count);
}

static void case_158(void)
{
	task_t t = task_with_pages(1), c;
	thread_act_t thread = THREAD_NULL;
	vm_address_t address = S;
	vm_offset_t data;
	mach_msg_type_number_t count;

	OK(thread_create(t, &thread));
	task_end(t);
	IS(KERN_INVALID_ARGUMENT, task_terminate(t));
	IS(KERN_INVALID_ARGUMENT, task_suspend(t));
	IS(KERN_INVALID_ARGUMENT, task_resume(t));
	IS(KERN_INVALID_ARGUMENT, vm_allocate(t, &address, P, FALSE));
	IS(KERN_INVALID_ARGUMENT, vm_read(t, R, 8, &data, &count));
	IS(KERN_INVALID_ARGUMENT, vm_write(t, R, (vm_offset_t)&address, 8));
	IS(KERN_INVALID_ARGUMENT, task_create(t, NULL, 0, TRUE, &c));
	IS(KERN_INVALID_ARGUMENT, norma_task_create(t, TRUE, world.there, &c));
	IS(KERN_INVALID_ARGUMENT, thread_create(t, &thread));
	IS(KERN_INVALID_ARGUMENT, thread_resume(thread));
}

static int thread_suspend_count(thread_act_t thread)
{
	struct thread_basic_info info;
	mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;

	OK(thread_info(thread, THREAD_BASIC_INFO, (thread_info_t)&info, &count));
	return info.suspend_count;
}

static void case_159(void)
{
	task_t t = task_with_pages(1);
	vm_address_t place = code_place(t, CODE(count_for_ever));
	struct x86_thread_state64 state = {.rip = place, .rsp = place + 2 * P, .rdi = R};
	thread_act_t thread = THREAD_NULL;

	word_set(t, R, 0);
	OK(thread_create(t, &thread));
	EQUAL(1, thread_suspend_count(thread));
	OK(thread_set_state(thread, x86_THREAD_STATE64, (thread_state_t)&state,
			    x86_THREAD_STATE64_COUNT));
	counter_stands(t);
	OK(thread_resume(thread));
	counter_moves(t);
	IS(KERN_FAILURE, thread_resume(thread));
	OK(thread_suspend(thread));
	counter_stands(t);
	OK(thread_terminate(thread));
	IS(KERN_TERMINATED, thread_resume(thread));
}

static void case_160(void)
{
	struct x86_thread_state64 state = {.rip = R};
	mach_msg_type_number_t count = x86_THREAD_STATE64_COUNT;
	thread_act_t self = mach_thread_self();

	IS(KERN_INVALID_ARGUMENT,
	   thread_set_state(self, x86_THREAD_STATE64, (thread_state_t)&state, count));
	IS(KERN_INVALID_ARGUMENT,
	   thread_get_state(self, x86_THREAD_STATE64, (thread_state_t)&state, &count));
	IS(KERN_INVALID_ARGUMENT, thread_resume(THREAD_NULL));
	IS(KERN_INVALID_ARGUMENT, thread_suspend(THREAD_NULL));
}

static void case_162(void)
{
	task_t t = task_with_pages(1);
	mach_port_t four[4] = {world.host, world.host, world.host, world.host};
	mach_port_array_t ports = NULL;
	mach_msg_type_number_t count = 0;

	OK(mach_ports_register(t, four, 1));
	IS(KERN_INVALID_ARGUMENT, mach_ports_register(t, four, 4));
	OK(mach_ports_lookup(t, &ports, &count));
	EQUAL(3, count);
	EQUAL(TRUE, ports[0] == world.host);
	EQUAL(MACH_PORT_NULL, ports[1]);
	EQUAL(MACH_PORT_NULL, ports[2]);
	OK(vm_deallocate(mach_task_self(), (vm_address_t)ports, count * sizeof(*ports)));
}

static void case_163(void)
{
	task_t t = task_with_pages(1);
	mach_port_t port = 12345;

	IS(KERN_INVALID_ARGUMENT, task_get_special_port(t, 99, &port));
	IS(KERN_INVALID_ARGUMENT, task_set_special_port(t, 99, world.host));
	EQUAL(12345, port);
	OK(task_get_special_port(t, TASK_KERNEL_PORT, &port));
	EQUAL(TRUE, port == t);
}

static void case_166(void)
{
	task_t t = task_with_pages(1), c;
	int self = -1, node = -1;

	OK(norma_node_self(world.host, &self));
	EQUAL(world.caller, self);
	c = task_clone(t, self);
	OK(norma_port_location_hint(t, c, &node));
	EQUAL(self, node);
	is_shared(t, c, R);
}

const struct conformance_case area_g[] = {
    {156, "suspend nests", case_156},
    {157, "resume at 0 is KERN_FAILURE", case_157},
    {158, "nothing succeeds on a terminated task", case_158},
    {159, "a thread runs after set_state and resume only", case_159},
    {160, "a thread may not set its own state", case_160},
    {162, "three registered ports", case_162},
    {163, "a special port that does not exist is refused", case_163},
    {166, "the node's own number is what a clone takes", case_166},
    {0, NULL, NULL},
};
