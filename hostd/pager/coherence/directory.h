/*
 * The home side of the coherence protocol: for every page of one object, who has it, and the one
 * transaction that is changing that. No I/O; one thread owns a directory. Names follow the model
 * (tests/model/coherence.pml).
 *
 * Memory: 16 bytes a page, zeroed and therefore untouched until the page is (zero means "owned by
 * home"); DIRECTORY_BUSY_BYTES more while a transaction runs and DIRECTORY_WAITING_BYTES for each
 * request that waits behind it: at most one a host, so a page's queue is never longer than
 * HOST_SET_MAX.
 */
#ifndef COHERENCE_DIRECTORY_H
#define COHERENCE_DIRECTORY_H

#include "message.h"
#include "slot_pool.h"

#define DIRECTORY_PAGE_BYTES	16
#define DIRECTORY_BUSY_BYTES	40
#define DIRECTORY_WAITING_BYTES 16

struct directory_page {
	host_set stored_hosts; /* hosts with a copy, XOR home: so that zero is {home} */
	uint32_t busy;	       /* handle in `busy_pages`, 0 if idle */
	uint8_t state;	       /* enum directory_state */
};

struct directory {
	uint64_t object;
	uint64_t page_count;
	struct directory_page *pages; /* pages[page_count] */
	struct slot_pool busy_pages;
	struct slot_pool waiting;
	host_set members;
	uint8_t home;
	uint32_t last_epoch;
	uint32_t epochs[HOST_SET_MAX];
	host_set unlinked[HOST_SET_MAX]; /* pairs of hosts whose own link broke: pages go by home */
	uint64_t ignored_count;		 /* late, duplicate or senseless messages */
};

/* Makes a directory whose pages all belong to home. Return: 0, -EINVAL for a bad number, -ENOMEM.
 */
int directory_init(struct directory *directory, uint64_t object, unsigned int home,
		   uint64_t page_count);
void directory_done(struct directory *directory);

/*
 * Lets a host use the object; home has joined already. *ret_epoch goes to that host's holder.
 * Return: 0, -EINVAL, -EEXIST if it is a member (an earlier life must be ended first), -EOVERFLOW.
 */
int directory_host_join(struct directory *directory, unsigned int host, uint32_t *ret_epoch);

/* Return: the epoch of a member, 0 for any other host. */
uint32_t directory_host_epoch(const struct directory *directory, unsigned int host);

/*
 * Handles a message for which message_is_for_directory() holds. Late ones are ignored.
 * Return: 0; -EINVAL or -EPROTO if only a broken peer sends this (close its link); -ENOMEM, then
 * nothing has changed and the same message may be handled again.
 */
int directory_message(struct directory *directory, const struct message *message,
		      const struct action_sink *sink);

/*
 * A host is gone: its link broke, or it left and is clear (then nothing is lost). Every message
 * received from it must have been handled before. Pages only it had are lost. It may join again.
 */
void directory_host_lost(struct directory *directory, unsigned int host,
			 const struct action_sink *sink);

/*
 * Whether a host that has given everything back (its held_count is 0) may end its membership: a
 * page it sent on may still be under way, and would count as lost. If not, ask again when a
 * transaction has ended; until then the host keeps its links.
 */
bool directory_host_is_clear(const struct directory *directory, unsigned int host);

/* Return: whether home's holder is to take the page of a host that returns its only copy. */
bool directory_is_recalling(const struct directory *directory, uint64_t page, uint64_t transaction);

enum directory_state directory_page_state(const struct directory *directory, uint64_t page);
host_set directory_page_hosts(const struct directory *directory, uint64_t page);
enum directory_phase directory_page_phase(const struct directory *directory, uint64_t page);

/* Return: how many pages are in a transaction. */
uint32_t directory_busy_count(const struct directory *directory);

#endif
