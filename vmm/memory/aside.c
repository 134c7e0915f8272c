/*
 * mremap with MREMAP_DONTUNMAP, and a thread that unmaps.
 *
 * A whole page table moves at once if it is as far from a boundary of its level before as after: so
 * the new address equals the old one in its lower 30 bits.
 */
#include "aside.h"

#include <pthread.h>
#include <sys/mman.h>

#include "base/checked.h"
#include "base/shmem.h"

struct aside {
	struct aside *next;
	uint64_t bytes; /* of all of it, this page included */
};

/* Below this a thread is not worth its price. */
#define ASIDE_MIN_BYTES (UINT64_C(16) << 20)
/* What one page table of the last level but one maps. */
#define ALIGNMENT_BYTES (UINT64_C(1) << 30)
/* Others who change mappings wait for no more than this to be unmapped. */
#define STEP_BYTES HUGE_PAGE_BYTES

/* Where it goes: behind the first page, and as far from a boundary as `start`. */
static void *aside_place(const struct aside *aside, const void *start)
{
	uint64_t first = (uintptr_t)aside + PAGE_BYTES;

	return (void *)(first + ((uintptr_t)start - first) % ALIGNMENT_BYTES);
}

/* Return: NULL when there is no room. */
static struct aside *aside_new(uint64_t bytes)
{
	uint64_t all = PAGE_BYTES + ALIGNMENT_BYTES + bytes;
	struct aside *aside =
	    mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (aside == MAP_FAILED)
		return NULL;
	if (mprotect(aside, PAGE_BYTES, PROT_READ | PROT_WRITE) < 0) {
		munmap(aside, all);
		return NULL;
	}
	aside->bytes = all;
	return aside;
}

void aside_move(struct aside **asides, void *start, uint64_t bytes)
{
	struct aside *aside = bytes >= ASIDE_MIN_BYTES ? aside_new(bytes) : NULL;

	if (!aside)
		return;
	/* Dropped all the same when it could not be moved, or hidden from a fork. */
	mremap(start, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
	       aside_place(aside, start));
	aside->next = *asides;
	*asides = aside;
	madvise(aside, aside->bytes, MADV_DONTFORK);
}

static void aside_unmap(struct aside *aside)
{
	uint64_t at = (uintptr_t)aside, end = at + aside->bytes;

	for (uint64_t next; at < end; at = next) {
		next = at - at % STEP_BYTES + STEP_BYTES;
		munmap((void *)at, (next < end ? next : end) - at);
	}
}

static void *unmap_main(void *context)
{
	struct aside *aside = context, *next;

	for (; aside; aside = next) {
		next = aside->next;
		aside_unmap(aside);
	}
	return NULL;
}

void aside_drop(struct aside **asides)
{
	pthread_t thread;

	if (!*asides)
		return;
	if (pthread_create(&thread, NULL, unmap_main, *asides) == 0)
		pthread_detach(thread);
	else
		unmap_main(*asides); /* somebody waits, but it is done */
	*asides = NULL;
}
