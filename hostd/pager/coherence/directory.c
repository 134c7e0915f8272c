/*
 * The directory's tables, and the checks of what arrives: see directory.h and directory_turn.h.
 */
#include "directory.h"
#include "directory_turn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static_assert(sizeof(struct directory_page) == DIRECTORY_PAGE_BYTES, "stated in the header");
static_assert(sizeof(struct directory_busy) == DIRECTORY_BUSY_BYTES, "stated in the header");
static_assert(sizeof(struct directory_waiting) == DIRECTORY_WAITING_BYTES, "stated in the header");

int directory_init(struct directory *directory, uint64_t object, unsigned int home,
		   uint64_t page_count)
{
	if (home >= HOST_SET_MAX || page_count == 0 || page_count > SIZE_MAX / DIRECTORY_PAGE_BYTES)
		return -EINVAL;
	/* calloc of a large table maps zero pages and touches none */
	struct directory_page *pages = calloc((size_t)page_count, sizeof(*pages));
	if (pages == NULL)
		return -ENOMEM;
	*directory = (struct directory){
	    .object = object, .page_count = page_count, .pages = pages, .home = (uint8_t)home};
	slot_pool_init(&directory->busy_pages, sizeof(struct directory_busy));
	slot_pool_init(&directory->waiting, sizeof(struct directory_waiting));
	directory->epochs[home] = ++directory->last_epoch;
	directory->members = host_set_of(home);
	return 0;
}

void directory_done(struct directory *directory)
{
	free(directory->pages);
	directory->pages = NULL;
	slot_pool_done(&directory->busy_pages);
	slot_pool_done(&directory->waiting);
}

int directory_host_join(struct directory *directory, unsigned int host, uint32_t *ret_epoch)
{
	if (host >= HOST_SET_MAX)
		return -EINVAL;
	if (host_set_has(directory->members, host))
		return -EEXIST;
	if (directory->last_epoch == EPOCH_MAX)
		return -EOVERFLOW;
	directory->epochs[host] = ++directory->last_epoch;
	directory->members |= host_set_of(host);
	directory->unlinked[host] = 0;
	for (unsigned int other = 0; other < HOST_SET_MAX; other++)
		directory->unlinked[other] &= ~host_set_of(host);
	*ret_epoch = directory->epochs[host];
	return 0;
}

uint32_t directory_host_epoch(const struct directory *directory, unsigned int host)
{
	return host < HOST_SET_MAX ? directory->epochs[host] : 0;
}

static int ignore(struct directory *directory)
{
	directory->ignored_count++;
	return 0;
}

static int take_request(struct directory_turn *turn, const struct message *message)
{
	struct directory *directory = turn->directory;
	if (transaction_host(message->transaction) != message->from ||
	    transaction_epoch(message->transaction) != message->epoch)
		return -EPROTO;
	if (directory_turn_has_request(turn, message->transaction))
		return ignore(directory);
	if (slot_pool_reserve(&directory->busy_pages, 1) < 0 ||
	    slot_pool_reserve(&directory->waiting, 1) < 0)
		return -ENOMEM;
	/* reserving may have moved the slots */
	*turn = directory_turn_begin(directory, turn->page, turn->sink);
	directory_turn_request(turn, message->type, message->transaction);
	return 0;
}

static int take_invalidated(struct directory_turn *turn, const struct message *message)
{
	const struct directory_busy *busy = turn->busy;
	if (busy == NULL || busy->phase != PHASE_INVALIDATING ||
	    busy->transaction != message->transaction ||
	    !host_set_has(busy->awaiting, message->from))
		return ignore(turn->directory);
	directory_turn_invalidated(turn, message->from);
	return 0;
}

/* Return: whether a requester could truthfully say that it has installed this access. */
static bool is_plausible_done(const struct directory_busy *busy, enum page_access access)
{
	enum page_access asked = busy->kind == MESSAGE_READ_REQUEST ? ACCESS_READ : ACCESS_WRITE;
	if (busy->phase == PHASE_RELEASING)
		return access == ACCESS_NONE;
	return access == asked || (busy->phase == PHASE_LOSING && access == ACCESS_NONE);
}

static int take_done(struct directory_turn *turn, const struct message *message)
{
	const struct directory_busy *busy = turn->busy;
	if (busy == NULL || busy->phase < PHASE_FETCHING || busy->requester != message->from ||
	    busy->transaction != message->transaction)
		return ignore(turn->directory);
	if (!is_plausible_done(busy, message->access))
		return -EPROTO;
	directory_turn_done(turn, message->access);
	return 0;
}

/* A page that could not go straight from its source to the requester. */
static int forward_page(struct directory_turn *turn, const struct message *message)
{
	const struct directory_busy *busy = turn->busy;
	if (busy == NULL || busy->phase != PHASE_FETCHING || busy->source != message->from ||
	    busy->requester != message->to || busy->transaction != message->transaction)
		return ignore(turn->directory);
	struct action action = {.type = ACTION_FORWARD,
				.host = message->to,
				.page = message->page,
				.message = *message};
	action_emit(turn->sink, &action);
	return 0;
}

static int take_link_lost(struct directory *directory, const struct message *message,
			  const struct action_sink *sink)
{
	unsigned int peer = message->to;
	if (peer >= HOST_SET_MAX || peer == message->from || peer == directory->home ||
	    message->from == directory->home)
		return -EPROTO;
	if (!host_set_has(directory->members, peer) ||
	    transaction_epoch(message->transaction) != directory->epochs[peer])
		return ignore(directory); /* that life of the peer has ended */
	directory->unlinked[message->from] |= host_set_of(peer);
	directory->unlinked[peer] |= host_set_of(message->from);
	for (uint32_t handle = 1; handle <= directory->busy_pages.capacity; handle++) {
		const struct directory_busy *busy = slot_pool_at(&directory->busy_pages, handle);
		if (!busy->is_used || busy->phase != PHASE_FETCHING || busy->source != peer ||
		    busy->requester != message->from)
			continue;
		struct directory_turn turn = directory_turn_begin(directory, busy->page, sink);
		directory_turn_link_lost(&turn);
	}
	return 0;
}

int directory_message(struct directory *directory, const struct message *message,
		      const struct action_sink *sink)
{
	if (message->from >= HOST_SET_MAX || message->page >= directory->page_count)
		return -EINVAL;
	bool is_relayed = message->type == MESSAGE_PAGE; /* carries the receiver's epoch */
	if (message->object != directory->object ||
	    !host_set_has(directory->members, message->from) ||
	    (!is_relayed && message->epoch != directory->epochs[message->from]))
		return ignore(directory);
	if (message->type == MESSAGE_LINK_LOST)
		return take_link_lost(directory, message, sink);
	struct directory_turn turn = directory_turn_begin(directory, message->page, sink);
	switch (message->type) {
	case MESSAGE_READ_REQUEST:
	case MESSAGE_WRITE_REQUEST:
	case MESSAGE_RETURN:
		return take_request(&turn, message);
	case MESSAGE_INVALIDATED:
		return take_invalidated(&turn, message);
	case MESSAGE_DONE:
		return take_done(&turn, message);
	case MESSAGE_PAGE:
		return forward_page(&turn, message);
	case MESSAGE_FETCH:
	case MESSAGE_INVALIDATE:
	case MESSAGE_GRANT:
	case MESSAGE_LOST:
	case MESSAGE_RETURNED:
	case MESSAGE_LINK_LOST:
	case MESSAGE_NUM_TYPES:
		break;
	}
	return -EPROTO;
}

void directory_host_lost(struct directory *directory, unsigned int host,
			 const struct action_sink *sink)
{
	if (host == directory->home || !host_set_has(directory->members, host))
		return;
	directory->members &= ~host_set_of(host);
	directory->epochs[host] = 0;
	for (uint64_t page = 0; page < directory->page_count; page++) {
		struct directory_turn turn = directory_turn_begin(directory, page, sink);
		directory_turn_host_lost(&turn, host);
	}
}

bool directory_host_is_clear(const struct directory *directory, unsigned int host)
{
	for (uint32_t handle = 1; handle <= directory->busy_pages.capacity; handle++) {
		const struct directory_busy *busy = slot_pool_at(&directory->busy_pages, handle);
		if (busy->is_used && (busy->source == host || busy->requester == host ||
				      transaction_host(busy->transaction) == host ||
				      host_set_has(busy->awaiting, host)))
			return false;
	}
	for (uint64_t page = 0; page < directory->page_count; page++)
		if (host_set_has(directory_page_hosts(directory, page), host))
			return false;
	return true;
}

bool directory_is_recalling(const struct directory *directory, uint64_t page, uint64_t transaction)
{
	const struct directory_page *entry = &directory->pages[page];
	if (entry->busy == 0)
		return false;
	const struct directory_busy *busy = slot_pool_at(&directory->busy_pages, entry->busy);
	return busy->kind == MESSAGE_RETURN && busy->transaction == transaction &&
	       busy->requester == directory->home;
}

enum directory_state directory_page_state(const struct directory *directory, uint64_t page)
{
	return (enum directory_state)directory->pages[page].state;
}

host_set directory_page_hosts(const struct directory *directory, uint64_t page)
{
	return directory->pages[page].stored_hosts ^ host_set_of(directory->home);
}

enum directory_phase directory_page_phase(const struct directory *directory, uint64_t page)
{
	uint32_t handle = directory->pages[page].busy;
	if (handle == 0)
		return PHASE_IDLE;
	const struct directory_busy *busy = slot_pool_at(&directory->busy_pages, handle);
	return (enum directory_phase)busy->phase;
}

uint32_t directory_busy_count(const struct directory *directory)
{
	return directory->busy_pages.used_count;
}
