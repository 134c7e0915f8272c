/*
 * The threads that carry the pages of frozen objects between hosts in the background: they read
 * them out of files and send them, and receive them where they stay. What is sent to whom, and what
 * has come of it, is the pager's thread's business: both sides leave notes for each other and share
 * nothing but stores and orders. So neither a page that is being copied nor memory that is being
 * made for it ever keeps a fault waiting, and two processors can move pages at once.
 *
 * A carrier has one stream to each other host: a TCP connection on the carrier's own ring.
 */
#ifndef SERVICE_CARRIER_H
#define SERVICE_CARRIER_H

#include <semaphore.h>

#include "page/connection.h"
#include "pager/service/mailbox.h"
#include "pager/service/frozen/orders.h"

struct carrier;
struct stream;

/* Pages to be sent, all of which are here. Made by the pager's thread, which gets it back. */
struct cargo {
	struct note note;
	void (*done)(struct cargo *cargo); /* back with the pager's thread, which takes it */
	void *context;			   /* done's */
	uint32_t session;		   /* the same: of the host's appearances */
	struct stream *stream;
	struct store *store;	   /* held */
	struct page_message pages; /* the answer's object, transaction and pages */
	uint32_t sent;		   /* of them, zero or not */
	uint32_t sent_data;	   /* of them, not zero */
	STAILQ_ENTRY(cargo) of_stream;
};
STAILQ_HEAD(cargo_list, cargo);

/* Something that came: a message without its payload, which has been stored. */
struct arrival {
	struct note note;
	struct stream *stream;
	struct page_message message;
	uint8_t hello[PAGE_HELLO_BYTES]; /* the payload of a HELLO */
};

/* What the pager's thread does about streams. */
struct stream_owner {
	/* A message: HELLO, BLOCK (its pages are stored), BLOCK_ZERO or BLOCK_LOST. */
	void (*arrived)(void *context, const struct page_message *message);
	/* The stream has ended; it is freed soon. reason: -errno. */
	void (*closed)(void *context, int reason);
};

struct carrier_owner {
	/* Its ring has failed: it carries nothing any more. reason: -errno. */
	void (*failed)(void *context, int reason);
};

struct stream_options {
	const struct stream_owner *owner;
	void *context; /* of the owner's functions */
	struct orders *orders;
	uint32_t session;	     /* of the orders */
	uint32_t epoch;		     /* ours */
	struct page_hello hello;     /* ours */
	unsigned int timeout_ms;     /* see page_connection_set_timeout */
	struct page_address address; /* to dial */
};

/* ---- all for the pager's thread ---- */

/*
 * Starts the thread. outbox: where its notes for the pager's thread go; lives longer.
 * Return: 0 or -errno.
 */
int carrier_new(const struct carrier_owner *owner, void *context, struct mailbox *outbox,
		struct carrier **ret_carrier);
/*
 * The end, when nothing is posted to it any more: the thread ends, and all cargo has been posted
 * back. When the outbox has been run, it and its streams are freed.
 */
void carrier_stop(struct carrier *carrier);
void carrier_free(struct carrier *carrier);

/* Begins a stream: dials options->address and says HELLO. Return: NULL without memory. */
struct stream *stream_dial(struct carrier *carrier, const struct stream_options *options);
/* The same with a connection that has received its HELLO. Takes its descriptor in any case. */
struct stream *stream_adopt(struct carrier *carrier, const struct stream_options *options,
			    const struct page_connection_handover *handover);
/* Says HELLO on an adopted stream; once. */
void stream_say_hello(struct stream *stream);
/* Queues cargo; it comes back by cargo->done, whatever happens. */
void stream_send(struct stream *stream, struct cargo *cargo);
/* Begins the end; the owner is told. May be called again. */
void stream_close(struct stream *stream, int reason);
/* How many bytes came and went so far. */
uint64_t stream_received_bytes(const struct stream *stream);
uint64_t stream_sent_bytes(const struct stream *stream);

#endif
