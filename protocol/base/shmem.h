/*
 * What the kernel does with shared memory files (memfds) that norma depends on.
 */
#ifndef BASE_SHMEM_H
#define BASE_SHMEM_H

#include <stdbool.h>
#include <stdint.h>

/* The memory that one entry of a second-level page table can map. */
#define HUGE_PAGE_BYTES ((uint64_t)2 << 20)

/* Does a mapping of a memfd that asks for huge pages get them here, now? */
bool shmem_has_huge_pages(void);

#endif
