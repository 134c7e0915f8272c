/*
 * Frozen objects between hosts. The home reads blocks out of its memfd for whoever asks. Another
 * host keeps one cache memfd for all its tasks: a thread that misses a page has it fetched (the
 * page alone on the urgent connection, what follows it on the bulk one), everything else follows
 * in the background, each page once. A complete cache needs no home and no watching any more.
 */
#ifndef SERVICE_FROZEN_H
#define SERVICE_FROZEN_H

#include "pager/service/mapping.h"
#include "pager/service/peer.h"

struct frozen {
	struct object *object;
	uint64_t *asked;   /* bitmaps by page: requested, or here */
	uint64_t *present; /* here: in the memfd, or known to be zero */
	uint64_t *zero;	   /* here, and a hole in the memfd */
	uint64_t *lost;	   /* home cannot supply it */
	uint64_t present_count;
	uint64_t next_page; /* the background is done below */
	bool is_in_background;
	TAILQ_ENTRY(frozen) of_peer;
};

/* Makes the empty cache of an object that was just joined, and begins to fill it. */
int frozen_open(struct object *object);
/* Frees it; nothing to do for objects that have none. */
void frozen_close(struct object *object);
/* Return: whether threads may touch pages that are not here. False at home. */
bool frozen_is_incomplete(const struct object *object);

/* A thread touched a page that the memfd does not hold. */
void frozen_fault(struct mapping *mapping, uint64_t address);
/* A request for a page was not answered in time. */
void frozen_expired(struct object *object, uint64_t page);
/* Home is gone: what is not here is lost. */
void frozen_home_gone(struct object *object);

/* Messages of both sides. Return: 0, or -errno to give the peer up. */
int frozen_message(struct peer *peer, enum page_connection_kind kind,
		   const struct page_message *message);

#endif
