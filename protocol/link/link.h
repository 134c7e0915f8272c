/*
 * A link carries messages (message/header.h) over one connected socket: whole packets on a Unix
 * SOCK_SEQPACKET socket, where descriptors may come along, or frames on a TCP stream. It never
 * blocks: sending queues what the socket does not take, the owner polls for link_wants_write().
 * One thread owns a link. Blocking callers (libnorma, VMM set-up) use link_call().
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message/message.h"

/* What may wait to be sent on one link (with a little book-keeping per message). */
#define LINK_MAX_QUEUED_BYTES (8u * 1024u * 1024u)

enum link_kind { LINK_PACKET, LINK_STREAM };

struct link_packet; /* queued, not yet sent */

struct link {
	int fd; /* owned; -1 when closed */
	enum link_kind kind;
	uint8_t *receive_buffer; /* MESSAGE_MAX_BYTES */
	size_t received;	 /* bytes in it (stream: maybe a partial frame, or more than one) */
	size_t consumed;	 /* bytes at its front that link_receive handed out */
	struct link_packet *queue_head, *queue_tail;
	size_t queued_bytes;
};

/* One received message. payload borrows the link until the next link_receive. */
struct link_message {
	struct message_header header;
	const uint8_t *payload;
	unsigned int fd_count;
	int fds[MESSAGE_MAX_FDS]; /* owned by the receiver: take them or call link_message_done() */
};

/*
 * Makes a link of a connected socket, which it takes (closed on failure, too) and makes
 * non-blocking. Return: 0, -ENOMEM, -EBADF.
 */
int link_init(struct link *link, int take_fd, enum link_kind kind);
/* Closes the socket and drops what was queued. Accepts a zeroed or half-built link with fd -1. */
void link_done(struct link *link);

/*
 * Queues one message and sends what the socket takes. fds are borrowed (duplicated if they must
 * wait). The header's `bytes` field is ignored: payload_bytes counts.
 * Return: 0 when sent or queued; otherwise the message is dropped: -ENOBUFS when too much is queued
 * (the peer does not read), -EMSGSIZE (over MESSAGE_MAX_PAYLOAD or MESSAGE_MAX_FDS), -EINVAL
 * (descriptors on a stream), -ENOMEM, -EMFILE; -EPIPE when the peer is gone and any other error of
 * the socket: close the link.
 */
int link_send(struct link *link, const struct message_header *header, const void *payload,
	      size_t payload_bytes, const int *fds, unsigned int fd_count);
/*
 * Sends queued bytes. Return: 0 when nothing is left, -EAGAIN when the socket is full; -EPIPE or
 * another error of the socket: close the link.
 */
int link_flush(struct link *link);
bool link_wants_write(const struct link *link);

/*
 * Takes the next message. Call it until -EAGAIN: a stream may have delivered several at once, and
 * poll(2) says nothing about those already read.
 * Return: 0, -EAGAIN when none is complete, -EPIPE when the other side closed, -EBADMSG or -EPROTO
 * when it does not speak this protocol or another version (close the link then).
 */
int link_receive(struct link *link, struct link_message *ret_message);
/* Closes descriptors that nobody took. */
void link_message_done(struct link_message *message);

/*
 * Sends a request and waits for its reply (same type and sequence); other messages that arrive
 * meanwhile are a protocol error (-EPROTO): for links with one outstanding request only.
 * deadline_ns: CLOCK_MONOTONIC. Return: 0, -ETIMEDOUT, or as link_send and link_receive.
 */
int link_call(struct link *link, struct message_header *header, const void *payload,
	      size_t payload_bytes, const int *fds, unsigned int fd_count, uint64_t deadline_ns,
	      struct link_message *ret_reply);

#endif
