/*
 * What the coherence machines want done to a stretch of pages, done to all of it at once. Each page
 * keeps its own state, transaction and order of actions, as in tests/model: for the time of one
 * event their actions are only noted, and carried out together before the event ends. So a stretch
 * costs one ioctl, one message and one wake-up where pages cost as many as they are.
 */
#ifndef SERVICE_COHERENT_GATHER_H
#define SERVICE_COHERENT_GATHER_H

#include "pager/service/coherent/coherent_state.h"

#define GATHER_PAGES 64u /* at most; bits of a word */

struct gather {
	uint64_t first; /* page of the lowest bit */
	uint32_t count;
	unsigned int node;	   /* the other host */
	uint64_t protected;	   /* the bits of pages to be write-protected, ... */
	uint64_t sent;		   /* ... sent to the other host ... */
	uint64_t installed;	   /* ... mapped here for who waits, their bytes being stored ... */
	uint64_t done;		   /* ... and of which home is to be told so */
	uint64_t done_transaction; /* of the page of the lowest bit in it */
	bool done_may_wait;
};

/* From now on; ends with coherent_gather_end. */
void coherent_gather_begin(struct coherent *coherent, struct gather *gather);
/* Return: whether the action was noted, so that nothing has to be done about it now. */
bool coherent_gather_note(struct coherent *coherent, const struct action *action);
/* Protects and says DONE; what was sent and installed is the caller's to see to. */
void coherent_gather_end(struct coherent *coherent);

/* Cuts the first stretch of ones off the bits. Return: its length, the first page in *ret_first. */
uint32_t gather_take_stretch(const struct gather *gather, uint64_t *bits, uint64_t *ret_first);

#endif
