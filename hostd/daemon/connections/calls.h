/*
 * What this host asked others and waits for: a table by sequence number. Every call is answered
 * exactly once (but see `late`), never from within call_start(): by the other side, by its
 * deadline, or because its channel closed.
 */
#ifndef DAEMON_CALLS_H
#define DAEMON_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message/message.h"

struct call;
struct channel;
struct hostd;
struct link_message;

struct call_table {
	struct call *by_sequence; /* uthash */
	uint64_t last_sequence;
	unsigned int count;
};

struct answer {
	int32_t result;		/* kern_return_t; when not 0 the payload is a `failure` */
	const uint8_t *payload; /* valid during the callback */
	size_t bytes;
	int *fds; /* of the reply: whoever takes one leaves -1 */
	unsigned int fd_count;
	bool may_still_come; /* the deadline passed; call_setup.late is told what becomes of it */
};

typedef void (*call_done_fn)(void *context, const struct answer *answer);

struct call_setup {
	uint16_t type;
	uint32_t uid;
	const void *payload; /* sent as it is */
	size_t bytes;
	const int *fds; /* borrowed */
	unsigned int fd_count;
	uint64_t deadline_ns;
	call_done_fn done;
	/* Optional, after `done` was told of the deadline: the answer that came later, or why none
	 * can come any more. Called once then. */
	call_done_fn late;
	void *context;
};

/* Sends a request. channel NULL or closed answers with KERN_FAILURE. */
void call_start(struct hostd *hostd, struct channel *channel, const struct call_setup *setup);

/* A call that could not be made: done is called soon, with this code and sentence. */
void call_refuse(struct hostd *hostd, const struct call_setup *setup, int32_t result,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The `done` of a call to a task that may have ended, when nobody waits for the answer: any other
 * refusal is logged. `context` is not used. */
void call_told(void *context, const struct answer *answer);

/* Hands a reply to the call that waits for it. Return: 0, -EPROTO when there never was one. */
int calls_deliver(struct channel *channel, struct link_message *reply);

/* Fails the calls of a closing channel. */
void calls_fail_channel(struct channel *channel, const char *why);

/* Drops all calls without answering: only for a hostd that is freed. */
void calls_drop(struct hostd *hostd);

/* Return: the sentence of a refusal, or a general one. `text` has MESSAGE_MAX_TEXT bytes. */
const char *answer_text(const struct answer *answer, char *text);

#endif
