/*
 * Coherent objects between hosts: joins the pure state machines (pager/coherence) to memory,
 * mappings and connections. An object has this state only while hosts other than its home take
 * part ("engaged"); before and after, nothing of it is watched.
 */
#ifndef SERVICE_COHERENT_H
#define SERVICE_COHERENT_H

#include "pager/service/tasks/mapping.h"
#include "pager/service/hosts/peer.h"

/* At home: lets a host take part, engaging the object for the first one. Return: 0 or -errno. */
int coherent_admit(struct object *object, int node, uint32_t *ret_membership);
/* At home: whether nothing that a host gave away is still under way. */
bool coherent_may_part(const struct object *object, int node);
/* At home: a host parted, or its link broke. */
void coherent_member_gone(struct object *object, int node);

/* Elsewhere: begins with no page here. Return: 0 or -errno. */
int coherent_open(struct object *object, uint32_t membership);
/* Elsewhere: gives every page back; join_left() when that is done. */
void coherent_leave(struct object *object);
/* Elsewhere: home is gone, or the link to a third host. */
void coherent_home_gone(struct object *object);
void coherent_link_gone(struct object *object, int node);

/* A thread touched a page that its mapping does not let it. */
void coherent_fault(struct mapping *mapping, uint64_t address, bool is_write);
/* A request for a page, or its return, was not answered in time. */
void coherent_expired(struct object *object, uint64_t page);
/* Return: 0, or -errno to give the peer up. */
int coherent_message(struct peer *peer, const struct page_message *message);

/* Frees it; nothing to do for objects that have none. */
void coherent_close(struct object *object);

#endif
