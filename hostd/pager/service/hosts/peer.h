/*
 * The pagers of the other hosts. A connection of each kind to each, dialled by the lower node; the
 * streams among them are the carriers' (carrier.h). A host is up when all stand, and gone when one
 * breaks or it is silent for too long.
 * Gone means: everything it shared with us is treated as lost, and a later connection is a new
 * beginning.
 */
#ifndef SERVICE_PEER_H
#define SERVICE_PEER_H

#include "page/connection.h"
#include "pager/service/frozen/carrier.h"
#include "pager/service/pager.h"

/* Pages of a home that we have under way in the background; so many and a unit at most. */
#define PEER_BULK_PAGES 2048u

struct frozen;
struct serving;
struct run_rest;
TAILQ_HEAD(frozen_list, frozen);
TAILQ_HEAD(serving_list, serving);
TAILQ_HEAD(run_rest_list, run_rest);

/* One connection; whose it is is known after HELLO. */
struct peer_link {
	struct pager *pager;
	struct peer *peer; /* NULL before HELLO and once the link is given up */
	enum page_connection_kind kind;
	struct page_connection *connection; /* NULL: it is a stream, or ends just now */
	struct stream *stream;		    /* of a stream, once it is known to be one */
	uint32_t peer_epoch;		    /* in their HELLO */
	bool is_dialled;
	bool is_knock;	/* ends when it is connected */
	bool has_hello; /* theirs */
	struct timer hello_timer;
	TAILQ_ENTRY(peer_link) of_pager;
};

struct peer {
	struct pager *pager;
	int node;
	bool is_up;
	bool is_failing; /* logged once that it cannot be reached */
	struct peer_link *links[PAGE_CONNECTION_KINDS];
	struct timer timer;    /* down: dial; up: ping */
	uint64_t due_ns;       /* when it was meant to fire */
	struct timer later;    /* running while the urgent connection has messages that may wait */
	uint64_t dial_wait_ns; /* down: until the next but one dial; 0: not dialled yet */
	unsigned int pages_under_way;
	struct serving_list servings; /* what it has asked for on the bulk connection */
	unsigned int serving_count;
	unsigned int shipping_pages; /* given to carriers for it, not come back */
	struct run_rest_list runs; /* of coherent pages, what it has asked for and was not begun */
	unsigned int run_count;
	unsigned int run_pages; /* of shipping_pages */
	struct orders orders;
	struct frozen_list background; /* caches with pages still to fetch from this home */
};

/* Listens and begins to dial. Return: 0 or -errno, logged. */
int peers_init(struct pager *pager);
/* The end begins: nothing comes from anybody any more. */
void peers_stop(struct pager *pager);
/* Hands queued messages to the ring; before every turn. */
void peers_flush(struct pager *pager);
/* Somebody at this address has connected: who we could not reach there is dialled now. */
void peers_heard_of(struct pager *pager, const struct page_address *address);
/* Frees everything; only after the ring is done. */
void peers_done(struct pager *pager);

/* Return: the peer if it is up, else NULL. */
struct peer *peer_up(struct pager *pager, int node);
/* On the urgent or the bulk connection. */
void peer_send(struct peer *peer, enum page_connection_kind kind,
	       const struct page_message *message);
/*
 * The same on the urgent connection, for a message that nobody is known to wait for: it goes with
 * the next one, or 100 us later. Sending costs as much as all else that a fault needs, and the CPU
 * is often the one that the thread whose fault was just answered wants: a message that goes before
 * that thread's next fault delays it by two switches between them.
 */
void peer_send_later(struct peer *peer, const struct page_message *message);
void peer_send_frame(struct peer *peer, enum page_connection_kind kind,
		     struct page_frame *take_frame, const struct page_message *message);
/* Gives pages of a frozen object to a carrier; its context becomes the peer, its session the
 * present one. */
void peer_send_cargo(struct peer *peer, struct cargo *cargo);
/* Gives the host up: it broke the protocol or does not answer. reason: -errno. */
void peer_fail(struct peer *peer, int reason);
/* The same after the event that is being handled. */
void peer_fail_later(struct peer *peer, int reason);
/* Adds what all connections carried so far. */
void peers_count_bytes(const struct pager *pager, uint64_t *bytes_in, uint64_t *bytes_out);

/* Handles one message after HELLO (peer_dispatch.c). Return: 0, or -errno to give the peer up. */
int peer_dispatch(struct peer *peer, enum page_connection_kind kind,
		  const struct page_message *message);
/* A host has come or gone: tells all objects (peer_dispatch.c). */
void peer_came(struct peer *peer);
void peer_went(struct peer *peer);

#endif
