/*
 * A stream, as carrier.c and carrier_stream.c share it.
 */
#ifndef SERVICE_CARRIER_STREAM_H
#define SERVICE_CARRIER_STREAM_H

#include "pager/service/frozen/carrier.h"

/* The carrier's thread owns all of it but what is said to be another's. */
struct stream {
	struct carrier *carrier;
	struct stream_options options;	    /* never changed */
	struct page_connection *connection; /* NULL: not yet, or not any more */
	bool is_closed;
	int reason;
	struct cargo_list cargoes;
	LIST_ENTRY(stream) of_carrier;
	_Atomic uint64_t received_bytes, sent_bytes;

	/* Each is posted once: to the carrier, but `closed` to the pager's thread. */
	struct note begin, hello, close, closed, release;
	struct page_connection_handover handover; /* fd -1: dial */
	int close_reason;			  /* written before `close` is posted */
	bool is_close_posted;			  /* the pager's thread's */
};
LIST_HEAD(stream_list, stream);

struct carrier {
	pthread_t thread;
	struct ring ring;
	struct mailbox inbox;
	struct mailbox *outbox;
	const struct carrier_owner *owner;
	void *context;		    /* owner's */
	struct stream_list streams; /* since `begin` */
	struct note end, fail;
	int fail_reason;
	bool is_ending;
	sem_t started;
	int start_result; /* of the ring, once started */
};

/* The notes to the carrier. */
void stream_run_begin(struct note *note);
void stream_run_hello(struct note *note);
void stream_run_close(struct note *note);
void stream_run_release(struct note *note);
/* Cargo for a stream. */
void stream_run_cargo(struct note *note);
/* Posts all cargo back, and ends the connection without a word; when the ring is done. */
void stream_abandon(struct stream *stream);

#endif
