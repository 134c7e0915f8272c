/*
 * How this host comes to use an object of another host and stops using it: JOIN, JOINED or
 * REFUSED, PART. Both sides of it.
 */
#ifndef SERVICE_JOIN_H
#define SERVICE_JOIN_H

#include "page/page_message.h"
#include "pager/service/tasks/object.h"
#include "pager/service/hosts/peer.h"

/*
 * Finds an object, or begins to join it at its home.
 * Return: KERN_SUCCESS; KERN_INVALID_OBJECT, KERN_RESOURCE_SHORTAGE.
 */
int join_object(struct pager *pager, uint64_t id, struct object **ret_object);
/* Nobody here uses a JOINED object any more: returns its pages, then parts. */
void join_leave(struct object *object);
/* The pages of a LEAVING object are all gone: parts, unless it is wanted again. */
void join_left(struct object *object);

/* At home: a page transfer ended; hosts that parted can go when none of theirs is left. */
void join_go_on_parting(struct object *object);
/* At home: forgets a host whose connection broke while it parted. */
void join_forget_parting(struct object *object, int node);

/* Messages. Return: 0, or -errno to give the peer up. */
int join_message(struct peer *peer, const struct page_message *message);

/* The home of objects that wait for it is up: asks. */
void join_ask_all(struct peer *peer);
/* Refuses an object that was asked for at a home that is gone. */
void join_home_went(struct object *object);

#endif
