/*
 * Noting actions, and doing what was noted.
 */
#include "pager/service/coherent/coherent_gather.h"

#include "base/log.h"
#include "pager/service/tasks/uffd.h"

uint32_t gather_take_stretch(const struct gather *gather, uint64_t *bits, uint64_t *ret_first)
{
	uint32_t skipped = (uint32_t)__builtin_ctzll(*bits);
	uint64_t rest = ~(*bits >> skipped);
	uint32_t length = rest ? (uint32_t)__builtin_ctzll(rest) : GATHER_PAGES;

	*bits &= length == GATHER_PAGES ? 0 : ~(((1ull << length) - 1) << skipped);
	*ret_first = gather->first + skipped;
	return length;
}

static void send_done(struct coherent *coherent, struct gather *gather)
{
	struct object *object = coherent->object;
	struct peer *peer = peer_up(object->pager, (int)gather->node);
	uint64_t lowest = gather->done;

	while (gather->done) {
		struct page_message done = {
		    .type = PAGE_MESSAGE_DONE,
		    .object = object->id,
		    .access = ACCESS_READ,
		    .membership = coherent->holder.config.epoch,
		};

		done.page_count = gather_take_stretch(gather, &gather->done, &done.first_page);
		done.transaction = transaction_after(gather->done_transaction,
						     done.first_page - gather->first -
							 (uint64_t)__builtin_ctzll(lowest));
		if (!peer)
			continue; /* the machines hear that home is gone */
		if (gather->done_may_wait)
			peer_send_later(peer, &done);
		else
			peer_send(peer, PAGE_CONNECTION_URGENT, &done);
	}
}

static void note_done(struct gather *gather, const struct message *done, uint64_t bit)
{
	if (!gather->done) {
		gather->done_transaction = done->transaction;
		gather->done_may_wait = true;
	}
	gather->done_may_wait &= done->may_wait;
	gather->done |= bit;
}

static bool note_send(struct coherent *coherent, const struct action *action, uint64_t bit)
{
	struct gather *gather = coherent->gather;

	if (action->host != gather->node)
		return false;
	if (action->message.type == MESSAGE_DONE && action->message.access == ACCESS_READ) {
		note_done(gather, &action->message, bit);
		return true;
	}
	/* The page's next request must not overtake the end of the last. */
	send_done(coherent, gather);
	return false;
}

void coherent_gather_begin(struct coherent *coherent, struct gather *gather)
{
	coherent->gather = gather;
}

bool coherent_gather_note(struct coherent *coherent, const struct action *action)
{
	struct gather *gather = coherent->gather;
	uint64_t bit;

	if (!gather || action->page < gather->first ||
	    action->page - gather->first >= gather->count)
		return false;
	bit = 1ull << (action->page - gather->first);
	switch (action->type) {
	case ACTION_PROTECT:
		gather->protected |= bit;
		return true;
	case ACTION_READ_OUT:
		return !coherent_is_broken(coherent, action->page);
	case ACTION_SEND_PAGE:
		if (action->host != gather->node || coherent_is_broken(coherent, action->page))
			return false;
		gather->sent |= bit;
		return true;
	case ACTION_INSTALL:
		gather->installed |= bit;
		return true;
	case ACTION_SEND:
		return note_send(coherent, action, bit);
	case ACTION_FORWARD:
	case ACTION_UNPROTECT:
	case ACTION_MAP:
	case ACTION_DROP:
	case ACTION_POISON:
	case ACTION_NUM_TYPES:
		break;
	}
	return false;
}

void coherent_gather_end(struct coherent *coherent)
{
	struct gather *gather = coherent->gather;

	coherent->gather = NULL;
	while (gather->protected) {
		uint64_t first;
		uint32_t count = gather_take_stretch(gather, &gather->protected, &first);

		coherent_protect(coherent, first, count);
	}
	send_done(coherent, gather);
}
