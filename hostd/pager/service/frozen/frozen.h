/*
 * Frozen objects between hosts. The home reads blocks out of its memfd for whoever asks. Another
 * host keeps one cache memfd for all its tasks: a thread that misses a page has it fetched (the
 * page alone on the urgent connection, what follows it on the bulk one), everything else follows
 * in the background. A complete cache needs no home and no watching any more.
 *
 * Each page crosses the link of each host once: home gives a unit of an object (2 MiB of its file)
 * to the first host that asks for it, and tells the next one to ask the one before it
 * (BLOCK_ELSEWHERE), which sends what it gets as it gets it. A host that was told so has a loan;
 * when the other one fails or has left, it asks home. Nobody waits for each other in a circle: a
 * unit is asked for whole, and who is waited for asked for it earlier, in the same membership.
 *
 * Pages in the background are read, sent and received by the carriers' threads (carrier.h); what is
 * asked for, of whom, and what is here is decided and known by the pager's own.
 *
 * A page may be in the memfd before its bytes are, because memory comes in huge pages: mappings are
 * watched for missing and for minor faults, and a page is mapped for threads when it is whole.
 */
#ifndef SERVICE_FROZEN_H
#define SERVICE_FROZEN_H

#include "pager/service/tasks/mapping.h"
#include "pager/service/hosts/peer.h"
#include "pager/service/frozen/store.h"

/* Pages that home said another host would send. */
struct frozen_loan {
	int node;
	uint64_t first;
	uint32_t count;
	uint32_t left; /* of count, to be answered for */
	LIST_ENTRY(frozen_loan) of_frozen;
};
LIST_HEAD(frozen_loan_list, frozen_loan);

struct frozen {
	struct object *object;
	uint64_t *present; /* bitmaps by page: here, in the memfd or known to be zero */
	uint64_t *zero;	   /* here, and a hole in the memfd */
	uint64_t *lost;	   /* nobody can supply it */
	uint64_t *asked;   /* bitmap by unit: the background has asked for it */
	uint64_t present_count;
	uint64_t data_count;			  /* of present_count, not zero */
	uint64_t unit_count, asked_count, cursor; /* the background goes on at unit `cursor` */
	/* The page behind the last that came in the background, on each connection. */
	uint64_t arrived[PAGE_CONNECTION_KINDS];
	uint32_t pages_under_way; /* in the background; part of home's */
	struct store *landing;	  /* where pages go; NULL: all are here */
	struct frozen_loan_list loans;
	struct timer start;	 /* of the background */
	struct timer patience;	 /* running while threads wait for what comes in the background */
	uint64_t patience_count; /* present_count when it was started */
	bool is_in_background;
	TAILQ_ENTRY(frozen) of_peer;
};

static inline bool bit_get(const uint64_t *bits, uint64_t index)
{
	return bits[index / 64] >> (index % 64) & 1;
}

static inline void bit_set(uint64_t *bits, uint64_t index)
{
	bits[index / 64] |= (uint64_t)1 << (index % 64);
}

static inline void bit_clear(uint64_t *bits, uint64_t index)
{
	bits[index / 64] &= ~((uint64_t)1 << (index % 64));
}

/* A unit: PAGE_EXTENT_PAGES of the file, which may begin before the object and end behind it. */
static inline uint64_t object_unit(const struct object *object, uint64_t page)
{
	return (object->offset / PAGE_BYTES % PAGE_EXTENT_PAGES + page) / PAGE_EXTENT_PAGES;
}

/* The pages of a unit that are the object's. Return: how many; the first is *ret_first. */
uint32_t object_unit_pages(const struct object *object, uint64_t unit, uint64_t *ret_first);

/* Makes the empty cache of an object whose memory was just made, and begins to fill it. */
int frozen_open(struct object *object);
/* Frees it; nothing to do for objects that have none. */
void frozen_close(struct object *object);
/* Return: whether threads may touch pages that are not here. False at home. */
bool frozen_is_incomplete(const struct object *object);

/* A thread touched a page that is not mapped for it. */
void frozen_fault(struct mapping *mapping, uint64_t address);
/* A request for a page was not answered in time. */
void frozen_expired(struct object *object, uint64_t page);
/* Home is gone: what is not here is lost. */
void frozen_home_gone(struct object *object);
/* Another host is gone: what it was to send is asked of home. */
void frozen_link_gone(struct object *object, int node);
/* A page cannot be had. */
void frozen_lose(struct object *object, uint64_t page);
/* Pages of a unit have become present: if all are here now, threads need not ask for them. */
void frozen_unit_arrived(struct frozen *frozen, uint64_t unit);
/* Pages have become present: gives them to the threads that wait for them. */
void frozen_release(struct object *object, uint64_t first, uint32_t count);

/* Messages of both sides. Return: 0, or -errno to give the peer up. */
int frozen_message(struct peer *peer, enum page_connection_kind kind,
		   const struct page_message *message);

#endif
