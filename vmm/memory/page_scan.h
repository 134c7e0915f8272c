/*
 * Which pages of a mapping exist in this process, asked of the kernel (PAGEMAP_SCAN, Linux 6.7).
 */
#ifndef MEMORY_PAGE_SCAN_H
#define MEMORY_PAGE_SCAN_H

#include <stdint.h>

enum page_scan_what {
	PAGE_SCAN_OVERLAY, /* a private mapping's own pages: not the file's */
	PAGE_SCAN_MAPPED,  /* pages in memory and in the page table */
};

struct page_run {
	uint64_t start; /* host addresses */
	uint64_t end;
};

/* Opens /proc/self/pagemap. Return: a descriptor, -ENOSYS when the kernel cannot scan, -errno. */
int page_scan_open(void);

/*
 * The first runs of such pages in [*start, end): at most capacity, ascending; *start moves on to
 * where the next call continues, or end. Return: how many, or -errno.
 */
int page_scan_next(int pagemap_fd, enum page_scan_what what, uint64_t *start, uint64_t end,
		   struct page_run *runs, unsigned int capacity);

#endif
