/*
 * What coherent.c, coherent_events.c and coherent_actions.c share.
 */
#ifndef SERVICE_COHERENT_STATE_H
#define SERVICE_COHERENT_STATE_H

#include "pager/coherence/holder.h"
#include "pager/service/coherent/coherent.h"

/* A FETCH or INVALIDATE that came before its page had been here for long enough. */
struct held_message {
	struct coherent *coherent;
	struct message message;
	struct timer timer;
	LIST_ENTRY(held_message) of_coherent;
};
LIST_HEAD(held_list, held_message);

/* A page that was granted for writing while others want it, and its bytes at that moment. */
struct fresh_grant {
	uint64_t page; /* plus one; 0: none */
	uint64_t digest;
};
#define FRESH_GRANTS 64u

/* Pages that home was asked for as one, see coherent_run.h. */
struct run {
	struct coherent *coherent;
	uint64_t first;
	uint32_t count;
	uint32_t left;	      /* of count, not answered for */
	uint64_t transaction; /* of the first page */
	struct timer deadline;
	LIST_ENTRY(run) of_coherent;
};
LIST_HEAD(run_list, run);

struct gather;
struct store;

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
	struct fresh_grant fresh[FRESH_GRANTS]; /* by page modulo FRESH_GRANTS */

	struct run_list runs;
	unsigned int run_count;
	uint64_t run_arrived;  /* the page behind the last that came of a run */
	struct store *landing; /* where whole units of runs are received; NULL: not yet */

	/* The event that is being handled. */
	struct gather *gather;	  /* not NULL: it is about several pages, see coherent_gather.h */
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

/*
 * Theory of operation of holding (coherent_fresh.c): a page that was granted for writing stays
 * until a thread of this host has stored to it, so that writers on several hosts all get on. That a
 * page's bytes have changed since the grant shows it; without such a sign, and while they go on
 * changing (a loop of stores to a shared word would get one store done for each transfer), the page
 * stays for the holder's hold_ns. A fixed time alone was the largest part of a page's way between
 * two writers.
 */
/* Write access is being installed. bytes: the page's, or NULL for what is in the memfd. */
void coherent_note_grant(struct coherent *coherent, uint64_t page, const void *bytes);
/* Tells the holder when the page was stored to since then, and is not just now. */
void coherent_look_for_use(struct coherent *coherent, uint64_t page);

/* What coherent_gather.c and coherent_run.c do to several pages at once, as actions do to one. */
void coherent_protect(const struct coherent *coherent, uint64_t first, uint64_t count);
void coherent_set_broken(struct coherent *coherent, uint64_t page, bool broken);
/* Answers the threads that wait for a page, as far as this access goes. */
void coherent_map_waiting(struct coherent *coherent, uint64_t page, enum page_access access);

/* What follows every event: letters to ourselves, waiting threads, leaving. */
void coherent_after(struct coherent *coherent);
/* The same when one page only was concerned. */
void coherent_after_page(struct coherent *coherent, uint64_t page);
/* The first step of both. */
void coherent_deliver_letters(struct coherent *coherent);
/* Gives a message to the machine it is for, or holds it. Return: 0, -EPROTO, -EINVAL, -ENOMEM. */
int coherent_deliver(struct coherent *coherent, const struct message *message);

#endif
