/*
 * The VMM's socket to hostd: many threads send on it and wait for replies, the control thread alone
 * receives. Knows messages, not what they mean.
 *
 * Locking: control.lock guards the link and the table of waiting callers. It is never held while
 * waiting for anything but itself and may be taken with any other lock held.
 */
#ifndef TASK_CONTROL_H
#define TASK_CONTROL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"
#include "message/message.h"

/* Every thread of the task waits for at most one reply. */
#define CONTROL_CALLS_MAX 64

/* How a caller waits, and where the reply goes. */
struct control_wait {
	uint64_t deadline_ns;		 /* CLOCK_MONOTONIC */
	const atomic_bool *is_cancelled; /* true, and control_wake_callers() called: wait no more */
	struct message_header header;	 /* of the reply */
	uint8_t *payload;		 /* of the reply: the caller's MESSAGE_MAX_PAYLOAD bytes */
};

/* One caller that waits for a reply. In the table from sending until the caller has woken up. */
struct control_call {
	struct control_wait *wait; /* NULL: the entry is free */
	uint64_t sequence;
	uint16_t type;
	bool is_done;
	pthread_cond_t
	    changed; /* made with the entry: 64 of them are pages that nobody else needs */
};

struct control {
	pthread_mutex_t lock;
	struct link link;
	int wake_fd; /* eventfd: something changed that the control thread should look at */
	uint64_t sequence_last;
	bool is_closed; /* hostd is gone: nobody will be answered any more */
	struct control_call calls[CONTROL_CALLS_MAX];
};

/* *control is zeroed. Takes the socket, on failure as well. Return: 0, -ENOMEM, -errno of eventfd.
 */
int control_init(struct control *control, int take_socket_fd);

/* Any thread: makes the control thread's poll return. */
void control_wake(struct control *control);

/* What follows a header; descriptors are borrowed. */
struct control_body {
	const void *payload;
	size_t bytes;
	const int *fds;
	unsigned int fd_count;
};

/*
 * Any thread: sends one message. Return: 0, -EPIPE, -EMSGSIZE, -ENOBUFS when hostd does not read:
 * the message is lost, whoever waits for it has a deadline.
 */
int control_send(struct control *control, const struct message_header *header,
		 const struct control_body *body);

/*
 * Any thread but the control thread: sends a request (type and uid from *header; the sequence is
 * chosen here) and waits for its reply. Return: 0 with wait->header and payload filled (the result
 * may be a refusal), -ETIMEDOUT, -ECANCELED, -EPIPE, -EBUSY (table full), or as control_send.
 */
int control_call(struct control *control, const struct message_header *header,
		 const struct wire_span *payload, struct control_wait *wait);

/* Any thread: every caller looks at its is_cancelled again. */
void control_wake_callers(struct control *control);

/* Control thread: sends a request whose reply control_receive will hand out. Return: as
 * control_send. */
int control_request(struct control *control, const struct message_header *header,
		    const void *payload, size_t payload_bytes);

/*
 * Control thread: the next message that is not a reply somebody waits for. The payload is borrowed
 * until the next call. Return: 0, -EAGAIN, -EPIPE, -EBADMSG, -EPROTO.
 */
int control_receive(struct control *control, struct link_message *ret_message);

/*
 * The only thread there is, with or without the lock: takes the next message if it is a reply, and
 * gives it to the caller who waits, further down this stack. Return: false when it is none.
 */
bool control_take_reply(struct control *control);

/* Control thread: sends what is queued; true in *ret_wants_write when the socket must be polled for
 * writing. Return: 0, -EPIPE. */
int control_flush(struct control *control, bool *ret_wants_write);

/* Control thread: hostd is gone; all waits return -EPIPE. */
void control_close(struct control *control);

#endif
