/*
 * Joining and parting.
 */
#include "pager/service/hosts/join.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mach/kern_return.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/shmem.h"
#include "pager/service/tasks/attach.h"
#include "pager/service/coherent/coherent.h"
#include "pager/service/container.h"
#include "pager/service/frozen/frozen.h"
#include "pager/service/frozen/frozen_home.h"

/* How long an attach waits for a home that is not up: it may be starting just now, on a host that
 * has much to do. */
#define HOME_GRACE_NS (3 * NS_PER_S)

static void refuse(struct object *object, int code, const char *text)
{
	object->phase = OBJECT_REFUSED;
	object->refusal.code = (uint32_t)code;
	snprintf(object->refusal.text, sizeof(object->refusal.text), "%s", text);
	timer_stop(&object->pager->timers, &object->join_timer);
	attach_decided(object);
	object_settle(object);
}

static void refuse_unreachable(struct object *object)
{
	char text[PAGE_TEXT_MAX];

	snprintf(text, sizeof(text),
		 "node %d, the home of object %#llx, cannot be reached: is its pager running, and "
		 "the address in the node table right?",
		 object->home, (unsigned long long)object->id);
	refuse(object, KERN_NODE_DOWN, text);
}

static void send_part(struct pager *pager, uint64_t id)
{
	struct page_message part = {.type = PAGE_MESSAGE_PART, .object = id};
	struct peer *home = peer_up(pager, object_id_node(id));

	if (home)
		peer_send(home, PAGE_CONNECTION_URGENT, &part);
}

static void join_fire(struct timer *timer)
{
	struct object *object = CONTAINER(timer, struct object, join_timer);
	char text[PAGE_TEXT_MAX];

	if (!object->is_join_sent) {
		refuse_unreachable(object);
		return;
	}
	/* Should it answer later, it must not count us in; the answer itself is then too old. */
	send_part(object->pager, object->id);
	snprintf(text, sizeof(text), "node %d did not answer about object %#llx within %llu ms",
		 object->home, (unsigned long long)object->id,
		 (unsigned long long)(object->pager->options.deadline_ns / NS_PER_MS));
	refuse(object, KERN_OPERATION_TIMED_OUT, text);
}

static void start_timer(struct object *object, uint64_t wait_ns)
{
	object->join_timer.fire = join_fire;
	if (timer_start(&object->pager->timers, &object->join_timer, clock_now_ns() + wait_ns))
		refuse(object, KERN_RESOURCE_SHORTAGE, "the pager has no memory for a timer");
}

static void ask(struct object *object, struct peer *home)
{
	struct page_message join = {
	    .type = PAGE_MESSAGE_JOIN,
	    .object = object->id,
	    .transaction = ++object->pager->join_serial,
	};

	object->join_serial = join.transaction;
	object->is_join_sent = true;
	peer_send(home, PAGE_CONNECTION_URGENT, &join);
	start_timer(object, object->pager->options.deadline_ns);
}

void join_ask_all(struct peer *peer)
{
	struct object *object, *next;

	HASH_ITER (hh, peer->pager->objects, object, next) {
		if (object->phase == OBJECT_JOINING && object->home == peer->node &&
		    !object->is_join_sent)
			ask(object, peer);
	}
}

/* An object that is known already. Return: whether it can be attached now or soon. */
static bool may_attach(struct object *object)
{
	switch (object->phase) {
	case OBJECT_HERE:
	case OBJECT_JOINING:
	case OBJECT_JOINED:
		return true;
	case OBJECT_LEAVING:
		object->phase = OBJECT_JOINED;
		return true;
	case OBJECT_ORPHANED: /* what is complete needs no home */
		return object->kind == OBJECT_FROZEN && !frozen_is_incomplete(object);
	case OBJECT_REFUSED:
	case OBJECT_NUM_PHASES:
		break;
	}
	return false;
}

/* Left, lost or refused, and only there until the turn ends: it can be asked for anew. */
static bool has_ended(const struct object *object)
{
	return (object->phase == OBJECT_ORPHANED || object->phase == OBJECT_REFUSED) &&
	       object->is_unsettled && !object_is_used_here(object);
}

int join_object(struct pager *pager, uint64_t id, struct object **ret_object)
{
	struct object *object = object_find(pager, id);
	int node = object_id_node(id);
	struct peer *home;

	/* Nobody is at work on it: requests of VMMs are not handled inside anything else. */
	if (object && has_ended(object)) {
		object_free(object);
		object = NULL;
	}
	if (object) {
		*ret_object = object;
		return may_attach(object) ? KERN_SUCCESS : KERN_INVALID_OBJECT;
	}
	if (node >= (int)PAGER_MAX_NODES || !pager->peers[node])
		return KERN_INVALID_OBJECT; /* also: our own node, but no such object */
	if (object_new_joining(pager, id, &object))
		return KERN_RESOURCE_SHORTAGE;
	home = peer_up(pager, node);
	if (home)
		ask(object, home);
	else
		start_timer(object, pager->options.deadline_ns < HOME_GRACE_NS
					? pager->options.deadline_ns
					: HOME_GRACE_NS);
	*ret_object = object;
	return KERN_SUCCESS;
}

void join_leave(struct object *object)
{
	object->phase = OBJECT_LEAVING;
	if (object->kind == OBJECT_COHERENT)
		coherent_leave(object); /* join_left when done, maybe at once */
	else
		join_left(object);
}

void join_left(struct object *object)
{
	if (object->phase != OBJECT_LEAVING)
		return;
	send_part(object->pager, object->id);
	/* Nothing of it is here any more, so the rest is as if home had been lost. */
	object->phase = OBJECT_ORPHANED;
	object_settle(object);
}

void join_home_went(struct object *object)
{
	if (object->is_join_sent)
		refuse_unreachable(object);
}

/* Return: whether a message answers the last JOIN for this object. */
static bool is_answer(const struct object *object, const struct peer *peer,
		      const struct page_message *message)
{
	return object && object->phase == OBJECT_JOINING && object->home == peer->node &&
	       object->is_join_sent && object->join_serial == message->transaction;
}

static int take_joined(struct peer *peer, const struct page_message *message)
{
	struct object *object = object_find(peer->pager, message->object);
	struct page_joined joined;
	int r = page_joined_decode(message, &joined);

	if (r)
		return r;
	if (!is_answer(object, peer, message))
		return 0;
	if ((joined.kind != OBJECT_COHERENT && joined.kind != OBJECT_FROZEN) || joined.bytes == 0 ||
	    joined.bytes > OBJECT_MAX_BYTES || !is_page_aligned(joined.bytes) ||
	    joined.lead >= HUGE_PAGE_BYTES || !is_page_aligned(joined.lead))
		return -EPROTO;
	r = object_become_joined(object, &joined, message->membership);
	if (r) {
		char text[PAGE_TEXT_MAX];

		send_part(peer->pager, object->id);
		snprintf(text, sizeof(text),
			 "no memory or descriptor for the %llu bytes of object %#llx here: %s",
			 (unsigned long long)joined.bytes, (unsigned long long)object->id,
			 strerror(-r));
		refuse(object, KERN_RESOURCE_SHORTAGE, text);
		return 0;
	}
	timer_stop(&peer->pager->timers, &object->join_timer);
	attach_decided(object);
	object_settle(object);
	return 0;
}

static int take_refused(struct peer *peer, const struct page_message *message)
{
	struct object *object = object_find(peer->pager, message->object);
	struct page_refusal refusal;
	int r = page_refusal_decode(message, &refusal);

	if (r)
		return r;
	if (is_answer(object, peer, message))
		refuse(object, (int)refusal.code, refusal.text);
	return 0;
}

static void send_refused(struct peer *peer, uint64_t id, uint64_t join_serial, int code,
			 const char *text)
{
	struct page_refusal refusal = {.code = (uint32_t)code};
	uint8_t payload[8 + PAGE_TEXT_MAX];
	struct page_message message = {
	    .type = PAGE_MESSAGE_REFUSED,
	    .object = id,
	    .transaction = join_serial,
	    .payload = payload,
	};

	snprintf(refusal.text, sizeof(refusal.text), "%s", text);
	message.bytes = page_refusal_encode(&refusal, payload, sizeof(payload));
	peer_send(peer, PAGE_CONNECTION_URGENT, &message);
}

/* Counts a host in and tells it. */
static void admit(struct object *object, struct peer *peer, uint64_t join_serial)
{
	struct page_joined joined = {
	    .kind = object->kind,
	    .lead = (uint32_t)(object->offset % HUGE_PAGE_BYTES),
	    .bytes = object->bytes,
	};
	uint8_t payload[16];
	struct page_message answer = {
	    .type = PAGE_MESSAGE_JOINED,
	    .object = object->id,
	    .transaction = join_serial,
	    .payload = payload,
	};
	int r = 0;

	if (object->kind == OBJECT_COHERENT)
		r = coherent_admit(object, peer->node, &answer.membership);
	if (r) {
		send_refused(peer, object->id, join_serial, KERN_RESOURCE_SHORTAGE,
			     "its home has no memory to share this object, or could not watch a "
			     "task's mapping of it");
		object_settle(object);
		return;
	}
	object_add_member(object, peer->node);
	if (object->kind == OBJECT_FROZEN)
		frozen_hold(object->pager, peer->node);
	answer.bytes = page_joined_encode(&joined, payload, sizeof(payload));
	peer_send(peer, PAGE_CONNECTION_URGENT, &answer);
}

static struct parting *find_parting(const struct object *object, int node)
{
	struct parting *parting;

	LIST_FOREACH(parting, &object->partings, of_object)
	if (parting->node == node)
		return parting;
	return NULL;
}

static int take_join(struct peer *peer, const struct page_message *message)
{
	struct object *object = object_find(peer->pager, message->object);
	struct parting *parting;

	if (!object || object->phase != OBJECT_HERE) {
		send_refused(peer, message->object, message->transaction, KERN_INVALID_OBJECT,
			     "its home does not know this object: nobody there uses it any more, "
			     "or the pager there was restarted");
		return 0;
	}
	if (!object_is_member(object, peer->node)) {
		admit(object, peer, message->transaction);
		return 0;
	}
	parting = find_parting(object, peer->node);
	if (!parting || parting->is_back)
		return -EPROTO;
	parting->is_back = true;
	parting->join_serial = message->transaction;
	return 0;
}

void join_forget_parting(struct object *object, int node)
{
	struct parting *parting = find_parting(object, node);

	if (!parting)
		return;
	LIST_REMOVE(parting, of_object);
	free(parting);
}

/* Ends a membership. Return: false when a page of it is still under way. */
static bool part(struct object *object, int node)
{
	if (!coherent_may_part(object, node))
		return false;
	object_remove_member(object, node);
	if (object->kind == OBJECT_COHERENT)
		coherent_member_gone(object, node);
	object_settle(object);
	return true;
}

void join_go_on_parting(struct object *object)
{
	struct parting *parting = LIST_FIRST(&object->partings), *next;

	for (; parting; parting = next) {
		struct parting gone = *parting;

		next = LIST_NEXT(parting, of_object);
		if (!coherent_may_part(object, gone.node))
			continue;
		LIST_REMOVE(parting, of_object);
		free(parting);
		part(object, gone.node);
		if (gone.is_back)
			admit(object, peer_up(object->pager, gone.node), gone.join_serial);
		/* Ending one membership may have ended the waiting of others. */
		next = LIST_FIRST(&object->partings);
	}
	if (object->member_count == 0)
		object_settle(object);
}

static int take_part(struct peer *peer, const struct page_message *message)
{
	struct object *object = object_find(peer->pager, message->object);
	struct parting *parting;

	if (!object || !object_is_member(object, peer->node))
		return 0;
	parting = find_parting(object, peer->node);
	if (parting) { /* PART, JOIN, PART: as if it had not come back */
		parting->is_back = false;
		return 0;
	}
	if (part(object, peer->node))
		return 0;
	parting = calloc(1, sizeof(*parting));
	if (!parting)
		return -ENOMEM;
	parting->node = peer->node;
	LIST_INSERT_HEAD(&object->partings, parting, of_object);
	return 0;
}

int join_message(struct peer *peer, const struct page_message *message)
{
	switch (message->type) {
	case PAGE_MESSAGE_JOIN:
		return take_join(peer, message);
	case PAGE_MESSAGE_JOINED:
		return take_joined(peer, message);
	case PAGE_MESSAGE_REFUSED:
		return take_refused(peer, message);
	case PAGE_MESSAGE_PART:
		return take_part(peer, message);
	default:
		return -EPROTO;
	}
}
