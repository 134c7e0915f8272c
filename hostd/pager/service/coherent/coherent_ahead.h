/*
 * Reading one page after the other: read copies are asked for ahead of the thread, as far as it has
 * gone on reading in sequence, and mapped ahead once they are here. Each is an ordinary read
 * request; nobody waits for it.
 */
#ifndef SERVICE_COHERENT_AHEAD_H
#define SERVICE_COHERENT_AHEAD_H

#include "pager/service/coherent/coherent_state.h"

/* A thread has missed a page that it reads: asks for those it will miss next, if it goes on. */
void coherent_read_ahead(struct mapping *mapping, uint64_t page);
/* A page was mapped for a reader: maps the copies behind it as well. */
void coherent_map_ahead(const struct coherent *coherent, const struct mapping *mapping,
			uint64_t page);

#endif
