/*
 * Inside the directory: one turn is one event on one page. directory.c checks messages and keeps
 * the tables, directory_turn.c makes the protocol's decisions.
 */
#ifndef COHERENCE_DIRECTORY_TURN_H
#define COHERENCE_DIRECTORY_TURN_H

#include "directory.h"

/* A request in the queue; the active one lives in the directory_busy itself. */
struct directory_waiting {
	uint32_t next; /* handle, 0 ends the queue */
	uint8_t kind;  /* MESSAGE_READ_REQUEST, _WRITE_REQUEST or _RETURN */
	uint64_t transaction;
};

struct directory_busy {
	uint64_t page;
	uint64_t transaction;
	host_set awaiting; /* INVALIDATED expected from these */
	uint32_t queue_head;
	uint32_t queue_tail;
	uint8_t kind;
	uint8_t phase;	   /* enum directory_phase */
	uint8_t requester; /* who gets the page and says DONE: home in the return of an only copy */
	uint8_t source;
	bool requester_is_gone;
	bool is_used;
};

/* `busy` stays valid for the turn: nothing is reserved during one. */
struct directory_turn {
	struct directory *directory;
	struct directory_page *entry;
	struct directory_busy *busy; /* NULL if the page is idle */
	uint64_t page;
	const struct action_sink *sink;
};

struct directory_turn directory_turn_begin(struct directory *directory, uint64_t page,
					   const struct action_sink *sink);

/* Queues a request and serves it if the page is idle. Both pools must have a slot reserved. */
void directory_turn_request(struct directory_turn *turn, enum coherence_message_type kind,
			    uint64_t transaction);
void directory_turn_invalidated(struct directory_turn *turn, unsigned int from);
void directory_turn_done(struct directory_turn *turn, enum page_access access);
void directory_turn_host_lost(struct directory_turn *turn, unsigned int host);
void directory_turn_link_lost(struct directory_turn *turn);

/* Return: whether a request of the same host and membership is here, active or waiting. */
bool directory_turn_has_request(const struct directory_turn *turn, uint64_t transaction);

#endif
