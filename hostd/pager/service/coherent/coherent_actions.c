/*
 * What the coherence machines want done: to the memory, to the mappings of this host, and to
 * other hosts.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pager/service/coherent/coherent_ahead.h"
#include "pager/service/coherent/coherent_gather.h"
#include "pager/service/coherent/coherent_state.h"
#include "pager/service/tasks/uffd.h"
#include "pager/service/tasks/waits.h"

#define MAP_AHEAD_PAGES 16u /* present pages behind the one that faulted */
#define GROW_MAX_PAGES	32u /* fresh pages for a thread that writes one after the other */

static const uint8_t wire_types[] = {
    [MESSAGE_READ_REQUEST] = PAGE_MESSAGE_READ_REQUEST,
    [MESSAGE_WRITE_REQUEST] = PAGE_MESSAGE_WRITE_REQUEST,
    [MESSAGE_FETCH] = PAGE_MESSAGE_FETCH,
    [MESSAGE_INVALIDATE] = PAGE_MESSAGE_INVALIDATE,
    [MESSAGE_INVALIDATED] = PAGE_MESSAGE_INVALIDATED,
    [MESSAGE_PAGE] = PAGE_MESSAGE_PAGE,
    [MESSAGE_GRANT] = PAGE_MESSAGE_GRANT,
    [MESSAGE_DONE] = PAGE_MESSAGE_DONE,
    [MESSAGE_LOST] = PAGE_MESSAGE_LOST,
    [MESSAGE_RETURN] = PAGE_MESSAGE_RETURN,
    [MESSAGE_RETURNED] = PAGE_MESSAGE_RETURNED,
    [MESSAGE_LINK_LOST] = PAGE_MESSAGE_LINK_LOST,
};
static_assert(sizeof(wire_types) == MESSAGE_NUM_TYPES, "every type has a wire type");

void coherent_set_broken(struct coherent *coherent, uint64_t page, bool broken)
{
	uint64_t bit = 1ull << (page % 64);

	if (broken)
		coherent->broken[page / 64] |= bit;
	else
		coherent->broken[page / 64] &= ~bit;
}

static void report(const struct coherent *coherent, uint64_t page, const char *what, int error)
{
	log_line(LOG_ERROR, "object=%#llx page=%llu: %s: %s",
		 (unsigned long long)coherent->object->id, (unsigned long long)page, what,
		 strerror(-error));
}

/* How many pages from `page` on, at most limit, are ours alone and in the mapping. */
static uint64_t count_exclusive(const struct coherent *coherent, const struct mapping *mapping,
				uint64_t page, uint64_t limit)
{
	uint64_t end = mapping->first_page + mapping_pages(mapping), count = 0;

	while (count < limit && page + count < end && !coherent_is_broken(coherent, page + count) &&
	       holder_page_state(&coherent->holder, page + count) == HOLDER_EXCLUSIVE)
		count++;
	return count;
}

/*
 * At home a page that was never touched is a hole: it gets memory now, and so do the pages behind
 * it when faults come in sequence, twice as many each time.
 */
static int map_hole(struct coherent *coherent, struct mapping *mapping, uint64_t page,
		    enum uffd_access access)
{
	uint64_t address = mapping_address(mapping, page), count;
	int r;

	if (page != mapping->grow_next || mapping->grow_pages == 0)
		mapping->grow_pages = 1;
	else if (mapping->grow_pages < GROW_MAX_PAGES)
		mapping->grow_pages *= 2;
	count = count_exclusive(coherent, mapping, page, mapping->grow_pages);
	mapping->grow_next = page + (count ? count : 1);
	r = object_allocate(coherent->object, page, count ? count : 1);
	if (r)
		return r;
	r = uffd_map(mapping->vmm->uffd, address, 1, access, NULL);
	if (count > 1)
		uffd_map_ahead(mapping->vmm->uffd, address + PAGE_BYTES, count - 1, UFFD_WRITE);
	return r;
}

/* Gives a waiting thread its page. */
static void map_for(struct coherent *coherent, struct mapping *mapping, uint64_t page,
		    enum page_access access)
{
	struct vmm *vmm = mapping->vmm;
	uint64_t address = mapping_address(mapping, page);
	enum uffd_access mode = access == ACCESS_WRITE ? UFFD_WRITE : UFFD_READ;
	int r =
	    coherent_is_broken(coherent, page) ? -EIO : uffd_map(vmm->uffd, address, 1, mode, NULL);

	ring_has_woken(&coherent->object->pager->ring);
	if (r == -ENODATA && coherent_is_home(coherent)) {
		r = map_hole(coherent, mapping, page, mode);
	} else if (r == 0 && mode == UFFD_WRITE) {
		uint64_t ahead = count_exclusive(coherent, mapping, page + 1, MAP_AHEAD_PAGES);

		if (ahead)
			uffd_map_ahead(vmm->uffd, address + PAGE_BYTES, ahead, UFFD_WRITE);
	} else if (r == 0) {
		coherent_map_ahead(coherent, mapping, page);
	}
	if (r == -EIO || r == -ENODATA) {
		report(coherent, page, "its bytes are gone from this host's memory", r);
		uffd_poison(vmm->uffd, address);
	} else if (r) {
		report(coherent, page, "mapping it for a thread (it tries again)", r);
		vmm_stray_fault(vmm, address);
	}
}

void coherent_map_waiting(struct coherent *coherent, uint64_t page, enum page_access access)
{
	struct page_wait *wait = wait_find(coherent->object, page);
	struct fault *fault = wait ? TAILQ_FIRST(&wait->faults) : NULL, *next;

	if (wait)
		wait_restart(wait);
	for (; fault; fault = next) {
		struct mapping *mapping = mapping_at(&fault->vmm->mappings, fault->address);

		next = TAILQ_NEXT(fault, of_wait);
		if (fault->is_write && access != ACCESS_WRITE)
			continue;
		TAILQ_REMOVE(&wait->faults, fault, of_wait);
		if (mapping && mapping->object == coherent->object)
			map_for(coherent, mapping, page, access);
		else
			vmm_stray_fault(fault->vmm, fault->address);
		free(fault);
	}
}

static void poison_waiting(struct coherent *coherent, uint64_t page)
{
	struct page_wait *wait = wait_find(coherent->object, page);
	struct fault *fault;

	if (holder_page_state(&coherent->holder, page) != HOLDER_LOST)
		coherent->object->pager->statistics.lost_pages++;
	while (wait && (fault = wait_take_fault(wait))) {
		uffd_poison(fault->vmm->uffd, fault->address);
		free(fault);
	}
	if (coherent->faulting)
		uffd_poison(coherent->faulting->vmm->uffd, coherent->faulting_address);
}

/* Stores the bytes that came. A failure is ours alone: the page counts as here, but broken. */
static void install(struct coherent *coherent, uint64_t page, enum page_access access)
{
	const struct page_message *arrived = coherent->arrived;
	struct object *object = coherent->object;
	static const uint8_t zeros[PAGE_BYTES];
	const void *bytes = arrived->flags & PAGE_FLAG_ZERO ? zeros : arrived->payload;
	int r = object_write(object, page, bytes);

	if (r)
		report(coherent, page, "storing it failed, it is lost", r);
	coherent_set_broken(coherent, page, r != 0);
	object->pager->statistics.pages_in++;
	coherent_map_waiting(coherent, page, access);
	if (access == ACCESS_WRITE)
		coherent_note_grant(coherent, page, bytes);
}

void coherent_protect(const struct coherent *coherent, uint64_t first, uint64_t count)
{
	struct mapping *mapping;

	LIST_FOREACH(mapping, &coherent->object->mappings, of_object)
	{
		uint64_t begin = first > mapping->first_page ? first : mapping->first_page;
		uint64_t end = mapping->first_page + mapping_pages(mapping);
		int r;

		if (end > first + count)
			end = first + count;
		if (begin >= end)
			continue;
		r = uffd_write_protect(mapping->vmm->uffd, mapping_address(mapping, begin),
				       end - begin);
		if (r)
			report(coherent, begin, "write-protecting it", r);
	}
}

static void read_out(struct coherent *coherent, uint64_t page)
{
	struct page_frame *frame = page_frame_new(PAGE_BYTES);
	int r = frame ? 0 : -ENOMEM;

	free(coherent->read_out);
	coherent->read_out = NULL;
	if (r == 0)
		r = coherent_is_broken(coherent, page)
			? -EIO
			: object_read(coherent->object, page, page_frame_payload(frame));
	if (r) {
		report(coherent, page, "reading it for another host", r);
		free(frame);
		return;
	}
	coherent->read_out = frame;
	coherent->read_out_is_zero = page_is_zero(page_frame_payload(frame), PAGE_BYTES);
}

static void drop(struct coherent *coherent, uint64_t page)
{
	int r = object_punch(coherent->object, page);

	coherent_set_broken(coherent, page, false);
	if (r)
		report(coherent, page, "removing it", r);
}

static void keep_letter(struct coherent *coherent, const struct message *message)
{
	size_t end = coherent->letter_first + coherent->letter_count;

	if (end == coherent->letter_capacity) {
		size_t capacity = end ? 2 * end : 16;
		struct message *letters = realloc(coherent->letters, capacity * sizeof(*letters));

		if (!letters) {
			/* The machines would wait for it for ever: fail as a whole, at once. */
			coherent->object->pager->end_reason = -ENOMEM;
			coherent->object->pager->is_ending = true;
			return;
		}
		coherent->letters = letters;
		coherent->letter_capacity = capacity;
	}
	coherent->letters[end] = *message;
	coherent->letter_count++;
}

static struct page_message to_wire(const struct message *message)
{
	return (struct page_message){
	    .type = wire_types[message->type],
	    .flags = (uint8_t)((message->is_zero ? PAGE_FLAG_ZERO : 0) |
			       (message->by_home ? PAGE_FLAG_BY_HOME : 0)),
	    .object = message->object,
	    .transaction = message->transaction,
	    .first_page = message->page,
	    .page_count = 1,
	    .access = (uint8_t)message->access,
	    .mode = (uint8_t)message->mode,
	    .host = message->to,
	    .membership = message->epoch,
	};
}

static void send_message(struct coherent *coherent, const struct action *action)
{
	struct pager *pager = coherent->object->pager;
	struct page_message message = to_wire(&action->message);
	struct peer *peer;

	if ((int)action->host == pager->options.node) {
		keep_letter(coherent, &action->message);
		return;
	}
	peer = peer_up(pager, (int)action->host);
	if (!peer)
		return; /* the machines hear that the host is gone */
	if (action->message.may_wait)
		peer_send_later(peer, &message);
	else
		peer_send(peer, PAGE_CONNECTION_URGENT, &message);
}

static void send_page(struct coherent *coherent, const struct action *action)
{
	struct pager *pager = coherent->object->pager;
	struct peer *peer = peer_up(pager, (int)action->host);
	struct page_message message = to_wire(&action->message);

	if (!coherent->read_out) {
		/* What cannot be read cannot be sent, and the requester must not wait for it. */
		if (peer)
			peer_fail_later(peer, -EIO);
		return;
	}
	if (coherent->read_out_is_zero)
		message.flags |= PAGE_FLAG_ZERO;
	message.bytes = coherent->read_out_is_zero ? 0 : PAGE_BYTES;
	pager->statistics.pages_out++;
	if (peer)
		peer_send_frame(peer, PAGE_CONNECTION_URGENT, coherent->read_out, &message);
	else
		free(coherent->read_out);
	coherent->read_out = NULL;
}

static void forward(struct coherent *coherent, const struct action *action)
{
	struct peer *peer = peer_up(coherent->object->pager, (int)action->host);
	struct page_message message = *coherent->arrived;

	if (peer)
		peer_send(peer, PAGE_CONNECTION_URGENT, &message);
}

void coherent_act(void *context, const struct action *action)
{
	struct coherent *coherent = context;

	if (coherent_gather_note(coherent, action))
		return;
	switch (action->type) {
	case ACTION_SEND:
		send_message(coherent, action);
		break;
	case ACTION_SEND_PAGE:
		send_page(coherent, action);
		break;
	case ACTION_FORWARD:
		forward(coherent, action);
		break;
	case ACTION_INSTALL:
		install(coherent, action->page, action->access);
		break;
	case ACTION_UNPROTECT:
		coherent_note_grant(coherent, action->page, NULL);
		coherent_map_waiting(coherent, action->page, ACCESS_WRITE);
		break;
	case ACTION_MAP:
		map_for(coherent, coherent->faulting, action->page, action->access);
		break;
	case ACTION_PROTECT:
		coherent_protect(coherent, action->page, 1);
		break;
	case ACTION_READ_OUT:
		read_out(coherent, action->page);
		break;
	case ACTION_DROP:
		drop(coherent, action->page);
		break;
	case ACTION_POISON:
		poison_waiting(coherent, action->page);
		break;
	case ACTION_NUM_TYPES:
		break;
	}
}
