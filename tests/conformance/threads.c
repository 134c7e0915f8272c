/*
 * Threads that run the pieces of code.S. Each gets two pages of its task that no other thread of
 * the case has, in whatever task: its code, and its report.
 */
#include <sched.h>
#include <string.h>

#include "conformance.h"

#define PLACES		((vm_address_t)0x40000000)
#define PLACE_BYTES	(4 * P)
#define CODE_MAX	512u
#define SECONDS		120u
#define HELD_TIMEOUT_MS 30000u

static unsigned int place_count;

void threads_begin(void)
{
	place_count = 0;
}

vm_address_t code_place(task_t task, struct code code)
{
	vm_address_t place = PLACES + place_count++ * PLACE_BYTES;
	uint8_t bytes[CODE_MAX];
	size_t length = (size_t)(code.end - code.start);

	if (length > sizeof(bytes))
		wrong("code_%s is longer than %u bytes", code.name, CODE_MAX);
	memcpy(bytes, code.start, length);
	region_make(task, place, 2);
	OK(vm_write(task, place, (vm_offset_t)bytes, (mach_msg_type_number_t)length));
	protect_set(task, place, 1, RX);
	return place;
}

struct running code_run(task_t task, struct code code, uint64_t rdi, uint64_t rsi, uint64_t rdx,
			uint64_t rcx)
{
	vm_address_t place = code_place(task, code);
	struct running running = {.task = task, .report = place + P};
	struct x86_thread_state64 state = {
	    .rip = place,
	    .rsp = place + 2 * P,
	    .rdi = rdi,
	    .rsi = rsi,
	    .rdx = rdx,
	    .rcx = rcx,
	    .r8 = place + P,
	};

	OK(thread_create(task, &running.thread));
	OK(thread_set_state(running.thread, x86_THREAD_STATE64, (thread_state_t)&state,
			    x86_THREAD_STATE64_COUNT));
	OK(thread_resume(running.thread));
	return running;
}

uint64_t code_wait(const struct running *running)
{
	uint64_t start = 0;

	while (!word_get(running->task, running->report)) {
		if (!in_time(&start, SECONDS))
			wrong("a thread was not done after %u s", SECONDS);
		sched_yield();
	}
	return word_get(running->task, running->report + 8);
}

uint64_t code_do(task_t task, struct code code, uint64_t rdi, uint64_t rsi)
{
	struct running running = code_run(task, code, rdi, rsi, 0, 0);

	return code_wait(&running);
}

struct running code_faults(task_t task, struct code code, uint64_t rdi, uint64_t rsi,
			   kern_return_t expected, vm_address_t address)
{
	struct norma_exception held;
	struct running running;

	OK(norma_exception_hold(task, TRUE));
	running = code_run(task, code, rdi, rsi, 0, 0);
	OK(norma_exception_wait(task, HELD_TIMEOUT_MS, &held));
	if (held.thread != running.thread)
		wrong("no exception came from code_%s", code.name);
	EQUAL(EXC_BAD_ACCESS, held.exception);
	EQUAL(expected, held.code);
	EQUAL(TRUE, held.address_known);
	EQUAL(address, held.address);
	return running;
}
