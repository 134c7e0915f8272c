/*
 * What happens to coherent objects: faults, messages, deadlines. Each event goes to the machine it
 * is for; what that wants done is in coherent_actions.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pager/service/coherent/coherent_state.h"
#include "pager/service/coherent/coherent_ahead.h"
#include "pager/service/coherent/coherent_run.h"
#include "pager/service/container.h"
#include "pager/service/hosts/join.h"
#include "pager/service/tasks/uffd.h"
#include "pager/service/tasks/waits.h"

/* How many pages a leaving host returns at a time. */
#define RETURNS_UNDER_WAY 256u
/* How often it is looked whether a page that others want has been used. */
#define LOOK_FOR_USE_NS (5 * NS_PER_US)

static bool is_reading(const struct coherent *coherent, uint64_t page)
{
	return page < coherent->object->pages &&
	       holder_page_state(&coherent->holder, page) == HOLDER_READING;
}

static bool is_under_way(const struct coherent *coherent, uint64_t page)
{
	enum holder_state state = holder_page_state(&coherent->holder, page);

	return state == HOLDER_READING || state == HOLDER_WRITING || state == HOLDER_UPGRADING ||
	       state == HOLDER_RETURNING;
}

/* ---- messages ---- */

static void held_fire(struct timer *timer)
{
	struct held_message *held = CONTAINER(timer, struct held_message, timer);
	struct coherent *coherent = held->coherent;
	struct message message = held->message;

	LIST_REMOVE(held, of_coherent);
	free(held);
	/* From home, and checked when it came: a wrong one is ignored now. */
	if (coherent_deliver(coherent, &message))
		log_line(LOG_WARNING, "object=%#llx page=%llu: ignoring a senseless message",
			 (unsigned long long)message.object, (unsigned long long)message.page);
	coherent_after_page(coherent, message.page);
}

/* Keeps a message until the page may go, or was perhaps used. */
static int hold(struct coherent *coherent, const struct message *message, uint64_t now)
{
	uint64_t due_ns = holder_hold_until_ns(&coherent->holder, message->page);
	struct held_message *held = calloc(1, sizeof(*held));

	if (!held)
		return -ENOMEM;
	held->coherent = coherent;
	held->message = *message;
	held->timer.fire = held_fire;
	if (due_ns > now + LOOK_FOR_USE_NS)
		due_ns = now + LOOK_FOR_USE_NS;
	if (timer_start(&coherent->object->pager->timers, &held->timer, due_ns)) {
		free(held);
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&coherent->held, held, of_coherent);
	return 0;
}

int coherent_deliver(struct coherent *coherent, const struct message *message)
{
	struct action_sink sink = coherent_sink(coherent);
	struct pager *pager = coherent->object->pager;
	uint64_t now = clock_now_ns();
	struct message changed = *message;

	if (message_is_for_directory(message, (unsigned int)pager->options.node)) {
		if (!coherent_is_home(coherent))
			return -EPROTO;
		/*
		 * A host does not know another's membership. The present one is right: the
		 * request that may be hurt by the broken link came before this message.
		 */
		if (message->type == MESSAGE_LINK_LOST)
			changed.transaction = transaction_make(
			    message->to, directory_host_epoch(&coherent->directory, message->to),
			    0);
		return directory_message(&coherent->directory, &changed, &sink);
	}
	if (message->page >= coherent->object->pages)
		return -EINVAL;
	if (message->type != MESSAGE_FETCH && message->type != MESSAGE_INVALIDATE)
		return holder_message(&coherent->holder, message, now, &sink);
	if (!holder_may_give_up(&coherent->holder, message->page, now))
		coherent_look_for_use(coherent, message->page);
	if (!holder_may_give_up(&coherent->holder, message->page, now))
		return hold(coherent, message, now);
	pager->statistics.invalidations += message->type == MESSAGE_INVALIDATE;
	/* A page for a host that we have no link to goes by way of home. */
	if (message->type == MESSAGE_FETCH && !peer_up(pager, message->to) &&
	    message->to != pager->options.node)
		changed.by_home = true;
	return holder_message(&coherent->holder, &changed, now, &sink);
}

static int from_wire(const struct peer *peer, const struct page_message *wire,
		     struct message *ret_message)
{
	static const enum coherence_message_type types[PAGE_MESSAGE_NUM_TYPES] = {
	    [PAGE_MESSAGE_READ_REQUEST] = MESSAGE_READ_REQUEST,
	    [PAGE_MESSAGE_WRITE_REQUEST] = MESSAGE_WRITE_REQUEST,
	    [PAGE_MESSAGE_FETCH] = MESSAGE_FETCH,
	    [PAGE_MESSAGE_INVALIDATE] = MESSAGE_INVALIDATE,
	    [PAGE_MESSAGE_INVALIDATED] = MESSAGE_INVALIDATED,
	    [PAGE_MESSAGE_PAGE] = MESSAGE_PAGE,
	    [PAGE_MESSAGE_GRANT] = MESSAGE_GRANT,
	    [PAGE_MESSAGE_DONE] = MESSAGE_DONE,
	    [PAGE_MESSAGE_LOST] = MESSAGE_LOST,
	    [PAGE_MESSAGE_RETURN] = MESSAGE_RETURN,
	    [PAGE_MESSAGE_RETURNED] = MESSAGE_RETURNED,
	    [PAGE_MESSAGE_LINK_LOST] = MESSAGE_LINK_LOST,
	};

	if (wire->access >= ACCESS_NUM || wire->mode >= FETCH_NUM_MODES ||
	    wire->host >= HOST_SET_MAX)
		return -EPROTO;
	*ret_message = (struct message){
	    .type = types[wire->type],
	    .from = (uint8_t)peer->node,
	    .to = wire->host,
	    .is_zero = wire->flags & PAGE_FLAG_ZERO,
	    .by_home = wire->flags & PAGE_FLAG_BY_HOME,
	    .access = (enum page_access)wire->access,
	    .mode = (enum fetch_mode)wire->mode,
	    .epoch = wire->membership,
	    .object = wire->object,
	    .page = wire->first_page,
	    .transaction = wire->transaction,
	};
	return 0;
}

/* Return: 0, or -errno to give the peer up. */
static int take_message(struct coherent *coherent, const struct page_message *wire,
			const struct message *message)
{
	struct run *run = message->type == MESSAGE_PAGE || message->type == MESSAGE_LOST
			      ? coherent_run_of(coherent, message->page)
			      : NULL;
	int r;

	coherent->arrived = wire;
	r = coherent_deliver(coherent, message);
	coherent->arrived = NULL;
	if (run && !is_reading(coherent, message->page))
		coherent_run_answered(coherent, run, message->page);
	coherent_after_page(coherent, message->page);
	return r;
}

/* Several pages at once. Return: 0, or -errno to give the peer up. */
static int take_run(struct peer *peer, const struct page_message *wire)
{
	if (wire->type == PAGE_MESSAGE_READ_REQUEST)
		return coherent_run_serve(peer, wire);
	return wire->type == PAGE_MESSAGE_DONE ? coherent_run_done(peer, wire) : -EPROTO;
}

int coherent_message(struct peer *peer, const struct page_message *wire)
{
	struct object *object = object_find(peer->pager, wire->object);
	struct message message;
	int r;

	if (wire->page_count != 1)
		return take_run(peer, wire);
	r = from_wire(peer, wire, &message);
	if (r)
		return r;
	/* Of an object that was left meanwhile: every page was returned before. */
	if (!object || !object->coherent)
		return 0;
	if (message.type == MESSAGE_READ_REQUEST && !coherent_run_take_out(peer, wire))
		return 0;
	return take_message(object->coherent, wire, &message);
}

/* ---- faults ---- */

/* Return: whether the holder answers such a fault without asking anybody. */
static bool is_answered_here(const struct coherent *coherent, uint64_t page, bool is_write)
{
	enum holder_state state = holder_page_state(&coherent->holder, page);

	return state == HOLDER_EXCLUSIVE || state == HOLDER_LOST ||
	       (!is_write && holder_has_copy(&coherent->holder, page));
}

static void ask_holder(struct coherent *coherent, struct mapping *mapping, uint64_t address,
		       uint64_t page, bool is_write)
{
	struct action_sink sink = coherent_sink(coherent);

	coherent->faulting = mapping;
	coherent->faulting_address = address;
	/* The page is inside the object because the mapping is. */
	(void)holder_fault(&coherent->holder, page, is_write ? FAULT_WRITE : FAULT_READ, &sink);
	coherent->faulting = NULL;
}

void coherent_fault(struct mapping *mapping, uint64_t address, bool is_write)
{
	struct coherent *coherent = mapping->object->coherent;
	uint64_t page = mapping->first_page + (address - mapping->address) / PAGE_BYTES;
	struct page_wait *wait;

	if (!coherent) { /* not watched any more since this event was made */
		uffd_wake(mapping->vmm->uffd, address, PAGE_BYTES);
		return;
	}
	if (!is_answered_here(coherent, page, is_write)) {
		wait = wait_get(mapping->object, page);
		if (!wait || wait_add_fault(wait, mapping->vmm, address, is_write)) {
			vmm_stray_fault(mapping->vmm, address); /* no memory: it tries again */
			return;
		}
	}
	ask_holder(coherent, mapping, address, page, is_write);
	if (is_reading(coherent, page))
		coherent_run_hurry(coherent, page);
	if (!is_write)
		coherent_read_ahead(mapping, page);
	coherent_after_page(coherent, page);
}

/* ---- deadlines ---- */

void coherent_expired(struct object *object, uint64_t page)
{
	struct pager *pager = object->pager;

	log_line(LOG_WARNING, "object=%#llx page=%llu: no answer in time",
		 (unsigned long long)object->id, (unsigned long long)page);
	if (object->phase != OBJECT_HERE) {
		struct peer *home = peer_up(pager, object->home);

		if (home)
			peer_fail(home, -ETIMEDOUT);
		return;
	}
	/* At home: some member is alive but does not do its part. */
	for (int node = 0; node < (int)PAGER_MAX_NODES; node++)
		if (object_is_member(object, node) && peer_up(pager, node))
			peer_fail(pager->peers[node], -ETIMEDOUT);
}

/* ---- after an event ---- */

void coherent_deliver_letters(struct coherent *coherent)
{
	while (coherent->letter_count > 0) {
		struct message letter = coherent->letters[coherent->letter_first++];
		int r;

		coherent->letter_count--;
		if (coherent->letter_count == 0)
			coherent->letter_first = 0;
		r = coherent_deliver(coherent, &letter);
		if (r) {
			/* The machines disagree with each other: fail as a whole, at once. */
			log_line(LOG_ERROR, "object=%#llx page=%llu: our own %s was refused: %s",
				 (unsigned long long)letter.object, (unsigned long long)letter.page,
				 coherence_message_type_name(letter.type), strerror(-r));
			coherent->object->pager->end_reason = r;
			coherent->object->pager->is_ending = true;
			return;
		}
	}
}

/* Faults that no request will answer are asked for again; a wait for nothing ends. */
static void settle_wait(struct coherent *coherent, struct page_wait *wait)
{
	struct fault *fault;

	while (!is_under_way(coherent, wait->page) && (fault = wait_take_fault(wait))) {
		struct mapping *mapping = mapping_at(&fault->vmm->mappings, fault->address);
		bool is_asked = mapping && mapping->object == coherent->object;

		if (is_asked && !is_answered_here(coherent, wait->page, fault->is_write))
			is_asked =
			    wait_add_fault(wait, fault->vmm, fault->address, fault->is_write) == 0;
		if (is_asked)
			ask_holder(coherent, mapping, fault->address, wait->page, fault->is_write);
		else
			vmm_stray_fault(fault->vmm, fault->address);
		free(fault);
	}
	if (TAILQ_EMPTY(&wait->faults) && !is_under_way(coherent, wait->page))
		wait_free(wait);
}

static void leave_some(struct coherent *coherent)
{
	struct object *object = coherent->object;
	struct action_sink sink = coherent_sink(coherent);

	while (coherent->leave_next < object->pages && coherent->holder.held_count > 0 &&
	       HASH_COUNT(object->waits) < RETURNS_UNDER_WAY) {
		uint64_t page = coherent->leave_next++;
		enum holder_state state = holder_page_state(&coherent->holder, page);

		if (state == HOLDER_NONE || state == HOLDER_LOST)
			continue;
		/* Without memory for a deadline the link's own has to do. */
		(void)wait_get(object, page);
		(void)holder_return(&coherent->holder, page, &sink);
	}
	if (coherent->holder.held_count == 0)
		join_left(object);
}

static void after(struct coherent *coherent)
{
	free(coherent->read_out);
	coherent->read_out = NULL;
	if (coherent->object->phase == OBJECT_LEAVING)
		leave_some(coherent);
	if (coherent->object->phase == OBJECT_HERE)
		join_go_on_parting(coherent->object);
}

void coherent_after_page(struct coherent *coherent, uint64_t page)
{
	struct page_wait *wait;

	coherent_deliver_letters(coherent);
	wait = wait_find(coherent->object, page);
	if (wait)
		settle_wait(coherent, wait);
	coherent_deliver_letters(coherent);
	after(coherent);
}

void coherent_after(struct coherent *coherent)
{
	struct page_wait *wait, *next;

	coherent_deliver_letters(coherent);
	HASH_ITER (hh, coherent->object->waits, wait, next)
		settle_wait(coherent, wait);
	coherent_deliver_letters(coherent);
	after(coherent);
}
