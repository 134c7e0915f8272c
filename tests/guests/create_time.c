/*
 * A child by copy on another host: from the call of norma_task_create to the first instructions of
 * the child's first thread, and what its first reading of the memory costs.
 *
 *   create_time NODE MIB ROUNDS [scan]
 *
 * The memory is random and inherited by copy; every round fills
 * new memory before, so that nothing of it is anywhere else. Clock: CLOCK_MONOTONIC by system call
 * on both sides, so parent and child must be on one machine. One line per round, printed after the
 * child has said that it ran: call (ns of the clock), first instruction in us, call returned in us,
 * and with `scan` how long the child took to read all of it from first to last in us. Without
 * `scan` the child stays until a line comes on the standard input, so that somebody can watch its
 * memory arrive.
 */
#include <mach/mach.h>
#include <mach/norma.h>
#include <norma_guest.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spin.h"

enum { STACK_BYTES = 64 * 1024 };

struct round {
	_Atomic uint64_t first_ns, begin_ns, end_ns;
	vm_address_t memory;
	vm_size_t bytes;
	char pad[4096 - 40];
} __attribute__((aligned(4096)));

static uint64_t now_ns(void)
{
	struct timespec now;

	norma_system_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void child_main(void *argument)
{
	struct round *round = argument;
	uint64_t sum = 0;

	atomic_store(&round->first_ns, now_ns());
	if (round->bytes == 0)
		return;
	atomic_store(&round->begin_ns, now_ns());
	for (vm_size_t at = 0; at < round->bytes; at += 4096)
		sum += *(volatile uint64_t *)(round->memory + at);
	atomic_store(&round->end_ns, sum ? now_ns() : 0);
}

static void check(kern_return_t result, const char *what)
{
	if (result == KERN_SUCCESS)
		return;
	fprintf(stderr, "create_time: %s: %s\n", what, mach_error_string(result));
	exit(1);
}

static vm_address_t allocate(vm_size_t size)
{
	vm_address_t address = 0;

	check(vm_allocate(mach_task_self(), &address, size, TRUE), "vm_allocate");
	return address;
}

static void fill(vm_address_t memory, vm_size_t bytes)
{
	static uint64_t x = 88172645463325252ull;

	for (vm_size_t at = 0; at < bytes; at += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		*(volatile uint64_t *)(memory + at) = x;
	}
}

static void measure(int node, struct round *round, vm_address_t stack)
{
	uint64_t called, returned;
	thread_t thread;
	task_t child;

	called = now_ns();
	check(norma_task_create(mach_task_self(), TRUE, node, &child), "norma_task_create");
	returned = now_ns();
	check(norma_thread_start(child, child_main, round, (void *)(stack + STACK_BYTES), &thread),
	      "starting the child's thread");
	spin_until(atomic_load(&round->first_ns) != 0);
	if (round->bytes)
		spin_until(atomic_load(&round->end_ns) != 0);
	printf("%llu %.1f %.1f %.1f\n", (unsigned long long)called,
	       (double)(round->first_ns - called) / 1e3, (double)(returned - called) / 1e3,
	       (double)(round->end_ns - round->begin_ns) / 1e3);
	fflush(stdout);
	if (!round->bytes)
		getchar();
	check(task_terminate(child), "task_terminate");
}

int main(int argc, char **argv)
{
	int node = argc > 1 ? atoi(argv[1]) : 1;
	vm_size_t bytes = (vm_size_t)(argc > 2 ? atol(argv[2]) : 1) << 20;
	int rounds = argc > 3 ? atoi(argv[3]) : 10;
	int is_scan = argc > 4 && strcmp(argv[4], "scan") == 0;
	vm_size_t shared = (vm_size_t)rounds * sizeof(struct round);
	vm_address_t stack = allocate(STACK_BYTES);
	struct round *round = (struct round *)allocate(shared);

	check(vm_inherit(mach_task_self(), (vm_address_t)round, shared, VM_INHERIT_SHARE),
	      "vm_inherit");
	for (int i = 0; i < rounds; i++) {
		vm_address_t memory = allocate(bytes);

		fill(memory, bytes);
		round[i].memory = memory;
		round[i].bytes = is_scan ? bytes : 0;
		measure(node, &round[i], stack);
		check(vm_deallocate(mach_task_self(), memory, bytes), "vm_deallocate");
	}
	return 0;
}
