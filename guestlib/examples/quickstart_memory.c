/*
 * The demonstration's set-up and its waiting.
 */
#include "quickstart.h"

#include <norma_guest.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STACK_BYTES	65536u
#define WAIT_SECONDS	60u
#define PAGES_OF_MIB(n) ((n)*256u)

struct region quickstart_regions[QUICKSTART_REGION_COUNT] = {
    {.name = "share", .inheritance = VM_INHERIT_SHARE, .page_count = PAGES_OF_MIB(24)},
    {.name = "copy", .inheritance = VM_INHERIT_COPY, .page_count = PAGES_OF_MIB(24)},
    {.name = "none", .inheritance = VM_INHERIT_NONE, .page_count = PAGES_OF_MIB(16)},
};
struct visit *quickstart_visit;
struct ticker *quickstart_ticker;

static unsigned char stacks[2][STACK_BYTES] __attribute__((aligned(4096)));

void quickstart_check(kern_return_t result, const char *what)
{
	if (result == KERN_SUCCESS)
		return;
	fprintf(stderr, "quickstart: %s: %s\n", what, mach_error_string(result));
	exit(1);
}

uint64_t quickstart_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void quickstart_wait(const _Atomic uint64_t *word, uint64_t value, const char *what)
{
	uint64_t deadline = quickstart_now_ns() + WAIT_SECONDS * 1000000000ull;

	for (uint32_t spins = 1; atomic_load(word) != value; spins++) {
		quickstart_relax();
		if (spins % 256 == 0 && quickstart_now_ns() > deadline) {
			fprintf(stderr, "quickstart: waited %u s in vain for %s\n", WAIT_SECONDS,
				what);
			exit(1);
		}
	}
}

void quickstart_start(task_t task, void (*entry)(void *), int which)
{
	quickstart_check(norma_thread_start(task, entry, NULL, stacks[which] + STACK_BYTES, NULL),
			 "starting a thread");
}

static void *allocate(vm_size_t bytes, vm_inherit_t inheritance)
{
	vm_address_t address = 0;

	quickstart_check(vm_allocate(mach_task_self(), &address, bytes, TRUE), "vm_allocate");
	quickstart_check(vm_inherit(mach_task_self(), address, bytes, inheritance), "vm_inherit");
	return (void *)address;
}

void quickstart_make_memory(void)
{
	quickstart_visit = allocate(sizeof(*quickstart_visit), VM_INHERIT_SHARE);
	quickstart_ticker = allocate(sizeof(*quickstart_ticker), VM_INHERIT_SHARE);
	for (int r = 0; r < QUICKSTART_REGION_COUNT; r++) {
		struct region *region = &quickstart_regions[r];

		region->pages = allocate((vm_size_t)region->page_count * QUICKSTART_PAGE_BYTES,
					 region->inheritance);
		for (uint32_t i = 0; i < region->page_count; i++) {
			struct page *page = &region->pages[i];

			page->pattern = page->pattern_end = quickstart_pattern(region, i);
		}
	}
}
