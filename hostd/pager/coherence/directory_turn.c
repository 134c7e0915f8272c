/*
 * The decisions of the home side. Theory of operation: requests of a page are served one at a time
 * in order of arrival; each ends with a DONE (or at once, if there is nothing to change), and only
 * then does the next begin. `hosts` is kept so that at every moment it contains every host that
 * could still have a copy after all messages under way have arrived, less those that were told to
 * drop it.
 */
#include "directory_turn.h"

#include <assert.h>

struct directory_turn directory_turn_begin(struct directory *directory, uint64_t page,
					   const struct action_sink *sink)
{
	struct directory_turn turn = {
	    .directory = directory, .entry = &directory->pages[page], .page = page, .sink = sink};
	if (turn.entry->busy != 0)
		turn.busy = slot_pool_at(&directory->busy_pages, turn.entry->busy);
	return turn;
}

static host_set hosts_of(const struct directory_turn *turn)
{
	return turn->entry->stored_hosts ^ host_set_of(turn->directory->home);
}

static void set_page(struct directory_turn *turn, enum directory_state state, host_set hosts)
{
	assert((state == DIRECTORY_LOST) == (hosts == 0));
	assert(state != DIRECTORY_OWNED || host_set_count(hosts) == 1);
	turn->entry->state = (uint8_t)state;
	turn->entry->stored_hosts = hosts ^ host_set_of(turn->directory->home);
}

/* What is left when nobody got the page exclusively. */
static void settle(struct directory_turn *turn, host_set hosts)
{
	set_page(turn, hosts == 0 ? DIRECTORY_LOST : DIRECTORY_SHARED, hosts);
}

static void send(struct directory_turn *turn, unsigned int host, struct message message)
{
	const struct directory *directory = turn->directory;
	if (!host_set_has(directory->members, host))
		return;
	message.from = directory->home;
	message.epoch = directory->epochs[host];
	message.object = directory->object;
	message.page = turn->page;
	struct action action = {
	    .type = ACTION_SEND, .host = host, .page = turn->page, .message = message};
	action_emit(turn->sink, &action);
}

static void send_for(struct directory_turn *turn, unsigned int host,
		     enum coherence_message_type type)
{
	struct message message = {.type = type, .transaction = turn->busy->transaction};
	if (type == MESSAGE_GRANT)
		message.access = ACCESS_WRITE;
	send(turn, host, message);
}

static void finish(struct directory_turn *turn)
{
	turn->busy->phase = PHASE_IDLE;
}

static void fetch(struct directory_turn *turn)
{
	struct directory_busy *busy = turn->busy;
	busy->phase = PHASE_FETCHING;
	struct message message = {
	    .type = MESSAGE_FETCH,
	    .to = busy->requester,
	    .mode = busy->kind == MESSAGE_READ_REQUEST ? FETCH_SHARE : FETCH_TAKE,
	    .by_home = host_set_has(turn->directory->unlinked[busy->source], busy->requester),
	    .transaction = busy->transaction,
	};
	send(turn, busy->source, message);
}

/* Nobody can supply the page. It may have reached the requester all the same: DONE will tell. */
static void lose(struct directory_turn *turn)
{
	settle(turn, 0);
	turn->busy->phase = PHASE_LOSING;
	send_for(turn, turn->busy->requester, MESSAGE_LOST);
}

/* Every copy but one is gone: the requester's turn. */
static void invalidated_all(struct directory_turn *turn)
{
	struct directory_busy *busy = turn->busy;
	host_set hosts = hosts_of(turn);
	if (busy->requester_is_gone) {
		settle(turn, hosts);
		finish(turn);
	} else if (hosts == 0) {
		lose(turn);
	} else if (host_set_has(hosts, busy->requester)) {
		busy->phase = PHASE_GRANTING;
		send_for(turn, busy->requester, MESSAGE_GRANT);
	} else {
		fetch(turn);
	}
}

static void begin_write(struct directory_turn *turn)
{
	struct directory_busy *busy = turn->busy;
	host_set hosts = hosts_of(turn);
	/* home's own copy is the best source: fetching it costs no message between hosts */
	unsigned int keep = host_set_has(hosts, busy->requester)
				? busy->requester
				: host_set_choose(hosts, turn->directory->home);
	busy->source = (uint8_t)keep;
	busy->awaiting = hosts & ~host_set_of(keep);
	busy->phase = PHASE_INVALIDATING;
	if (busy->awaiting != 0)
		set_page(turn, DIRECTORY_SHARED, host_set_of(keep));
	for (host_set left = busy->awaiting; left != 0; left &= left - 1)
		send_for(turn, host_set_first(left), MESSAGE_INVALIDATE);
#ifdef COHERENCE_BUG_SKIP_INVALIDATE
	busy->awaiting = 0; /* tests only: the invariant checker must notice this */
#endif
	if (busy->awaiting == 0)
		invalidated_all(turn);
}

static void begin_return(struct directory_turn *turn)
{
	struct directory_busy *busy = turn->busy;
	unsigned int leaver = transaction_host(busy->transaction);
	host_set others = hosts_of(turn) & ~host_set_of(leaver);
	if (!host_set_has(hosts_of(turn), leaver)) {
		/* it was taken or invalidated on the way */
		send_for(turn, leaver, MESSAGE_RETURNED);
		finish(turn);
	} else if (others != 0) {
		/* readable there until RETURNED arrives: no write may be granted before its DONE */
		set_page(turn, DIRECTORY_SHARED, others);
		busy->phase = PHASE_RELEASING;
		send_for(turn, leaver, MESSAGE_RETURNED);
	} else {
		busy->requester = turn->directory->home;
		busy->source = (uint8_t)leaver;
		fetch(turn);
	}
}

static void begin_request(struct directory_turn *turn)
{
	struct directory_busy *busy = turn->busy;
	host_set hosts = hosts_of(turn);
	bool has_copy = host_set_has(hosts, busy->requester);
	if (busy->kind == MESSAGE_RETURN) {
		begin_return(turn);
	} else if (busy->kind == MESSAGE_READ_REQUEST && !has_copy) {
		busy->source = (uint8_t)host_set_choose(hosts, turn->directory->home);
		fetch(turn);
	} else if (busy->kind == MESSAGE_WRITE_REQUEST &&
		   !(has_copy && turn->entry->state == DIRECTORY_OWNED)) {
		begin_write(turn);
	} else {
		/* it has what it asks for: only a broken host would ask */
		turn->directory->ignored_count++;
		finish(turn);
	}
}

static void begin(struct directory_turn *turn, const struct directory_waiting *request)
{
	struct directory_busy *busy = turn->busy;
	busy->kind = request->kind;
	busy->transaction = request->transaction;
	busy->requester = (uint8_t)transaction_host(request->transaction);
	busy->requester_is_gone = false;
	busy->awaiting = 0;
	if (turn->entry->state != DIRECTORY_LOST) {
		begin_request(turn);
		return;
	}
	send_for(turn, busy->requester,
		 busy->kind == MESSAGE_RETURN ? MESSAGE_RETURNED : MESSAGE_LOST);
	finish(turn);
}

/* Begins waiting requests until one has to wait for an answer; an idle page keeps no slot. */
static void serve(struct directory_turn *turn)
{
	struct directory *directory = turn->directory;
	struct directory_busy *busy = turn->busy;
	while (busy->phase == PHASE_IDLE && busy->queue_head != 0) {
		uint32_t handle = busy->queue_head;
		struct directory_waiting request =
		    *(struct directory_waiting *)slot_pool_at(&directory->waiting, handle);
		busy->queue_head = request.next;
		if (request.next == 0)
			busy->queue_tail = 0;
		slot_pool_put(&directory->waiting, handle);
		begin(turn, &request);
	}
	if (busy->phase != PHASE_IDLE)
		return;
	slot_pool_put(&directory->busy_pages, turn->entry->busy);
	turn->entry->busy = 0;
	turn->busy = NULL;
}

void directory_turn_request(struct directory_turn *turn, enum coherence_message_type kind,
			    uint64_t transaction)
{
	struct directory *directory = turn->directory;
	if (turn->busy == NULL) {
		turn->entry->busy = slot_pool_get(&directory->busy_pages);
		turn->busy = slot_pool_at(&directory->busy_pages, turn->entry->busy);
		*turn->busy = (struct directory_busy){.page = turn->page, .is_used = true};
	}
	struct directory_busy *busy = turn->busy;
	uint32_t handle = slot_pool_get(&directory->waiting);
	struct directory_waiting *request = slot_pool_at(&directory->waiting, handle);
	*request = (struct directory_waiting){.kind = (uint8_t)kind, .transaction = transaction};
	if (busy->queue_tail == 0) {
		busy->queue_head = handle;
	} else {
		struct directory_waiting *tail =
		    slot_pool_at(&directory->waiting, busy->queue_tail);
		tail->next = handle;
	}
	busy->queue_tail = handle;
	serve(turn);
}

/* Of an earlier membership of the same host a transaction may still be ending: that is no clash. */
static bool is_same_requester(uint64_t first, uint64_t second)
{
	return transaction_host(first) == transaction_host(second) &&
	       transaction_epoch(first) == transaction_epoch(second);
}

bool directory_turn_has_request(const struct directory_turn *turn, uint64_t transaction)
{
	const struct directory_busy *busy = turn->busy;
	if (busy == NULL)
		return false;
	if (is_same_requester(busy->transaction, transaction))
		return true;
	for (uint32_t handle = busy->queue_head; handle != 0;) {
		const struct directory_waiting *request =
		    slot_pool_at(&turn->directory->waiting, handle);
		if (is_same_requester(request->transaction, transaction))
			return true;
		handle = request->next;
	}
	return false;
}

static void forget_requests(struct directory_turn *turn, unsigned int host)
{
	struct directory_busy *busy = turn->busy;
	uint32_t handle = busy->queue_head;
	busy->queue_head = 0;
	busy->queue_tail = 0;
	struct directory_waiting *tail = NULL;
	while (handle != 0) {
		uint32_t current = handle;
		struct directory_waiting *request =
		    slot_pool_at(&turn->directory->waiting, current);
		handle = request->next;
		if (transaction_host(request->transaction) == host) {
			slot_pool_put(&turn->directory->waiting, current);
			continue;
		}
		request->next = 0;
		if (tail == NULL)
			busy->queue_head = current;
		else
			tail->next = current;
		tail = request;
		busy->queue_tail = current;
	}
}

void directory_turn_invalidated(struct directory_turn *turn, unsigned int from)
{
	struct directory_busy *busy = turn->busy;
	busy->awaiting &= ~host_set_of(from);
	if (busy->awaiting != 0)
		return;
	invalidated_all(turn);
	serve(turn);
}

void directory_turn_done(struct directory_turn *turn, enum page_access access)
{
	struct directory_busy *busy = turn->busy;
	if (access == ACCESS_WRITE)
		set_page(turn, DIRECTORY_OWNED, host_set_of(busy->requester));
	else if (access == ACCESS_READ)
		set_page(turn, DIRECTORY_SHARED, hosts_of(turn) | host_set_of(busy->requester));
	else
		settle(turn, hosts_of(turn));
	if (busy->kind == MESSAGE_RETURN && busy->phase != PHASE_RELEASING) {
		/* what home asked for meanwhile came before this DONE, and it has the page now */
		if (access == ACCESS_WRITE)
			forget_requests(turn, turn->directory->home);
		send_for(turn, transaction_host(busy->transaction), MESSAGE_RETURNED);
	}
	finish(turn);
	serve(turn);
}

static void requester_lost(struct directory_turn *turn)
{
	struct directory_busy *busy = turn->busy;
	if (busy->phase == PHASE_INVALIDATING) {
		/* copies may live on until the last acknowledgement */
		busy->requester_is_gone = true;
		if (busy->awaiting == 0)
			invalidated_all(turn);
		return;
	}
	bool others_are_valid =
	    busy->phase == PHASE_RELEASING ||
	    (busy->phase == PHASE_FETCHING && busy->kind == MESSAGE_READ_REQUEST);
	settle(turn, others_are_valid ? hosts_of(turn) : 0);
	finish(turn);
}

static void source_lost(struct directory_turn *turn)
{
	host_set hosts = hosts_of(turn);
	if (turn->busy->kind != MESSAGE_READ_REQUEST || hosts == 0) {
		lose(turn);
		return;
	}
	turn->busy->source = (uint8_t)host_set_choose(hosts, turn->directory->home);
	fetch(turn);
}

/* Takes the host out of the page's set; an idle page settles at once. */
static void remove_host(struct directory_turn *turn, unsigned int host)
{
	host_set hosts = hosts_of(turn);
	if (!host_set_has(hosts, host))
		return;
	settle(turn, hosts & ~host_set_of(host));
}

void directory_turn_host_lost(struct directory_turn *turn, unsigned int host)
{
	struct directory_busy *busy = turn->busy;
	remove_host(turn, host);
	if (busy == NULL)
		return;
	forget_requests(turn, host);
	bool was_awaited = host_set_has(busy->awaiting, host);
	busy->awaiting &= ~host_set_of(host);
	if (busy->requester == host)
		requester_lost(turn);
	else if (busy->phase == PHASE_FETCHING && busy->source == host)
		source_lost(turn);
	else if (was_awaited && busy->awaiting == 0)
		invalidated_all(turn);
	serve(turn);
}

/* The page did not come and will not: the requester said so, after every DONE it had to say. */
void directory_turn_link_lost(struct directory_turn *turn)
{
	if (turn->busy->kind == MESSAGE_READ_REQUEST)
		fetch(turn);
	else
		lose(turn);
}
