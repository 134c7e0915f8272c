/*
 * Serving frozen objects: the home, and every host that has pages of them. Requests on the bulk
 * connection wait in a queue, so that no more is read than is about to be sent.
 */
#ifndef SERVICE_FROZEN_HOME_H
#define SERVICE_FROZEN_HOME_H

#include "pager/service/hosts/peer.h"

/* Whom home gave a unit of an object, last. */
struct frozen_given {
	uint16_t node_plus_one; /* 0: nobody */
	uint32_t membership;
};

/* One request on a bulk connection, as far as it is not answered. Owned by the peer's queue. */
struct serving {
	struct page_message request;
	TAILQ_ENTRY(serving) of_peer;
};

void frozen_hold_init(struct pager *pager);
/*
 * At home: a host has joined a frozen object, because of a child that is just being made there.
 * What was asked for in the background waits until no more of them come: making a child takes
 * less than moving one unit to it, and often many are made at once, one after the other.
 */
void frozen_hold(struct pager *pager, int node);

/* Answers a BLOCK_REQUEST, or begins to. Return: 0, or -errno to give up. */
int frozen_serve(struct peer *peer, enum page_connection_kind kind,
		 const struct page_message *request);
/* Sends more of what a peer has asked for, as far as there is room and the pages are here. */
void frozen_serve_more(struct peer *peer);
/* The same for everybody: pages have come. */
void frozen_serve_all(struct pager *pager);
/* Forgets what a peer that is gone has asked for. */
void frozen_serve_forget(struct peer *peer);
/* A host has no more of an object: nobody is sent to it any more. */
void frozen_take_back(struct object *object, int node);

#endif
