/*
 * Inside the holder: one turn is one event on one page. holder.c takes the events of this host,
 * holder_message.c those of the others; what both do to a page is here.
 */
#ifndef COHERENCE_HOLDER_TURN_H
#define COHERENCE_HOLDER_TURN_H

#include "holder.h"

/* holder_page.flags */
enum {
	WANTS_READ = 1,	  /* a read fault came while RETURNING */
	WANTS_WRITE = 2,  /* a write fault waits */
	WANTS_RETURN = 4, /* to be returned after the answer */
	COPY_TAKEN = 8,	  /* RETURNING: taken or invalidated before RETURNED came */
	USED = 16,	  /* a thread was seen to have used the access: no need to hold it */
};

struct holder_turn {
	struct holder *holder;
	struct holder_page *entry;
	uint64_t page;
	const struct action_sink *sink;
};

struct holder_turn holder_turn_begin(struct holder *holder, uint64_t page,
				     const struct action_sink *sink);
bool holder_is_home(const struct holder *holder);
enum holder_state holder_turn_state(const struct holder_turn *turn);

/* Return: whether a READ_REQUEST or WRITE_REQUEST is under way. */
bool holder_turn_is_waiting(const struct holder_turn *turn);

/* The only way a state changes: the change must be in the table of allowed ones. */
void holder_turn_set_state(struct holder_turn *turn, enum holder_state state);

/* The transaction under way. */
uint64_t holder_turn_transaction(const struct holder_turn *turn);

void holder_turn_act(struct holder_turn *turn, enum action_type type, enum page_access access);
void holder_turn_send(struct holder_turn *turn, enum action_type type, unsigned int host,
		      struct message message);
void holder_turn_send_home(struct holder_turn *turn, enum coherence_message_type type,
			   uint64_t transaction, enum page_access access);

/* Begins a transaction, or loses the page if home is gone. */
void holder_turn_request(struct holder_turn *turn, enum coherence_message_type type,
			 enum holder_state state);

/* Begins the return of a SHARED or EXCLUSIVE page; nothing otherwise. */
void holder_turn_return(struct holder_turn *turn);

/* The transaction has ended: begins what waited for its end. */
void holder_turn_settled(struct holder_turn *turn);

/* Nobody can supply the page any more. */
void holder_turn_lose(struct holder_turn *turn);

#endif
