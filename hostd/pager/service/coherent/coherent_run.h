/*
 * Runs: many pages that are asked of home at once, because a thread reads one after the other.
 *
 * One READ_REQUEST names them all; each is a request of its own, the transactions follow each
 * other. Home begins with the first pages, as many as carriers are to have at a time, and sends
 * those that it has itself by way of them (BLOCK, with the transaction of the run's first page), so
 * that a run keeps no other message waiting and a writer at home only waits for the pages that are
 * under way. The other pages of the run are answered as if each had been asked for alone: that
 * another host has, that is busy, that was just granted. So is a page that a thread turns out to
 * wait for: it is asked for again, and home takes it out of the run if it has not begun with it.
 */
#ifndef SERVICE_COHERENT_RUN_H
#define SERVICE_COHERENT_RUN_H

#include "pager/service/coherent/coherent_state.h"

/* ---- of who reads ---- */

/*
 * Asks home for pages of which this host has nothing, PAGE_EXTENT_PAGES at most.
 * Return: false when they have to be asked for one by one.
 */
bool coherent_run_ask(struct coherent *coherent, uint64_t first, uint32_t count);
/* A thread waits for a page that may be part of a run. */
void coherent_run_hurry(struct coherent *coherent, uint64_t page);
/* Return: the run that a page under way belongs to, or NULL. */
struct run *coherent_run_of(const struct coherent *coherent, uint64_t page);
/* A page of a run was answered for alone. */
void coherent_run_answered(struct coherent *coherent, struct run *run, uint64_t page);
/* Pages have come. Return: 0, or -errno to give the peer up. */
int coherent_run_arrived(struct peer *peer, enum page_connection_kind kind,
			 const struct page_message *block);
/* They will not come: home is gone, or the end. */
void coherent_runs_forget(struct coherent *coherent);

/* ---- at home ---- */

/* What home has not begun with, of one run. Owned by the peer's list. */
struct run_rest {
	uint64_t object;
	uint32_t membership;
	uint64_t transaction; /* of page run_first, which may have been answered */
	uint64_t run_first;
	uint64_t first;
	uint32_t count;
	TAILQ_ENTRY(run_rest) of_peer;
};

/* A run is asked for. Return: 0, or -errno to give the peer up. */
int coherent_run_serve(struct peer *peer, const struct page_message *request);
/*
 * Takes a page that is asked for alone out of what a peer's runs have not begun with.
 * Return: false when it has to stay in its run, so that nothing else may answer for it.
 */
bool coherent_run_take_out(struct peer *peer, const struct page_message *request);
/* Several pages are installed. Return: 0, or -errno to give the peer up. */
int coherent_run_done(struct peer *peer, const struct page_message *done);
/* What a peer that is gone has asked for. */
void coherent_run_serve_forget(struct peer *peer);

#endif
