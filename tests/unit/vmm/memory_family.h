/*
 * What the tests of children share: a pager's double and a parent, and questions about two tasks'
 * memory.
 */
#ifndef TESTS_MEMORY_FAMILY_H
#define TESTS_MEMORY_FAMILY_H

#include "memory_peer.h"

#define P UINT64_C(4096)
#define R UINT64_C(0x100000)

extern struct broker *broker;
extern struct peer parent;

/* Checked fixtures. At the end, when all tasks have ended, nobody holds anything. */
void family_setup(void);
/* The same; parents fork whenever they may. */
void family_setup_forking(void);
void family_teardown(void);

/* One region of the parent: pages[i] is 'S', 'C' or 'N'; each page i is filled with its number + 1.
 */
void parent_region(uint64_t address, const char *pages);
/* Does each see the other's stores at address? */
bool is_shared_between(struct peer *a, struct peer *b, uint64_t address);
/* Reads one byte. */
kern_return_t touch(struct peer *peer, uint64_t address);
/* The region that contains address, which must exist. */
struct space_region_info region_of(struct peer *peer, uint64_t address);

#endif
