/*
 * A guest that clones itself to other nodes and has all of them work on the same memory: atomic
 * increments, message passing, Dekker with fences, random reads and writes against a model. The
 * parent prints one line per test and exits 0 only when every one held.
 *
 *   coherence NODES [THREADS [INCREMENTS [ROUNDS [OPERATIONS [SECONDS]]]]]
 *
 * NODES counts the parent's own; children are made on nodes 1..NODES-1. Workers are started with
 * norma_thread_start and use no libc: it does not know of them.
 *
 * A test that takes longer than SECONDS is content with a twentieth of its rounds: what is checked
 * stays the same, and a page that has to wait for a busy host's CPUs each time it crosses does not
 * make the program take for ever.
 */
#include <mach/mach.h>
#include <mach/norma.h>
#include <norma_guest.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spin.h"

enum {
	MAX_NODES = 8,
	MAX_WORKERS = 32,
	PAGES = 1000,
	PAGE = 4096,
	STACK_BYTES = 64 * 1024,
	FEWEST = 20,	  /* of so many rounds one is made in any case */
	CLOCK_EVERY = 64, /* rounds: asking for the time leaves the guest */
};

#define NO_END UINT64_MAX

#define MAGIC 0x6e6f726d61636c6eull /* in every page of the model area: never zero */

struct padded {
	_Atomic uint64_t value;
	char pad[PAGE - 8];
} __attribute__((aligned(4096)));

/* One page of the model area: slot w is written by worker w only, always with a larger value. */
struct model_page {
	uint64_t magic;
	_Atomic uint64_t slot[MAX_WORKERS];
	char pad[PAGE - 8 - 8 * MAX_WORKERS];
} __attribute__((aligned(4096)));

struct worker {
	struct shared *shared;
	uint32_t index;
	uint64_t seed;
	uint64_t ends_ns;	 /* when the test under way has had its time */
	uint64_t increments;	 /* made */
	uint64_t operations;	 /* of the model, made */
	uint64_t stale_data;	 /* message passing: old data seen behind a new flag */
	uint64_t both_zero;	 /* Dekker, counted by worker 1 */
	uint64_t went_back;	 /* model: a value older than one seen before */
	uint64_t lost_magic;	 /* model: a page that lost its constant */
	uint64_t final_mismatch; /* model: differs from the owner's log at the end */
	uint64_t log[PAGES];	 /* what this worker last wrote to its slot of each page */
	uint64_t seen[PAGES][MAX_WORKERS];
} __attribute__((aligned(4096)));

struct shared {
	struct padded counter;
	struct padded barrier_arrived, barrier_generation;
	struct padded data, flag, acknowledged;
	struct padded x, y, result0;
	struct padded message_end, lockstep_end, dekker_end; /* told by worker 0 */
	uint32_t workers;
	uint64_t increments, rounds, lockstep_rounds, dekker_rounds, operations; /* at most */
	uint64_t test_ns;
	struct model_page pages[PAGES];
	struct worker worker[MAX_WORKERS];
};

static void barrier(struct shared *shared)
{
	uint64_t generation = atomic_load(&shared->barrier_generation.value);

	if (atomic_fetch_add(&shared->barrier_arrived.value, 1) + 1 == shared->workers) {
		atomic_store(&shared->barrier_arrived.value, 0);
		atomic_fetch_add(&shared->barrier_generation.value, 1);
		return;
	}
	spin_until(atomic_load(&shared->barrier_generation.value) != generation);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	norma_system_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Has a worker made enough rounds of a test, of those that are wanted if there is time? */
static bool is_enough(const struct worker *me, uint64_t done, uint64_t wanted)
{
	if (done >= wanted)
		return true;
	return done % CLOCK_EVERY == 0 && done >= wanted / FEWEST && now_ns() > me->ends_ns;
}

static void test_increments(struct worker *me)
{
	struct shared *shared = me->shared;
	uint64_t mine = shared->increments / shared->workers;

	if (me->index == 0)
		mine += shared->increments % shared->workers;
	while (!is_enough(me, me->increments, mine)) {
		atomic_fetch_add(&shared->counter.value, 1);
		me->increments++;
	}
}

/* Worker 0 writes freely; everybody else checks what they find behind the flag. */
static void test_messages_free(struct worker *me)
{
	struct shared *shared = me->shared;
	uint64_t flag = 0, sent = 0;

	if (me->index == 0) {
		while (!is_enough(me, sent, shared->rounds)) {
			sent++;
			atomic_store_explicit(&shared->data.value, sent, memory_order_release);
			atomic_store_explicit(&shared->flag.value, sent, memory_order_release);
		}
		atomic_store(&shared->message_end.value, sent);
		return;
	}
	while (flag < atomic_load(&shared->message_end.value)) {
		flag = atomic_load_explicit(&shared->flag.value, memory_order_acquire);
		if (atomic_load_explicit(&shared->data.value, memory_order_acquire) < flag)
			me->stale_data++;
		spin_hint();
	}
}

/* Worker 0 and the last worker (on the last node) in step: every round crosses the wire. */
static void test_messages_lockstep(struct worker *me)
{
	struct shared *shared = me->shared;
	uint64_t base = atomic_load(&shared->message_end.value);

	for (uint64_t i = base + 1; i <= atomic_load(&shared->lockstep_end.value); i++) {
		if (me->index == 0) {
			if (is_enough(me, i - base, shared->lockstep_rounds))
				atomic_store(&shared->lockstep_end.value, i);
			atomic_store_explicit(&shared->data.value, i, memory_order_release);
			atomic_store_explicit(&shared->flag.value, i, memory_order_release);
			spin_until(atomic_load(&shared->acknowledged.value) == i);
		} else if (me->index == shared->workers - 1) {
			spin_until(atomic_load(&shared->flag.value) == i);
			if (atomic_load(&shared->data.value) != i)
				me->stale_data++;
			atomic_store(&shared->acknowledged.value, i);
		}
	}
}

/* x := 1; fence; read y  against  y := 1; fence; read x: never both zero. */
static void test_dekker(struct worker *me)
{
	struct shared *shared = me->shared;
	uint32_t last = shared->workers - 1;

	for (uint64_t i = 1; i <= atomic_load(&shared->dekker_end.value); i++) {
		uint64_t seen = 1;

		if (me->index == 0) {
			if (is_enough(me, i, shared->dekker_rounds))
				atomic_store(&shared->dekker_end.value, i);
			atomic_store_explicit(&shared->x.value, 0, memory_order_relaxed);
			atomic_store_explicit(&shared->y.value, 0, memory_order_relaxed);
		}
		barrier(shared);
		if (me->index == 0) {
			atomic_store_explicit(&shared->x.value, 1, memory_order_relaxed);
			atomic_thread_fence(memory_order_seq_cst);
			seen = atomic_load_explicit(&shared->y.value, memory_order_relaxed);
			atomic_store(&shared->result0.value, seen);
		} else if (me->index == last) {
			atomic_store_explicit(&shared->y.value, 1, memory_order_relaxed);
			atomic_thread_fence(memory_order_seq_cst);
			seen = atomic_load_explicit(&shared->x.value, memory_order_relaxed);
		}
		barrier(shared);
		if (me->index == last && !seen && !atomic_load(&shared->result0.value))
			me->both_zero++;
		barrier(shared);
	}
}

static uint64_t next_random(struct worker *me)
{
	me->seed ^= me->seed << 13;
	me->seed ^= me->seed >> 7;
	me->seed ^= me->seed << 17;
	return me->seed;
}

static void model_write(struct worker *me, uint32_t page)
{
	me->log[page] += 1 + next_random(me) % 7;
	atomic_store(&me->shared->pages[page].slot[me->index], me->log[page]);
}

static void model_read(struct worker *me, uint32_t page, uint32_t slot)
{
	struct model_page *at = &me->shared->pages[page];
	uint64_t value = atomic_load(&at->slot[slot]);

	if (at->magic != MAGIC)
		me->lost_magic++;
	if (value < me->seen[page][slot])
		me->went_back++;
	me->seen[page][slot] = value;
	if (slot == me->index && value != me->log[page])
		me->went_back++;
}

static void test_model(struct worker *me)
{
	struct shared *shared = me->shared;

	for (; !is_enough(me, me->operations, shared->operations); me->operations++) {
		uint32_t page = (uint32_t)(next_random(me) % PAGES);

		if (next_random(me) % 10 < 3)
			model_write(me, page);
		else
			model_read(me, page, (uint32_t)(next_random(me) % shared->workers));
	}
	barrier(shared);
	for (uint32_t page = 0; page < PAGES; page++)
		for (uint32_t slot = 0; slot < shared->workers; slot++)
			if (atomic_load(&shared->pages[page].slot[slot]) !=
			    shared->worker[slot].log[page])
				me->final_mismatch++;
}

static void run_tests(struct worker *me)
{
	static void (*const tests[])(struct worker *) = {
	    test_increments, test_messages_free, test_messages_lockstep, test_dekker, test_model,
	};

	for (unsigned int i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		me->ends_ns = now_ns() + me->shared->test_ns;
		tests[i](me);
		barrier(me->shared);
	}
}

static void worker_main(void *argument)
{
	run_tests(argument);
}

static void check(kern_return_t result, const char *what)
{
	if (result == KERN_SUCCESS)
		return;
	fprintf(stderr, "coherence: %s: %s\n", what, mach_error_string(result));
	exit(1);
}

static void start_workers(task_t task, struct shared *shared, uint32_t first, uint32_t count,
			  vm_address_t stacks)
{
	for (uint32_t i = first; i < first + count; i++) {
		thread_t thread;
		void *top = (void *)(stacks + (vm_address_t)(i + 1) * STACK_BYTES);

		check(norma_thread_start(task, worker_main, &shared->worker[i], top, &thread),
		      "starting a worker");
	}
}

static unsigned int failures;

static void report(const char *test, uint64_t wrong, uint64_t amount, const char *unit)
{
	printf("%-28s %s (%lu %s)\n", test, wrong ? "WRONG" : "ok", (unsigned long)amount, unit);
	if (wrong)
		failures++;
}

static void report_all(const struct shared *shared)
{
	uint64_t stale = 0, zero = 0, back = 0, magic = 0, final = 0;
	uint64_t increments = 0, operations = 0;

	for (uint32_t i = 0; i < shared->workers; i++) {
		stale += shared->worker[i].stale_data;
		zero += shared->worker[i].both_zero;
		back += shared->worker[i].went_back;
		magic += shared->worker[i].lost_magic;
		final += shared->worker[i].final_mismatch;
		increments += shared->worker[i].increments;
		operations += shared->worker[i].operations;
	}
	report("atomic increments", atomic_load(&shared->counter.value) != increments, increments,
	       "made");
	report("data before flag", stale, atomic_load(&shared->lockstep_end.value), "rounds");
	report("Dekker with fences", zero, atomic_load(&shared->dekker_end.value), "rounds");
	report("values never go back", back, operations, "operations");
	report("no page lost its constant", magic, PAGES, "pages");
	report("memory equals the model", final, (uint64_t)PAGES * shared->workers, "words");
}

static uint64_t argument(int argc, char **argv, int index, uint64_t fallback)
{
	return argc > index ? strtoull(argv[index], NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
	uint32_t nodes = (uint32_t)argument(argc, argv, 1, 2);
	uint32_t threads = (uint32_t)argument(argc, argv, 2, 2);
	vm_address_t address = 0, stacks = 0;
	task_t child[MAX_NODES] = {0};
	struct shared *shared;

	if (nodes < 1 || nodes > MAX_NODES || threads < 1 || nodes * threads > MAX_WORKERS) {
		fprintf(stderr, "usage: coherence NODES(1..8) [THREADS [INCREMENTS [ROUNDS "
				"[OPERATIONS [SECONDS]]]]]\n");
		return 2;
	}
	check(vm_allocate(mach_task_self(), &address, sizeof(*shared), TRUE), "vm_allocate");
	check(vm_allocate(mach_task_self(), &stacks, (vm_size_t)MAX_WORKERS * STACK_BYTES, TRUE),
	      "vm_allocate");
	shared = (struct shared *)address;
	shared->workers = nodes * threads;
	shared->increments = argument(argc, argv, 3, 1000000);
	shared->rounds = argument(argc, argv, 4, 100000);
	shared->lockstep_rounds = shared->rounds / 50;
	shared->dekker_rounds = shared->rounds / 100;
	shared->operations = argument(argc, argv, 5, 20000);
	shared->test_ns = argument(argc, argv, 6, 3600) * 1000000000;
	atomic_store(&shared->message_end.value, NO_END);
	atomic_store(&shared->lockstep_end.value, NO_END);
	atomic_store(&shared->dekker_end.value, NO_END);
	for (uint32_t i = 0; i < PAGES; i++)
		shared->pages[i].magic = MAGIC;
	for (uint32_t i = 0; i < shared->workers; i++) {
		shared->worker[i].shared = shared;
		shared->worker[i].index = i;
		shared->worker[i].seed = 0x9e3779b97f4a7c15ull * (i + 1);
	}
	for (uint32_t node = 1; node < nodes; node++) {
		check(norma_task_clone(mach_task_self(), TRUE, (int)node, &child[node]),
		      "norma_task_clone");
		start_workers(child[node], shared, node * threads, threads, stacks);
	}
	start_workers(mach_task_self(), shared, 1, threads - 1, stacks);
	run_tests(&shared->worker[0]);
	report_all(shared);
	for (uint32_t node = 1; node < nodes; node++)
		check(task_terminate(child[node]), "task_terminate");
	return failures ? 1 : 0;
}
