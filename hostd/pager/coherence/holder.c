/*
 * The holder's table and the events of this host: see holder.h and holder_turn.h.
 */
#include "holder_turn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/*
 * A page that comes again so soon counts as one that others want, too: time for as many hosts to
 * hold it meanwhile, and some for the way.
 */
#define WANTED_HOLDS 8
#define WANTED_NS    10000000u

static_assert(sizeof(struct holder_page) == HOLDER_PAGE_BYTES, "stated in the header");

static void read_fault(struct holder_turn *turn, enum fault_kind kind)
{
	enum holder_state state = holder_turn_state(turn);
	if (state == HOLDER_NONE) {
		/* a hint must not turn into an error by itself: only an access finds out */
		if (kind == FAULT_READ || !turn->holder->is_home_lost)
			holder_turn_request(turn, MESSAGE_READ_REQUEST, HOLDER_READING);
		return;
	}
	if (kind == FAULT_HINT)
		return;
	if (state == HOLDER_LOST)
		holder_turn_act(turn, ACTION_POISON, ACCESS_NONE);
	else if (state == HOLDER_EXCLUSIVE)
		holder_turn_act(turn, ACTION_MAP, ACCESS_WRITE);
	else if (holder_has_copy(turn->holder, turn->page))
		holder_turn_act(turn, ACTION_MAP, ACCESS_READ);
	else if (state == HOLDER_RETURNING)
		turn->entry->flags |= WANTS_READ;
}

static void write_fault(struct holder_turn *turn)
{
	switch (holder_turn_state(turn)) {
	case HOLDER_EXCLUSIVE:
		holder_turn_act(turn, ACTION_MAP, ACCESS_WRITE);
		return;
	case HOLDER_LOST:
		holder_turn_act(turn, ACTION_POISON, ACCESS_NONE);
		return;
	case HOLDER_NONE:
		turn->entry->flags |= WANTS_WRITE;
		holder_turn_request(turn, MESSAGE_WRITE_REQUEST, HOLDER_WRITING);
		return;
	case HOLDER_SHARED:
		turn->entry->flags |= WANTS_WRITE;
		holder_turn_request(turn, MESSAGE_WRITE_REQUEST, HOLDER_UPGRADING);
		return;
	case HOLDER_READING:
	case HOLDER_WRITING:
	case HOLDER_UPGRADING:
	case HOLDER_RETURNING:
	case HOLDER_NUM_STATES:
		turn->entry->flags |= WANTS_WRITE;
	}
}

int holder_fault(struct holder *holder, uint64_t page, enum fault_kind kind,
		 const struct action_sink *sink)
{
	if (page >= holder->config.page_count)
		return -EINVAL;
	struct holder_turn turn = holder_turn_begin(holder, page, sink);
	if (kind == FAULT_WRITE)
		write_fault(&turn);
	else
		read_fault(&turn, kind);
	return 0;
}

int holder_return(struct holder *holder, uint64_t page, const struct action_sink *sink)
{
	if (holder_is_home(holder) || page >= holder->config.page_count)
		return -EINVAL;
	struct holder_turn turn = holder_turn_begin(holder, page, sink);
	if (holder_turn_is_waiting(&turn))
		turn.entry->flags |= WANTS_RETURN;
	else
		holder_turn_return(&turn);
	return 0;
}

int holder_leave(struct holder *holder, const struct action_sink *sink)
{
	if (holder_is_home(holder))
		return -EINVAL;
	for (uint64_t page = 0; page < holder->config.page_count && holder->held_count > 0; page++)
		(void)holder_return(holder, page, sink); /* page and host are right */
	return 0;
}

void holder_home_lost(struct holder *holder, const struct action_sink *sink)
{
	if (holder_is_home(holder))
		return;
	holder->is_home_lost = true;
	for (uint64_t page = 0; page < holder->config.page_count; page++) {
		struct holder_turn turn = holder_turn_begin(holder, page, sink);
		if (holder_turn_is_waiting(&turn) || holder_turn_state(&turn) == HOLDER_RETURNING)
			holder_turn_lose(&turn);
	}
}

void holder_link_lost(struct holder *holder, unsigned int peer, uint32_t peer_epoch,
		      const struct action_sink *sink)
{
	if (holder_is_home(holder) || peer == holder->config.home || holder->is_home_lost)
		return;
	struct holder_turn turn = holder_turn_begin(holder, 0, sink);
	struct message message = {.type = MESSAGE_LINK_LOST,
				  .to = (uint8_t)peer,
				  .transaction = transaction_make(peer, peer_epoch, 0)};
	holder_turn_send(&turn, ACTION_SEND, holder->config.home, message);
}

uint64_t holder_hold_until_ns(const struct holder *holder, uint64_t page)
{
	const struct holder_page *entry = &holder->pages[page];
	if (entry->granted_ns == 0 || (entry->flags & USED))
		return 0;
	return entry->granted_ns + holder->config.hold_ns;
}

void holder_used(struct holder *holder, uint64_t page)
{
	holder->pages[page].flags |= USED;
}

bool holder_is_wanted(const struct holder *holder, uint64_t page, uint64_t now_ns)
{
	uint64_t granted_ns = holder->pages[page].granted_ns;
	return granted_ns != 0 &&
	       now_ns - granted_ns <= WANTED_HOLDS * holder->config.hold_ns + WANTED_NS;
}

bool holder_has_transactions(const struct holder *holder, uint32_t count)
{
	return holder->last_sequence < UINT32_MAX - count;
}

uint64_t holder_next_transaction(const struct holder *holder)
{
	return transaction_make(holder->config.self, holder->config.epoch,
				holder->last_sequence + 1);
}

uint64_t holder_page_transaction(const struct holder *holder, uint64_t page)
{
	return transaction_make(holder->config.self, holder->config.epoch,
				holder->pages[page].sequence);
}

bool holder_may_give_up(const struct holder *holder, uint64_t page, uint64_t now_ns)
{
	return now_ns >= holder_hold_until_ns(holder, page);
}

int holder_init(struct holder *holder, const struct holder_config *config)
{
	bool is_at_home = config->self == config->home;
	if (config->self >= HOST_SET_MAX || config->home >= HOST_SET_MAX ||
	    config->page_count == 0 || config->page_count > SIZE_MAX / HOLDER_PAGE_BYTES ||
	    config->epoch == 0 || config->epoch > EPOCH_MAX ||
	    is_at_home != (config->directory != NULL))
		return -EINVAL;
	/* calloc of a large table maps zero pages and touches none */
	struct holder_page *pages = calloc((size_t)config->page_count, sizeof(*pages));
	if (pages == NULL)
		return -ENOMEM;
	*holder = (struct holder){.config = *config, .pages = pages};
	holder->held_count = is_at_home ? config->page_count : 0;
	return 0;
}

void holder_done(struct holder *holder)
{
	free(holder->pages);
	holder->pages = NULL;
}
