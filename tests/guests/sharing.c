/*
 * A guest that shares memory with its clone on another node for ever, so that a test can kill
 * things under it. Both sides write their own words and check what they read: a page that lost its
 * constant (a silent zero) or a value that went back ends the task with status 3. Each side says
 * "beat" on its own console while it makes progress.
 *
 *   sharing NODE      prints "parent NAME child NAME", then beats
 */
#include <mach/mach.h>
#include <mach/norma.h>
#include <norma_guest.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

enum { PAGES = 256, PAGE = 4096, STACK_BYTES = 64 * 1024, BEAT_OPERATIONS = 20000 };

#define MAGIC 0x6e6f726d61736861ull

struct page {
	uint64_t magic;
	_Atomic uint64_t word[2];
	char pad[PAGE - 24];
};

struct side {
	struct page *pages;
	uint64_t index;
	uint64_t seed;
	uint64_t seen[PAGES];
} __attribute__((aligned(4096))); /* not on one page: each side writes its own */

static uint64_t next_random(struct side *me)
{
	me->seed ^= me->seed << 13;
	me->seed ^= me->seed >> 7;
	me->seed ^= me->seed << 17;
	return me->seed;
}

static void operate(struct side *me)
{
	uint32_t index = (uint32_t)(next_random(me) % PAGES);
	struct page *page = &me->pages[index];
	uint64_t other = atomic_load(&page->word[!me->index]);

	if (page->magic != MAGIC) {
		say("WRONG: a page lost its constant\n");
		end_program(3);
	}
	if (other < me->seen[index]) {
		say("WRONG: a value went back\n");
		end_program(3);
	}
	me->seen[index] = other;
	if (next_random(me) % 4 == 0)
		atomic_fetch_add(&page->word[me->index], 1);
}

static void share_for_ever(void *argument)
{
	struct side *me = argument;

	for (;;) {
		for (int i = 0; i < BEAT_OPERATIONS; i++)
			operate(me);
		say("beat\n");
	}
}

static void check(kern_return_t result, const char *what)
{
	if (result == KERN_SUCCESS)
		return;
	fprintf(stderr, "sharing: %s: %s\n", what, mach_error_string(result));
	exit(1);
}

int main(int argc, char **argv)
{
	vm_address_t pages = 0, sides = 0, stack = 0;
	struct side *side;
	thread_t thread;
	task_t child;

	if (argc != 2) {
		fprintf(stderr, "usage: sharing NODE\n");
		return 2;
	}
	check(vm_allocate(mach_task_self(), &pages, PAGES * PAGE, TRUE), "vm_allocate");
	check(vm_allocate(mach_task_self(), &sides, 2 * sizeof(*side), TRUE), "vm_allocate");
	check(vm_allocate(mach_task_self(), &stack, STACK_BYTES, TRUE), "vm_allocate");
	side = (struct side *)sides;
	for (uint32_t i = 0; i < PAGES; i++)
		((struct page *)pages)[i].magic = MAGIC;
	for (uint64_t i = 0; i < 2; i++)
		side[i] = (struct side){.pages = (struct page *)pages, .index = i, .seed = 77 + i};
	check(norma_task_clone(mach_task_self(), TRUE, atoi(argv[1]), &child), "norma_task_clone");
	check(norma_thread_start(child, share_for_ever, &side[1], (void *)(stack + STACK_BYTES),
				 &thread),
	      "starting the child's thread");
	printf("parent 0x%08x child 0x%08x\n", mach_task_self(), child);
	fflush(stdout);
	share_for_ever(&side[0]);
	return 0;
}
