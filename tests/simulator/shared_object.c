/*
 * Delivers messages to the directory or a holder and carries their actions out: those on memory
 * only wake threads here, since no page has contents.
 */
#include "shared_object.h"

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pager/service/container.h"

static void handle(struct timer *timer);

/*
 * The way of a request is counted from its requester: what is sent on account of a queued request,
 * when the one before is done, did not cross what that one's DONE crossed.
 */
static unsigned int depth_of(const struct shared_object *object, const struct message *message)
{
	const struct envelope *handling = object->handling;

	if (!handling)
		return 0;
	if (handling->message.type == MESSAGE_DONE ||
	    handling->message.type == MESSAGE_READ_REQUEST ||
	    handling->message.type == MESSAGE_WRITE_REQUEST)
		return transaction_host(message->transaction) == object->directory.home ? 0 : 1;
	return handling->depth;
}

static void post(struct shared_object *object, unsigned int to, const struct message *message)
{
	struct fleet *fleet = object->fleet;
	struct envelope *envelope = fleet_new_envelope(fleet);

	envelope->timer.fire = handle;
	envelope->object = object;
	envelope->message = *message;
	envelope->message.from = (uint8_t)object->at;
	envelope->to = to;
	envelope->depth = depth_of(object, message) + (to != object->at);
	if (message->type == MESSAGE_PAGE)
		object->done_ns =
		    fleet_work(fleet, object->members[object->at].host, fleet->costs.page_cpu_ns);
	fleet_send(fleet, envelope, object->members[object->at].host, object->members[to].host,
		   object->done_ns);
}

/* Who wants to write goes on waiting when the page may only be read: the holder knows of it. */
static void wake(struct shared_object *object, uint64_t page, enum page_access access)
{
	struct shared_member *member = &object->members[object->at];
	struct page_waiter *waiter, *next;
	unsigned int depth = object->handling ? object->handling->depth : 0;

	for (waiter = LIST_FIRST(&member->waiters); waiter; waiter = next) {
		next = LIST_NEXT(waiter, entry);
		if (waiter->page != page || (waiter->kind == FAULT_WRITE && access != ACCESS_WRITE))
			continue;
		LIST_REMOVE(waiter, entry);
		waiter->ready(waiter, object->done_ns, depth);
	}
}

static void emit(void *context, const struct action *action)
{
	struct shared_object *object = context;

	switch (action->type) {
	case ACTION_SEND:
	case ACTION_SEND_PAGE:
	case ACTION_FORWARD:
		post(object, action->host, &action->message);
		break;
	case ACTION_INSTALL:
		object->done_ns = fleet_work(object->fleet, object->members[object->at].host,
					     object->fleet->costs.page_cpu_ns);
		wake(object, action->page, action->access);
		break;
	case ACTION_UNPROTECT:
		wake(object, action->page, ACCESS_WRITE);
		break;
	case ACTION_MAP:
		wake(object, action->page, action->access);
		break;
	case ACTION_POISON:
		errx(1, "a page was lost although no host was");
	case ACTION_PROTECT:
	case ACTION_READ_OUT:
	case ACTION_DROP:
	case ACTION_NUM_TYPES:
		break;
	}
}

static struct action_sink begin(struct shared_object *object, unsigned int slot,
				const struct envelope *envelope, uint64_t cpu_ns)
{
	object->at = slot;
	object->handling = envelope;
	object->done_ns = fleet_work(object->fleet, object->members[slot].host, cpu_ns);
	return (struct action_sink){.emit = emit, .context = object};
}

static void handle(struct timer *timer)
{
	struct envelope *envelope = CONTAINER(timer, struct envelope, timer);
	struct shared_object *object = envelope->object;
	struct fleet *fleet = object->fleet;
	const struct message *message = &envelope->message;
	struct shared_member *member = &object->members[envelope->to];
	bool takes = message->type == MESSAGE_FETCH || message->type == MESSAGE_INVALIDATE;
	struct action_sink sink;
	int result;

	if (takes && !holder_may_give_up(&member->holder, message->page, fleet->now_ns)) {
		fleet_at(fleet, timer, holder_hold_until_ns(&member->holder, message->page));
		return;
	}
	sink = begin(object, envelope->to, envelope,
		     message->from == envelope->to ? fleet->costs.local_cpu_ns
						   : fleet->costs.message_cpu_ns);
	if (envelope->to == object->directory.home &&
	    message_is_for_directory(message, envelope->to))
		result = directory_message(&object->directory, message, &sink);
	else
		result = holder_message(&member->holder, message, object->done_ns, &sink);
	if (result)
		errx(1, "slot %u refused %s: %s", envelope->to,
		     coherence_message_type_name(message->type), strerror(-result));
	object->handling = NULL;
	fleet_free_envelope(fleet, envelope);
}

static int add_member(struct shared_object *object, unsigned int host, uint32_t epoch)
{
	unsigned int slot = object->member_count;
	struct shared_member *member = &object->members[slot];
	struct holder_config config = {
	    .object = object->directory.object,
	    .page_count = object->directory.page_count,
	    .hold_ns = object->fleet->costs.hold_ns,
	    .self = slot,
	    .home = object->directory.home,
	    .epoch = epoch,
	    .directory = slot == object->directory.home ? &object->directory : NULL,
	};
	int r = holder_init(&member->holder, &config);

	if (r)
		return r;
	member->host = host;
	LIST_INIT(&member->waiters);
	object->member_count++;
	return (int)slot;
}

int shared_object_init(struct shared_object *object, struct fleet *fleet, uint64_t id,
		       unsigned int home_host, uint64_t page_count)
{
	int r;

	*object = (struct shared_object){.fleet = fleet};
	r = directory_init(&object->directory, id, 0, page_count);
	if (r)
		return r;
	r = add_member(object, home_host, directory_host_epoch(&object->directory, 0));
	return r < 0 ? r : 0;
}

void shared_object_done(struct shared_object *object)
{
	for (unsigned int slot = 0; slot < object->member_count; slot++)
		holder_done(&object->members[slot].holder);
	directory_done(&object->directory);
}

int shared_object_join(struct shared_object *object, unsigned int host)
{
	uint32_t epoch;
	int r;

	for (unsigned int slot = 0; slot < object->member_count; slot++)
		if (object->members[slot].host == host)
			return (int)slot;
	if (object->member_count == HOST_SET_MAX)
		return -EUSERS;
	r = directory_host_join(&object->directory, object->member_count, &epoch);
	return r ? r : add_member(object, host, epoch);
}

bool shared_object_may(const struct shared_object *object, unsigned int slot, uint64_t page,
		       enum fault_kind kind)
{
	const struct holder *holder = &object->members[slot].holder;

	if (kind == FAULT_WRITE)
		return holder_page_state(holder, page) == HOLDER_EXCLUSIVE;
	return holder_has_copy(holder, page);
}

void shared_object_fault(struct shared_object *object, unsigned int slot,
			 struct page_waiter *waiter)
{
	struct shared_member *member = &object->members[slot];
	struct action_sink sink = begin(object, slot, NULL, object->fleet->costs.fault_cpu_ns);

	LIST_INSERT_HEAD(&member->waiters, waiter, entry);
	if (holder_fault(&member->holder, waiter->page, waiter->kind, &sink))
		errx(1, "page %llu is outside its object", (unsigned long long)waiter->page);
}

uint64_t shared_object_table_bytes(const struct shared_object *object)
{
	return object->directory.page_count *
	       (DIRECTORY_PAGE_BYTES + (uint64_t)object->member_count * HOLDER_PAGE_BYTES);
}
