/*
 * A request that somebody sent us and that is not answered yet. It survives the asker: a reply to
 * a closed channel goes nowhere (and a task made for it is ended, claims.h).
 */
#ifndef DAEMON_REQUEST_H
#define DAEMON_REQUEST_H

#include <stdint.h>
#include <sys/queue.h>

#include "calls.h"
#include "channel.h"

/* Unanswered requests of a host or a guest beyond this are refused. */
#define REQUEST_MAX_PER_CHANNEL 4096

struct request {
	struct hostd *hostd;
	struct channel *channel; /* NULL: the asker is gone */
	LIST_ENTRY(request) entry;
	uint64_t sequence;
	uint16_t type;
	uint32_t uid;	  /* on whose behalf */
	uint32_t subject; /* the first field: a task, thread or node */
	/* Optional: the asker is gone; whoever holds the request may free it with request_free().
	 */
	void (*abandoned)(struct request *request);
	void *holder;
};

/* Return: the request, or NULL when there is no memory (the message goes unanswered). */
struct request *request_new(struct channel *channel, const struct link_message *message,
			    uint32_t uid);

/* The ways to answer; each frees the request. */
void request_reply(struct request *request, const void *payload, size_t bytes);
void request_refuse(struct request *request, int32_t result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void request_relay(struct request *request, const struct answer *answer);
/* Without an answer. */
void request_free(struct request *request);

/* Answers a request that was not taken in (malformed, too many): nothing is kept. */
void request_reject(struct channel *channel, const struct message_header *header, int32_t result,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The channel closes: tells the holders and detaches what remains. */
void requests_abandon(struct channel *channel);

/* Decodes the request's struct; refuses it and leaves the function when it is malformed. */
#define request_decode(request, message, name, value)                                              \
	do {                                                                                       \
		if (hostd_decode((request)->hostd, name##_request, (message)->payload,             \
				 (message)->header.bytes, value)) {                                \
			request_refuse(request, KERN_INVALID_ARGUMENT,                             \
				       "the request of " #name " is malformed");                   \
			return;                                                                    \
		}                                                                                  \
	} while (0)

/* Encodes struct `name`_reply and answers with it. */
#define request_reply_with(asked, name, value)                                                     \
	({                                                                                         \
		struct request *request_ = (asked);                                                \
		size_t bytes_ = hostd_encode(request_->hostd, name##_reply, value);                \
		request_reply(request_, request_->hostd->payload, bytes_);                         \
	})

#endif
