/*
 * Mappings moved out of the way, to be taken apart when nobody waits for it.
 *
 * To map something over a GiB of pages that are mapped one by one takes the kernel 40 ms or more,
 * all of it while a parent's threads stand still. Moving their page tables elsewhere takes 0.2 ms.
 */
#ifndef MEMORY_ASIDE_H
#define MEMORY_ASIDE_H

#include <stdint.h>

/* Lies in front of what was moved, in a mapping that no fork copies. */
struct aside;

/*
 * Moves the pages of a large shared file mapping away. The mapping itself stays, without pages: an
 * access would find them again in the file. Does nothing where that would gain nothing or fails.
 */
void aside_move(struct aside **asides, void *start, uint64_t bytes);
/* Unmaps all that was moved, in a thread of its own, and forgets it. */
void aside_drop(struct aside **asides);

#endif
