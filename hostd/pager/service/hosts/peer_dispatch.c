/*
 * What messages from other hosts are about, and what the coming and going of a host means for the
 * objects.
 */
#include <errno.h>

#include "base/log.h"
#include "pager/service/coherent/coherent_run.h"
#include "pager/service/frozen/frozen.h"
#include "pager/service/hosts/join.h"
#include "pager/service/hosts/peer.h"

/* Pages that were asked for as many. */
static int take_block(struct peer *peer, enum page_connection_kind kind,
		      const struct page_message *message)
{
	const struct object *object = object_find(peer->pager, message->object);

	return object && object->kind == OBJECT_COHERENT ? coherent_run_arrived(peer, kind, message)
							 : frozen_message(peer, kind, message);
}

int peer_dispatch(struct peer *peer, enum page_connection_kind kind,
		  const struct page_message *message)
{
	switch ((enum page_message_type)message->type) {
	case PAGE_MESSAGE_PING:
		return 0;
	case PAGE_MESSAGE_JOIN:
	case PAGE_MESSAGE_JOINED:
	case PAGE_MESSAGE_REFUSED:
	case PAGE_MESSAGE_PART:
		return join_message(peer, message);
	case PAGE_MESSAGE_READ_REQUEST:
	case PAGE_MESSAGE_WRITE_REQUEST:
	case PAGE_MESSAGE_FETCH:
	case PAGE_MESSAGE_INVALIDATE:
	case PAGE_MESSAGE_INVALIDATED:
	case PAGE_MESSAGE_PAGE:
	case PAGE_MESSAGE_GRANT:
	case PAGE_MESSAGE_DONE:
	case PAGE_MESSAGE_LOST:
	case PAGE_MESSAGE_RETURN:
	case PAGE_MESSAGE_RETURNED:
	case PAGE_MESSAGE_LINK_LOST:
		return coherent_message(peer, message);
	case PAGE_MESSAGE_BLOCK:
	case PAGE_MESSAGE_BLOCK_LOST:
	case PAGE_MESSAGE_BLOCK_ZERO:
		return take_block(peer, kind, message);
	case PAGE_MESSAGE_BLOCK_REQUEST:
	case PAGE_MESSAGE_BLOCK_ELSEWHERE:
		return frozen_message(peer, kind, message);
	case PAGE_MESSAGE_HELLO:
	case PAGE_MESSAGE_NUM_TYPES:
		break;
	}
	return -EPROTO;
}

void peer_came(struct peer *peer)
{
	join_ask_all(peer);
}

/* The home of an object is gone. */
static void home_went(struct object *object)
{
	if (object->phase == OBJECT_JOINING) {
		join_home_went(object);
		return;
	}
	if (object->phase != OBJECT_JOINED && object->phase != OBJECT_LEAVING)
		return;
	object->phase = OBJECT_ORPHANED;
	if (object->kind == OBJECT_COHERENT)
		coherent_home_gone(object);
	else
		frozen_home_gone(object);
	object_settle(object);
}

void peer_went(struct peer *peer)
{
	struct object *object, *next;

	HASH_ITER (hh, peer->pager->objects, object, next) {
		if (object->home == peer->node) {
			home_went(object);
		} else if (object_is_member(object, peer->node)) {
			join_forget_parting(object, peer->node);
			object_remove_member(object, peer->node);
			if (object->kind == OBJECT_COHERENT)
				coherent_member_gone(object, peer->node);
			object_settle(object);
		} else if (object->coherent) {
			coherent_link_gone(object, peer->node);
		} else if (object->frozen) {
			frozen_link_gone(object, peer->node);
		}
	}
}
