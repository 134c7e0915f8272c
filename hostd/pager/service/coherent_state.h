/*
 * What coherent.c, coherent_events.c and coherent_actions.c share.
 */
#ifndef SERVICE_COHERENT_STATE_H
#define SERVICE_COHERENT_STATE_H

#include "pager/coherence/holder.h"
#include "pager/service/coherent.h"

/* A FETCH or INVALIDATE that came before its page had been here for long enough. */
struct held_message {
	struct coherent *coherent;
	struct message message;
	struct timer timer;
	LIST_ENTRY(held_message) of_coherent;
};
LIST_HEAD(held_list, held_message);

struct coherent {
	struct object *object;
	struct directory directory; /* at home */
	struct holder holder;
	uint64_t *broken;    /* bitmap: pages that we have, but whose bytes could not be stored */
	uint64_t leave_next; /* LEAVING: the pages below have been returned */

	/* Messages to ourselves, delivered when the machine that sent them is done. */
	struct message *letters;
	size_t letter_first, letter_count, letter_capacity;
	struct held_list held;

	/* The event that is being handled. */
	struct mapping *faulting; /* whose thread faulted, at faulting_address */
	uint64_t faulting_address;
	const struct page_message *arrived; /* the message with its bytes */
	struct page_frame *read_out;
	bool read_out_is_zero;
};

/* Return: whether a page counts as here, but its bytes could not be stored. */
static inline bool coherent_is_broken(const struct coherent *coherent, uint64_t page)
{
	return coherent->broken[page / 64] >> (page % 64) & 1;
}

static inline bool coherent_is_home(const struct coherent *coherent)
{
	return coherent->object->phase == OBJECT_HERE;
}

/* The sink of both machines; context is the struct coherent. */
void coherent_act(void *context, const struct action *action);
static inline struct action_sink coherent_sink(struct coherent *coherent)
{
	return (struct action_sink){.emit = coherent_act, .context = coherent};
}

/* What follows every event: letters to ourselves, waiting threads, leaving. */
void coherent_after(struct coherent *coherent);
/* The same when one page only was concerned. */
void coherent_after_page(struct coherent *coherent, uint64_t page);
/* Gives a message to the machine it is for, or holds it. Return: 0, -EPROTO, -EINVAL, -ENOMEM. */
int coherent_deliver(struct coherent *coherent, const struct message *message);

#endif
