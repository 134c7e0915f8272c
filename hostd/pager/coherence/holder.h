/*
 * The holder side of the coherence protocol: what this host has of every page of one object. Home
 * is a holder like any other. No I/O; one thread owns a holder. Names follow the model
 * (tests/model/coherence.pml).
 *
 * Memory: 16 bytes a page, zeroed and therefore untouched until the page is (zero means EXCLUSIVE
 * at home and NONE elsewhere). Nothing else is allocated, ever.
 */
#ifndef COHERENCE_HOLDER_H
#define COHERENCE_HOLDER_H

#include "directory.h"
#include "message.h"

#define HOLDER_PAGE_BYTES 16

struct holder_page {
	uint64_t granted_ns;  /* when the present access was installed */
	uint32_t sequence;    /* of the transaction under way, 0 if none */
	uint8_t stored_state; /* enum holder_state XOR the initial one */
	uint8_t flags;
};

struct holder_config {
	uint64_t object;
	uint64_t page_count;
	uint64_t hold_ns; /* how long a page stays after it was granted, if not seen to be used */
	unsigned int self;
	unsigned int home;
	uint32_t epoch; /* from directory_host_join() or directory_host_epoch() */
	const struct directory *directory; /* at home, else NULL; must outlive the holder */
};

struct holder {
	struct holder_config config;
	struct holder_page *pages; /* pages[page_count] */
	uint32_t last_sequence;
	bool is_home_lost;
	uint64_t held_count; /* pages neither NONE nor LOST: 0 once a leave is complete */
	uint64_t ignored_count;
};

/* What a local fault is for. A hint only prefetches: no thread waits, nothing is mapped for it. */
enum fault_kind {
	FAULT_READ,
	FAULT_WRITE,
	FAULT_HINT,
};

/* Return: 0, -EINVAL for numbers that do not fit together, -ENOMEM. */
int holder_init(struct holder *holder, const struct holder_config *config);
void holder_done(struct holder *holder);

/*
 * A thread of this host touched the page, or may soon. Answered at once by ACTION_MAP or
 * ACTION_POISON, or by ACTION_INSTALL, _UNPROTECT or _POISON when the page is here: faults that
 * come meanwhile are one request. Return: 0, -EINVAL for a page outside the object.
 */
int holder_fault(struct holder *holder, uint64_t page, enum fault_kind kind,
		 const struct action_sink *sink);

/*
 * Handles a message from home or, PAGE only, from another host. FETCH and INVALIDATE wait until
 * holder_may_give_up(). Late messages are ignored.
 * Return: 0; -EINVAL or -EPROTO if only a broken peer sends this (close its link).
 */
int holder_message(struct holder *holder, const struct message *message, uint64_t now_ns,
		   const struct action_sink *sink);

/* Return: whether the page has been here long enough for a thread to have used it. */
bool holder_may_give_up(const struct holder *holder, uint64_t page, uint64_t now_ns);

/* A thread of this host has used the present access: holder_may_give_up() holds at once. */
void holder_used(struct holder *holder, uint64_t page);

/* Return: whether the page was granted a short time ago, so that others seem to want it, too. */
bool holder_is_wanted(const struct holder *holder, uint64_t page, uint64_t now_ns);

/* Return: the time from which holder_may_give_up() holds. */
uint64_t holder_hold_until_ns(const struct holder *holder, uint64_t page);

/*
 * Gives one page back to home, when its request (if any) has been answered. Nothing to do if there
 * is none. Return: 0, -EINVAL for a page outside the object, or at home, which keeps what it has.
 */
int holder_return(struct holder *holder, uint64_t page, const struct action_sink *sink);

/* holder_return() for every page; complete when held_count is 0. Return: 0, -EINVAL at home. */
int holder_leave(struct holder *holder, const struct action_sink *sink);

/* The link to home broke: what is here stays usable as it is, what is not is lost. */
void holder_home_lost(struct holder *holder, const struct action_sink *sink);

/*
 * The link to another host broke and is not home's: home must know, pages under way may be gone.
 * peer_epoch: of the membership the link belonged to, so that a late report harms no later one.
 */
void holder_link_lost(struct holder *holder, unsigned int peer, uint32_t peer_epoch,
		      const struct action_sink *sink);

/* Return: whether the next so many requests have transactions that follow each other. */
bool holder_has_transactions(const struct holder *holder, uint32_t count);
/* Return: the transaction of the next request. */
uint64_t holder_next_transaction(const struct holder *holder);
/* Return: the transaction of the request that is under way for a page. */
uint64_t holder_page_transaction(const struct holder *holder, uint64_t page);

enum holder_state holder_page_state(const struct holder *holder, uint64_t page);

/* Return: whether there is a readable copy. */
bool holder_has_copy(const struct holder *holder, uint64_t page);

#endif
