/*
 * Found out by doing it: the settings are several, and differ between kernels.
 */
#include "base/shmem.h"

#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cleanup.h"

/* A huge page at a multiple of its size lies somewhere in so many bytes of addresses. */
#define PROBE_BYTES (2 * HUGE_PAGE_BYTES)

/* Return: whether the page beside one that is touched comes with it. */
static bool neighbour_comes(int fd, uint8_t *unit)
{
	if (mmap(unit, HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
		MAP_FAILED ||
	    madvise(unit, HUGE_PAGE_BYTES, MADV_HUGEPAGE))
		return false;
	*(volatile uint8_t *)unit = 1;
	return lseek(fd, 0, SEEK_HOLE) > (off_t)PAGE_BYTES;
}

bool shmem_has_huge_pages(void)
{
	_cleanup_close_ int fd = memfd_create("norma-probe", MFD_CLOEXEC);
	uint8_t *at;
	bool has;

	if (fd < 0 || ftruncate(fd, (off_t)HUGE_PAGE_BYTES))
		return false;
	at = mmap(NULL, PROBE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return false;
	has = neighbour_comes(fd, at + -(uintptr_t)at % HUGE_PAGE_BYTES);
	munmap(at, PROBE_BYTES);
	return has;
}
