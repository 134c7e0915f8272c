/*
 * A control link (protocol/link) on the ring: hands up each received message, finishes what could
 * not be sent at once, notices the end. Used for hostd and for every VMM.
 */
#ifndef SERVICE_CHANNEL_H
#define SERVICE_CHANNEL_H

#include <stdbool.h>

#include "link/link.h"
#include "page/ring.h"

struct channel;

struct channel_owner {
	/* Around receiving what has come; both may be NULL. */
	void (*receive_begins)(struct channel *channel);
	void (*receive_ends)(struct channel *channel);
	/*
	 * One message; descriptors that it does not take are closed afterwards.
	 * Return: 0, or -errno to close the channel.
	 */
	int (*received)(struct channel *channel, struct link_message *message);
	/* The other side is gone or was refused. The channel must not be used any more. */
	void (*closing)(struct channel *channel, int reason);
	/* The ring has let go: the owner may free the channel's memory. */
	void (*closed)(struct channel *channel);
};

struct channel {
	struct ring *ring;
	const struct channel_owner *owner;
	struct link link;
	struct ring_operation readable, writable;
	bool is_closing;
};

/* Takes the connected socket (closed on failure, too). Return: 0 or -errno. */
int channel_open(struct channel *channel, struct ring *ring, const struct channel_owner *owner,
		 int take_fd);
/* Calls owner->closing() now and owner->closed() later. Does nothing the second time. */
void channel_close(struct channel *channel, int reason);
/* Frees at once; only after the ring is done. Accepts a channel that is closed or zeroed. */
void channel_done(struct channel *channel);

/*
 * Answers a request. What cannot be sent closes the channel: a requester without its answer would
 * wait for ever.
 */
void channel_reply(struct channel *channel, const struct message_header *request,
		   const void *payload, size_t payload_bytes, const int *fds,
		   unsigned int fd_count);
/* Refuses a request with a Mach return code (not 0) and a sentence. */
void channel_refuse(struct channel *channel, const struct message_header *request, int code,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
