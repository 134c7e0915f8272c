/*
 * What a page of another host costs a guest thread. A parent makes pages on its host and a child on
 * NODE that shares them; one of them, or both by turns, touch the pages.
 *
 *   fault_time NODE remote_fault COUNT     the child reads pages that only the parent's host has
 *   fault_time NODE upgrade COUNT          the child writes pages that both hosts have to read
 *   fault_time NODE write_pingpong COUNT   both write one page by turns: half of each round
 *
 * With NODE this very host, remote_fault is what the same access costs with no other host in it:
 * the exit of the machine and the second-level page table, to be taken off.
 *
 * Prints COUNT times in microseconds, one per line. Clock: the time stamp counter, read by the
 * thread right before and after the access; no exit of the machine in between but the fault. Pages
 * are touched in an order in which no two neighbours follow each other.
 */
#include <mach/mach.h>
#include <mach/norma.h>
#include <norma_guest.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

enum {
	STACK_BYTES = 64 * 1024,
	MAX_COUNT = 100000,
	STRIDE = 4099,
	SPACING = 16,
	WARM_UP = 20,
	LOOK_MS = 5
};

enum what { REMOTE_FAULT, UPGRADE, WRITE_PINGPONG };
static const char *const names[] = {"remote_fault", "upgrade", "write_pingpong"};

/* Shared by both; what one of them writes while the other measures has a page of its own. */
struct run {
	uint64_t count;
	uint64_t what;
	vm_address_t pages;
	uint64_t ticks[MAX_COUNT];
	_Atomic uint64_t is_ready __attribute__((aligned(4096)));
	_Atomic uint64_t is_done __attribute__((aligned(4096)));
	_Atomic uint64_t turn __attribute__((aligned(4096)));
	char pad[4096 - 8];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	norma_system_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static uint64_t ticks_now(void)
{
	unsigned int processor;

	return __builtin_ia32_rdtscp(&processor);
}

static volatile uint64_t *page_at(const struct run *run, uint64_t i)
{
	return (volatile uint64_t *)(run->pages + i * STRIDE % run->count * SPACING * 4096);
}

static void read_all(struct run *run)
{
	for (uint64_t i = 0; i < run->count; i++) {
		uint64_t begin = ticks_now();

		(void)*page_at(run, i);
		run->ticks[i] = ticks_now() - begin;
	}
}

static void write_all(struct run *run)
{
	for (uint64_t i = 0; i < run->count; i++) {
		uint64_t begin = ticks_now();

		*page_at(run, i) = i;
		run->ticks[i] = ticks_now() - begin;
	}
}

/*
 * Waits by trying to write: whoever waits asks for the page as a writer and nothing else. No other
 * page is used by both meanwhile: where the number of turns is, the child writes its times.
 */
static void take_turns(struct run *run, uint64_t mine, uint64_t *ret_ticks)
{
	const uint64_t turns = run->count + WARM_UP;
	uint64_t last = ticks_now();

	for (uint64_t i = 0; i < turns; i++) {
		uint64_t expected = 2 * i + mine, now;

		while (!atomic_compare_exchange_weak(&run->turn, &expected, 2 * i + mine + 1))
			expected = 2 * i + mine;
		now = ticks_now();
		if (ret_ticks && i >= WARM_UP)
			ret_ticks[i - WARM_UP] = (now - last) / 2;
		last = now;
	}
}

static void child_main(void *argument)
{
	struct run *run = argument;

	/* The pages of the results come first: they are not part of what is measured. */
	memset(run->ticks, 0, run->count * sizeof(run->ticks[0]));
	if (run->what == WRITE_PINGPONG)
		take_turns(run, 0, run->ticks);
	else
		read_all(run);
	if (run->what == UPGRADE)
		write_all(run);
	atomic_store(&run->is_done, 1);
}

static void check(kern_return_t result, const char *what)
{
	if (result == KERN_SUCCESS)
		return;
	fprintf(stderr, "fault_time: %s: %s\n", what, mach_error_string(result));
	exit(1);
}

static vm_address_t allocate(vm_size_t size)
{
	vm_address_t address = 0;

	check(vm_allocate(mach_task_self(), &address, size, TRUE), "vm_allocate");
	return address;
}

static double ticks_per_us(void)
{
	uint64_t ticks = ticks_now(), ns = now_ns();

	while (now_ns() - ns < 20000000)
		continue;
	return (double)(ticks_now() - ticks) * 1e3 / (double)(now_ns() - ns);
}

static enum what find(const char *name)
{
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return (enum what)i;
	fprintf(stderr, "fault_time: there is no '%s'\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	int node = argc > 1 ? atoi(argv[1]) : 1;
	enum what what = find(argc > 2 ? argv[2] : "remote_fault");
	uint64_t count = argc > 3 ? (uint64_t)atol(argv[3]) : 1000;
	struct run *run = (struct run *)allocate(sizeof(*run));
	vm_address_t stack = allocate(STACK_BYTES);
	double rate = ticks_per_us();
	thread_t thread;
	task_t child;

	if (count == 0 || count > MAX_COUNT)
		return 2;
	run->what = what;
	run->count = count;
	run->pages = allocate(count * SPACING * 4096);
	for (uint64_t i = 0; i < count; i++)
		*page_at(run, i) = i + 1;
	check(norma_task_clone(mach_task_self(), TRUE, node, &child), "norma_task_clone");
	check(norma_thread_start(child, child_main, run, (void *)(stack + STACK_BYTES), &thread),
	      "starting the child's thread");
	if (what == WRITE_PINGPONG)
		take_turns(run, 1, NULL);
	/* Looks now and then only: a waiting thread that spins would take a CPU from the pagers. */
	while (!atomic_load(&run->is_done))
		norma_system_call(SYS_poll, 0, 0, LOOK_MS);
	check(task_terminate(child), "task_terminate");
	for (uint64_t i = 0; i < count; i++)
		printf("%.2f\n", (double)run->ticks[i] / rate);
	return 0;
}
