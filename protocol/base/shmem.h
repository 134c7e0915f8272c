/*
 * What the kernel does with shared memory files (memfds) that norma depends on.
 */
#ifndef BASE_SHMEM_H
#define BASE_SHMEM_H

#include <stdint.h>

/* The memory that one entry of a second-level page table can map. */
#define HUGE_PAGE_BYTES ((uint64_t)2 << 20)

/*
 * Does a page that is written into a memfd come alone? Where shared memory gets huge pages without
 * being asked (transparent_hugepage/shmem_enabled: always, within_size or force), the pages beside
 * it appear with it, as zeros, and a pager could not tell them from pages that were fetched.
 * Return: 0, -EOPNOTSUPP when they do, -errno when it cannot be found out.
 */
int shmem_pages_are_single(void);

#endif
