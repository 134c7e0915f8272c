/*
 * Messages to a holder: from home, and PAGE from any host. See holder_turn.h.
 */
#include "holder_turn.h"

#include <errno.h>

static int ignore(struct holder_turn *turn)
{
	turn->holder->ignored_count++;
	return 0;
}

static bool is_mine(const struct holder_turn *turn, const struct message *message)
{
	return turn->entry->sequence != 0 && message->transaction == holder_turn_transaction(turn);
}

/* At home: the page comes because a host gives back its only copy, not because home asked. */
static bool is_recall(const struct holder_turn *turn, const struct message *message)
{
	const struct directory *directory = turn->holder->config.directory;
	enum holder_state state = holder_turn_state(turn);
	return directory != NULL &&
	       (state == HOLDER_NONE || state == HOLDER_READING || state == HOLDER_WRITING) &&
	       directory_is_recalling(directory, turn->page, message->transaction);
}

static void give_up(struct holder_turn *turn)
{
	enum holder_state state = holder_turn_state(turn);
	holder_turn_act(turn, ACTION_DROP, ACCESS_NONE);
	if (state == HOLDER_UPGRADING)
		holder_turn_set_state(turn, HOLDER_WRITING);
	else if (state == HOLDER_RETURNING)
		turn->entry->flags |= COPY_TAKEN;
	else
		holder_turn_set_state(turn, HOLDER_NONE);
}

static int take_fetch(struct holder_turn *turn, const struct message *message)
{
	if (!holder_has_copy(turn->holder, turn->page))
		return ignore(turn);
	if (holder_turn_state(turn) == HOLDER_EXCLUSIVE) {
		holder_turn_act(turn, ACTION_PROTECT, ACCESS_NONE);
		if (message->mode == FETCH_SHARE)
			holder_turn_set_state(turn, HOLDER_SHARED);
	}
	holder_turn_act(turn, ACTION_READ_OUT, ACCESS_NONE);
	if (message->mode == FETCH_TAKE)
		give_up(turn);
	struct message answer = {
	    .type = MESSAGE_PAGE,
	    .to = message->to,
	    .transaction = message->transaction,
	    .access = message->mode == FETCH_TAKE ? ACCESS_WRITE : ACCESS_READ,
	};
	holder_turn_send(turn, ACTION_SEND_PAGE,
			 message->by_home ? turn->holder->config.home : message->to, answer);
	return 0;
}

static int take_invalidate(struct holder_turn *turn, const struct message *message)
{
	if (holder_turn_state(turn) == HOLDER_EXCLUSIVE)
		return -EPROTO; /* would throw away the only copy */
	if (holder_has_copy(turn->holder, turn->page))
		give_up(turn);
	holder_turn_send_home(turn, MESSAGE_INVALIDATED, message->transaction, ACCESS_NONE);
	return 0;
}

/* The access is installed: says so to home, at once if others are likely to wait for that. */
static void granted(struct holder_turn *turn, const struct message *message, uint64_t now_ns)
{
	struct holder_page *entry = turn->entry;
	struct message done = {
	    .type = MESSAGE_DONE,
	    .transaction = message->transaction,
	    .access = message->access,
	    .may_wait = !holder_is_wanted(turn->holder, turn->page, now_ns),
	};
	entry->granted_ns = now_ns;
	entry->flags &= (uint8_t)~USED;
	holder_turn_send(turn, ACTION_SEND, turn->holder->config.home, done);
	holder_turn_settled(turn);
}

static int take_page(struct holder_turn *turn, const struct message *message, uint64_t now_ns)
{
	enum holder_state state = holder_turn_state(turn);
	bool is_answer =
	    is_mine(turn, message) && (state == HOLDER_READING || state == HOLDER_WRITING);
	if (!is_answer && !is_recall(turn, message))
		return ignore(turn);
	if (message->access != ACCESS_WRITE &&
	    (message->access != ACCESS_READ || state != HOLDER_READING || !is_answer))
		return -EPROTO;
	holder_turn_act(turn, ACTION_INSTALL, message->access);
	holder_turn_set_state(turn,
			      message->access == ACCESS_WRITE ? HOLDER_EXCLUSIVE : HOLDER_SHARED);
	granted(turn, message, now_ns);
	return 0;
}

static int take_grant(struct holder_turn *turn, const struct message *message, uint64_t now_ns)
{
	if (!is_mine(turn, message) || holder_turn_state(turn) != HOLDER_UPGRADING)
		return ignore(turn);
	holder_turn_act(turn, ACTION_UNPROTECT, ACCESS_WRITE);
	holder_turn_set_state(turn, HOLDER_EXCLUSIVE);
	granted(turn, message, now_ns);
	return 0;
}

static int take_lost(struct holder_turn *turn, const struct message *message)
{
	if (is_mine(turn, message) && holder_turn_is_waiting(turn))
		holder_turn_lose(turn);
	else if (!is_recall(turn, message))
		return ignore(turn);
	holder_turn_send_home(turn, MESSAGE_DONE, message->transaction, ACCESS_NONE);
	return 0;
}

static int take_returned(struct holder_turn *turn, const struct message *message)
{
	if (!is_mine(turn, message) || holder_turn_state(turn) != HOLDER_RETURNING)
		return ignore(turn);
	if (holder_has_copy(turn->holder, turn->page))
		holder_turn_act(turn, ACTION_DROP, ACCESS_NONE);
	turn->entry->flags &= (uint8_t)~COPY_TAKEN;
	holder_turn_set_state(turn, HOLDER_NONE);
	holder_turn_send_home(turn, MESSAGE_DONE, message->transaction, ACCESS_NONE);
	holder_turn_settled(turn);
	return 0;
}

int holder_message(struct holder *holder, const struct message *message, uint64_t now_ns,
		   const struct action_sink *sink)
{
	if (message->page >= holder->config.page_count || message->to >= HOST_SET_MAX)
		return -EINVAL;
	struct holder_turn turn = holder_turn_begin(holder, message->page, sink);
	if (message->object != holder->config.object)
		return ignore(&turn);
	if (message->type ==
	    MESSAGE_PAGE) /* from any holder: the transaction proves it was asked for */
		return take_page(&turn, message, now_ns);
	if (message->from != holder->config.home)
		return -EPROTO;
	if (message->epoch != holder->config.epoch || holder->is_home_lost)
		return ignore(&turn);
	switch (message->type) {
	case MESSAGE_FETCH:
		return take_fetch(&turn, message);
	case MESSAGE_INVALIDATE:
		return take_invalidate(&turn, message);
	case MESSAGE_GRANT:
		return take_grant(&turn, message, now_ns);
	case MESSAGE_LOST:
		return take_lost(&turn, message);
	case MESSAGE_RETURNED:
		return take_returned(&turn, message);
	case MESSAGE_READ_REQUEST:
	case MESSAGE_WRITE_REQUEST:
	case MESSAGE_INVALIDATED:
	case MESSAGE_PAGE:
	case MESSAGE_DONE:
	case MESSAGE_RETURN:
	case MESSAGE_LINK_LOST:
	case MESSAGE_NUM_TYPES:
		break;
	}
	return -EPROTO;
}
