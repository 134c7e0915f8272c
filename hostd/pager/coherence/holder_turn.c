/*
 * What a turn does to a page. Theory of operation: a page has at most one request of
 * this host under way; what else is wanted meanwhile is remembered in flags and asked for when the
 * answer is in. An answer counts only if it names the transaction of the request. A copy is usable
 * until the very message that takes it, because home waits for each to be confirmed.
 */
#include "holder_turn.h"

#include <assert.h>

bool holder_is_home(const struct holder *holder)
{
	return holder->config.self == holder->config.home;
}

static enum holder_state initial_state(const struct holder *holder)
{
	return holder_is_home(holder) ? HOLDER_EXCLUSIVE : HOLDER_NONE;
}

enum holder_state holder_page_state(const struct holder *holder, uint64_t page)
{
	return (enum holder_state)(holder->pages[page].stored_state ^ initial_state(holder));
}

enum holder_state holder_turn_state(const struct holder_turn *turn)
{
	return holder_page_state(turn->holder, turn->page);
}

bool holder_has_copy(const struct holder *holder, uint64_t page)
{
	enum holder_state state = holder_page_state(holder, page);
	return state == HOLDER_SHARED || state == HOLDER_UPGRADING || state == HOLDER_EXCLUSIVE ||
	       (state == HOLDER_RETURNING && !(holder->pages[page].flags & COPY_TAKEN));
}

static bool is_held(enum holder_state state)
{
	return state != HOLDER_NONE && state != HOLDER_LOST;
}

bool holder_turn_is_waiting(const struct holder_turn *turn)
{
	enum holder_state state = holder_turn_state(turn);
	return state == HOLDER_READING || state == HOLDER_WRITING || state == HOLDER_UPGRADING;
}

void holder_turn_set_state(struct holder_turn *turn, enum holder_state state)
{
	enum holder_state old = holder_turn_state(turn);
	assert(holder_state_may_become(old, state));
	if (is_held(old) && !is_held(state))
		turn->holder->held_count--;
	else if (!is_held(old) && is_held(state))
		turn->holder->held_count++;
	turn->entry->stored_state = (uint8_t)(state ^ initial_state(turn->holder));
}

struct holder_turn holder_turn_begin(struct holder *holder, uint64_t page,
				     const struct action_sink *sink)
{
	return (struct holder_turn){holder, &holder->pages[page], page, sink};
}

void holder_turn_act(struct holder_turn *turn, enum action_type type, enum page_access access)
{
	struct action action = {.type = type, .access = access, .page = turn->page};
	action_emit(turn->sink, &action);
}

void holder_turn_send(struct holder_turn *turn, enum action_type type, unsigned int host,
		      struct message message)
{
	const struct holder_config *config = &turn->holder->config;
	message.from = (uint8_t)config->self;
	message.object = config->object;
	message.page = turn->page;
	message.epoch =
	    type == ACTION_SEND_PAGE ? transaction_epoch(message.transaction) : config->epoch;
	struct action action = {.type = type, .host = host, .page = turn->page, .message = message};
	action_emit(turn->sink, &action);
}

void holder_turn_send_home(struct holder_turn *turn, enum coherence_message_type type,
			   uint64_t transaction, enum page_access access)
{
	struct message message = {.type = type, .transaction = transaction, .access = access};
	holder_turn_send(turn, ACTION_SEND, turn->holder->config.home, message);
}

void holder_turn_lose(struct holder_turn *turn)
{
	if (holder_has_copy(turn->holder, turn->page))
		holder_turn_act(turn, ACTION_DROP, ACCESS_NONE);
	holder_turn_act(turn, ACTION_POISON, ACCESS_NONE);
	holder_turn_set_state(turn, HOLDER_LOST);
	turn->entry->sequence = 0;
	turn->entry->flags = 0;
}

uint64_t holder_turn_transaction(const struct holder_turn *turn)
{
	const struct holder_config *config = &turn->holder->config;
	return transaction_make(config->self, config->epoch, turn->entry->sequence);
}

void holder_turn_request(struct holder_turn *turn, enum coherence_message_type type,
			 enum holder_state state)
{
	struct holder *holder = turn->holder;
	if (holder->is_home_lost) {
		holder_turn_lose(turn);
		return;
	}
	if (++holder->last_sequence == 0) /* 0 means none */
		holder->last_sequence = 1;
	holder_turn_set_state(turn, state);
	turn->entry->sequence = holder->last_sequence;
	holder_turn_send_home(turn, type, holder_turn_transaction(turn), ACCESS_NONE);
}

void holder_turn_return(struct holder_turn *turn)
{
	enum holder_state state = holder_turn_state(turn);
	turn->entry->flags &= (uint8_t)~WANTS_RETURN;
	if (state != HOLDER_SHARED && state != HOLDER_EXCLUSIVE)
		return;
	if (state == HOLDER_EXCLUSIVE)
		holder_turn_act(turn, ACTION_PROTECT, ACCESS_NONE);
	holder_turn_request(turn, MESSAGE_RETURN, HOLDER_RETURNING);
}

void holder_turn_settled(struct holder_turn *turn)
{
	struct holder_page *entry = turn->entry;
	entry->sequence = 0;
	enum holder_state state = holder_turn_state(turn);
	if (state == HOLDER_EXCLUSIVE)
		entry->flags &= (uint8_t) ~(WANTS_WRITE | WANTS_READ);
	else if (state == HOLDER_SHARED && (entry->flags & WANTS_WRITE))
		holder_turn_request(turn, MESSAGE_WRITE_REQUEST, HOLDER_UPGRADING);
	else if (state == HOLDER_NONE && (entry->flags & WANTS_WRITE))
		holder_turn_request(turn, MESSAGE_WRITE_REQUEST, HOLDER_WRITING);
	else if (state == HOLDER_NONE && (entry->flags & WANTS_READ))
		holder_turn_request(turn, MESSAGE_READ_REQUEST, HOLDER_READING);
	entry->flags &= (uint8_t)~WANTS_READ;
	if ((entry->flags & WANTS_RETURN) && !holder_turn_is_waiting(turn))
		holder_turn_return(turn);
}
