/*
 * What most tests of the pager begin with: one object, its home host 0, mapped by a task of each
 * host. One such family for each program.
 */
#ifndef SERVICE_FAMILY_H
#define SERVICE_FAMILY_H

#include "base/checked.h"
#include "service_world.h"

extern struct world world;
extern struct task tasks[WORLD_MAX_HOSTS];
extern struct view views[WORLD_MAX_HOSTS];
extern uint64_t object;

void family_start(unsigned int hosts, uint64_t bytes);
/* Checks that no pager which still runs has kept the object. */
void family_stop(void);

static inline uint8_t *page_at(unsigned int host, uint64_t page)
{
	return views[host].at + page * PAGE_BYTES;
}

#endif
