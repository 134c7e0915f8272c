/*
 * Mapping, and giving memory to units ahead of the bytes.
 */
#include "pager/service/frozen/window.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/shmem.h"

/* Linux 5.14; the installed headers may be older. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Return: bytes of address space that begin at a multiple of a huge page, or NULL. */
static uint8_t *reserve(uint64_t bytes)
{
	uint8_t *at = mmap(NULL, bytes + HUGE_PAGE_BYTES, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t before;

	if (at == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)at % HUGE_PAGE_BYTES;
	if (before)
		munmap(at, before);
	munmap(at + before + bytes, HUGE_PAGE_BYTES - before);
	return at + before;
}

static int map(struct window *window, int fd, int protection)
{
	window->at = reserve(window->bytes);
	if (!window->at)
		return -1;
	return mmap(window->at, window->bytes, protection, MAP_SHARED | MAP_FIXED | MAP_NORESERVE,
		    fd, 0) == MAP_FAILED
		   ? -1
		   : 0;
}

void window_close(struct window *window)
{
	if (window->at)
		munmap(window->at, window->bytes);
	free(window->filled);
	free(window);
}

struct window *window_open(int fd, uint64_t bytes)
{
	struct window *window = calloc(1, sizeof(*window));

	if (!window)
		return NULL;
	window->bytes = bytes;
	window->unit_count = bytes / HUGE_PAGE_BYTES;
	window->filled = calloc((size_t)window->unit_count / 64 + 1, sizeof(uint64_t));
	if (window->unit_count && window->filled && map(window, fd, PROT_READ | PROT_WRITE) == 0 &&
	    madvise(window->at, window->bytes, MADV_HUGEPAGE) == 0)
		return window;
	window_close(window);
	return NULL;
}

int window_open_view(int fd, uint64_t bytes, struct window **ret_window)
{
	struct window *window = calloc(1, sizeof(*window));

	if (!window)
		return -ENOMEM;
	window->bytes = bytes;
	if (map(window, fd, PROT_READ)) {
		int r = -errno;

		window_close(window);
		return r;
	}
	*ret_window = window;
	return 0;
}

uint8_t *window_place(struct window *window, uint64_t offset, uint64_t bytes)
{
	uint64_t unit = offset / HUGE_PAGE_BYTES;
	uint64_t bit = (uint64_t)1 << (unit % 64);

	if (unit >= window->unit_count || (offset + bytes - 1) / HUGE_PAGE_BYTES != unit)
		return NULL;
	/* Two threads may do it at once: the second finds it done. */
	if (!(atomic_load(&window->filled[unit / 64]) & bit) &&
	    madvise(window->at + unit * HUGE_PAGE_BYTES, HUGE_PAGE_BYTES, MADV_POPULATE_WRITE))
		return NULL;
	atomic_fetch_or(&window->filled[unit / 64], bit);
	return window->at + offset;
}
