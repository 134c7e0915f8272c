/*
 * How long a clone takes, seen from inside: the time from the call of norma_task_clone to the first
 * instructions of the child's first thread (which reads the clock), and the longest gap that a
 * second, spinning thread of the parent noticed meanwhile.
 *
 *   clone_time NODE MIB ROUNDS
 *
 * Clock: CLOCK_MONOTONIC by system call on both sides, so parent and child must be on one machine.
 * One line per round: round, first instruction in us, call returned in us, longest gap in us.
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
	_Atomic uint64_t child_first_ns;
	char pad[4096 - 8];
} __attribute__((aligned(4096)));

struct watch {
	_Atomic uint64_t longest_ticks;
	_Atomic uint32_t stop;
	char pad[4096 - 16];
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

	atomic_store(&round->child_first_ns, now_ns());
}

/* The longest time between two looks at the counter is how long this thread stood still. */
static void watch_main(void *argument)
{
	struct watch *watch = argument;
	uint64_t last = __builtin_ia32_rdtsc();

	while (!atomic_load(&watch->stop)) {
		uint64_t now = __builtin_ia32_rdtsc();

		if (now - last > atomic_load(&watch->longest_ticks))
			atomic_store(&watch->longest_ticks, now - last);
		last = now;
	}
}

static void check(kern_return_t result, const char *what)
{
	if (result == KERN_SUCCESS)
		return;
	fprintf(stderr, "clone_time: %s: %s\n", what, mach_error_string(result));
	exit(1);
}

static vm_address_t allocate(vm_size_t size)
{
	vm_address_t address = 0;

	check(vm_allocate(mach_task_self(), &address, size, TRUE), "vm_allocate");
	return address;
}

static double ticks_per_ns(void)
{
	uint64_t ticks = __builtin_ia32_rdtsc(), ns = now_ns();

	while (now_ns() - ns < 20000000)
		continue;
	return (double)(__builtin_ia32_rdtsc() - ticks) / (double)(now_ns() - ns);
}

static void measure(int node, struct round *round, struct watch *watch, vm_address_t stack,
		    double rate)
{
	uint64_t called, returned, first;
	thread_t thread;
	task_t child;

	atomic_store(&watch->longest_ticks, 0);
	called = now_ns();
	check(norma_task_clone(mach_task_self(), TRUE, node, &child), "norma_task_clone");
	returned = now_ns();
	check(norma_thread_start(child, child_main, round, (void *)(stack + STACK_BYTES), &thread),
	      "starting the child's thread");
	spin_until((first = atomic_load(&round->child_first_ns)) != 0);
	printf("%.1f %.1f %.1f\n", (double)(first - called) / 1e3,
	       (double)(returned - called) / 1e3,
	       (double)atomic_load(&watch->longest_ticks) / rate / 1e3);
	check(task_terminate(child), "task_terminate");
}

int main(int argc, char **argv)
{
	int node = argc > 1 ? atoi(argv[1]) : 1;
	vm_size_t bytes = (vm_size_t)(argc > 2 ? atol(argv[2]) : 1) << 20;
	int rounds = argc > 3 ? atoi(argv[3]) : 10;
	vm_address_t memory = allocate(bytes);
	vm_address_t stacks = allocate(2 * STACK_BYTES);
	struct round *round = (struct round *)allocate((vm_size_t)rounds * sizeof(*round));
	struct watch *watch = (struct watch *)allocate(sizeof(*watch));
	double rate = ticks_per_ns();
	thread_t watcher;

	for (vm_size_t at = 0; at < bytes; at += 4096)
		*(volatile uint64_t *)(memory + at) = at + 1;
	check(norma_thread_start(mach_task_self(), watch_main, watch,
				 (void *)(stacks + 2 * STACK_BYTES), &watcher),
	      "starting the watching thread");
	for (int i = 0; i < rounds; i++)
		measure(node, &round[i], watch, stacks, rate);
	atomic_store(&watch->stop, 1);
	return 0;
}
