/*
 * A channel is a link with somebody at its other end: a client, a VMM, the pager or another host.
 * It knows what the other side asked of us (requests), what we asked of it (calls, calls.h) and
 * which tasks it asked for but has not taken over yet (claims, claims.h). When it closes, all of it
 * is settled: calls fail, waiting requests are given up, claimed tasks are ended.
 */
#ifndef DAEMON_CHANNEL_H
#define DAEMON_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "link/link.h"
#include "loop.h"

struct attachment;
struct call;
struct claim;
struct hostd;
struct request;

enum channel_kind { CHANNEL_CLIENT, CHANNEL_VMM, CHANNEL_PAGER, CHANNEL_ZYGOTE, CHANNEL_HOST };

#define CHANNEL_LABEL_BYTES 96

struct channel;

struct channel_handlers {
	/* Takes a request; its payload is valid during the call. */
	void (*request)(struct channel *channel, struct link_message *message);
	/* The channel is closed; the owner must forget it. Called once. */
	void (*closed)(struct channel *channel, const char *why);
};

struct channel {
	LIST_ENTRY(channel) entry;
	struct hostd *hostd;
	enum channel_kind kind;
	const struct channel_handlers *handlers;
	void *owner;  /* what the handlers need */
	uint32_t uid; /* of a client (from the kernel) or of a VMM's task */
	char label[CHANNEL_LABEL_BYTES];
	struct link link;
	struct source source;
	bool is_closed;
	bool is_paused; /* too many requests wait: not read until one is answered */
	unsigned int request_count;
	LIST_HEAD(, request) requests;
	LIST_HEAD(, call) calls;
	TAILQ_HEAD(, claim) claims;
	unsigned int claim_count;
	LIST_HEAD(, attachment) attachments; /* consoles that somebody there reads (consoles.h) */
	uint64_t heard_ns;		     /* when the last message came */
	struct deferred deferred;
};

struct channel_setup {
	enum channel_kind kind;
	enum link_kind link_kind;
	const struct channel_handlers *handlers;
	void *owner;
	uint32_t uid;
};

/*
 * Makes a channel of a connected socket, which it takes. The label is for messages to people.
 * Return: 0, -errno (the socket is closed then).
 */
int channel_new(struct hostd *hostd, int take_fd, const struct channel_setup *setup,
		struct channel **ret_channel, const char *label_format, ...)
    __attribute__((format(printf, 5, 6)));

/* Closes it and settles everything; freed when the loop is back on top. Accepts a closed one. */
void channel_close(struct channel *channel, const char *why);

/* Queues a message. Return: as link_send(); the caller decides what a failure means. */
int channel_send(struct channel *channel, const struct message_header *header, const void *payload,
		 size_t payload_bytes, const int *fds, unsigned int fd_count);

/* Handles every message that has arrived; for an owner that is about to close the channel. */
void channel_drain(struct channel *channel);

/* The number of unanswered requests changed: reads on or waits. */
void channel_update_pause(struct channel *channel);

#endif
