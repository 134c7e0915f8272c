/*
 * The life of the coherence state of an object: engaging at home, joining and leaving
 * elsewhere, hosts that go. An object stays engaged once it was: to stop watching costs 28 us for
 * each MiB that is mapped, in which no page would be served, and the next member begins it anew.
 */
#include "pager/service/coherent/coherent.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "pager/service/coherent/coherent_run.h"
#include "pager/service/coherent/coherent_state.h"
#include "pager/service/hosts/join.h"
#include "pager/service/tasks/uffd.h"
#include "pager/service/tasks/waits.h"

static int state_new(struct object *object, struct coherent **ret_coherent)
{
	struct coherent *coherent = calloc(1, sizeof(*coherent));

	if (!coherent)
		return -ENOMEM;
	coherent->object = object;
	LIST_INIT(&coherent->held);
	LIST_INIT(&coherent->runs);
	coherent->broken = calloc((size_t)(object->pages + 63) / 64, sizeof(uint64_t));
	if (!coherent->broken) {
		free(coherent);
		return -ENOMEM;
	}
	*ret_coherent = coherent;
	return 0;
}

static void state_free(struct coherent *coherent)
{
	struct held_message *held;

	while ((held = LIST_FIRST(&coherent->held))) {
		timer_stop(&coherent->object->pager->timers, &held->timer);
		LIST_REMOVE(held, of_coherent);
		free(held);
	}
	coherent_runs_forget(coherent);
	if (coherent->landing)
		store_put(coherent->landing);
	holder_done(&coherent->holder);
	directory_done(&coherent->directory);
	free(coherent->letters);
	free(coherent->read_out);
	free(coherent->broken);
	free(coherent);
}

void coherent_close(struct object *object)
{
	if (object->coherent)
		state_free(object->coherent);
	object->coherent = NULL;
}

static int init_holder(struct coherent *coherent, uint32_t epoch, const struct directory *directory)
{
	const struct object *object = coherent->object;
	struct holder_config config = {
	    .object = object->id,
	    .page_count = object->pages,
	    .hold_ns = object->pager->options.hold_ns,
	    .self = (unsigned int)object->pager->options.node,
	    .home = (unsigned int)object->home,
	    .epoch = epoch,
	    .directory = directory,
	};

	return holder_init(&coherent->holder, &config);
}

int coherent_open(struct object *object, uint32_t membership)
{
	struct coherent *coherent;
	int r = state_new(object, &coherent);

	if (r)
		return r;
	r = init_holder(coherent, membership, NULL);
	if (r) {
		state_free(coherent);
		return r;
	}
	object->coherent = coherent;
	return 0;
}

static void unwatch_all(struct object *object)
{
	struct mapping *mapping;

	LIST_FOREACH(mapping, &object->mappings, of_object)
	uffd_unregister(mapping->vmm->uffd, mapping->address, mapping->bytes);
}

static int watch_all(struct object *object)
{
	struct mapping *mapping;

	LIST_FOREACH(mapping, &object->mappings, of_object)
	{
		int r = uffd_register(mapping->vmm->uffd, mapping->address, mapping->bytes,
				      UFFD_WATCH_COHERENT);

		if (r && r != -ESRCH) { /* a VMM that is just dying needs no watching */
			unwatch_all(object);
			return r;
		}
	}
	return 0;
}

/* At home, for the first member: all pages are here, exclusively. */
static int engage(struct object *object)
{
	unsigned int self = (unsigned int)object->home;
	struct coherent *coherent;
	int r = state_new(object, &coherent);

	if (r)
		return r;
	r = directory_init(&coherent->directory, object->id, self, object->pages);
	if (r == 0)
		r = init_holder(coherent, directory_host_epoch(&coherent->directory, self),
				&coherent->directory);
	if (r == 0)
		r = watch_all(object);
	if (r) {
		state_free(coherent);
		return r;
	}
	object->coherent = coherent;
	return 0;
}

int coherent_admit(struct object *object, int node, uint32_t *ret_membership)
{
	int r = object->coherent ? 0 : engage(object);

	if (r == 0)
		r = directory_host_join(&object->coherent->directory, (unsigned int)node,
					ret_membership);
	return r;
}

bool coherent_may_part(const struct object *object, int node)
{
	return !object->coherent ||
	       directory_host_is_clear(&object->coherent->directory, (unsigned int)node);
}

void coherent_member_gone(struct object *object, int node)
{
	struct coherent *coherent = object->coherent;
	struct action_sink sink;

	if (!coherent)
		return;
	sink = coherent_sink(coherent);
	directory_host_lost(&coherent->directory, (unsigned int)node, &sink);
	coherent_after(coherent);
}

void coherent_leave(struct object *object)
{
	object->coherent->leave_next = 0;
	coherent_after(object->coherent);
}

void coherent_home_gone(struct object *object)
{
	struct action_sink sink = coherent_sink(object->coherent);

	coherent_runs_forget(object->coherent);
	holder_home_lost(&object->coherent->holder, &sink);
	coherent_after(object->coherent);
}

void coherent_link_gone(struct object *object, int node)
{
	struct action_sink sink = coherent_sink(object->coherent);

	/* Epoch 0: home knows which membership of that host it is about (coherent_deliver). */
	holder_link_lost(&object->coherent->holder, (unsigned int)node, 0, &sink);
	coherent_after(object->coherent);
}
