/*
 * A protocol message in memory, what names a transaction, and the way actions leave the state
 * machines. The wire form is encoded field by field elsewhere.
 */
#ifndef COHERENCE_MESSAGE_H
#define COHERENCE_MESSAGE_H

#include "host_set.h"
#include "page_state.h"

#define EPOCH_MAX ((1U << 26) - 1U)

/*
 * `from` is the host at the other end of the link, never something the message said. `epoch` is
 * that of the membership of the host at the end that is not home (PAGE: of the transaction's host);
 * a message of an earlier membership is ignored.
 */
struct message {
	enum coherence_message_type type;
	uint8_t from;
	uint8_t to;		 /* FETCH, PAGE: the requester; LINK_LOST: the peer */
	bool is_zero;		 /* PAGE: no data follows, the page is zero */
	bool by_home;		 /* FETCH: send the PAGE by way of home, which forwards it */
	bool may_wait;		 /* DONE: nobody is likely to be waiting for it; not on the wire */
	enum page_access access; /* PAGE, GRANT, DONE */
	enum fetch_mode mode;	 /* FETCH */
	uint32_t epoch;
	uint64_t object;
	uint64_t page;	      /* page index in the object */
	uint64_t transaction; /* LINK_LOST: its epoch is that of the peer's membership */
};

/* A transaction is named by who began it: epoch:26 sequence:32 host:6. */
static inline uint64_t transaction_make(unsigned int host, uint32_t epoch, uint32_t sequence)
{
	return ((uint64_t)epoch << 38) | ((uint64_t)sequence << 6) | host;
}

static inline unsigned int transaction_host(uint64_t transaction)
{
	return (unsigned int)(transaction & (HOST_SET_MAX - 1));
}

static inline uint32_t transaction_epoch(uint64_t transaction)
{
	return (uint32_t)(transaction >> 38);
}

/* The transaction so many later, of those that one host begins one after the other. */
static inline uint64_t transaction_after(uint64_t transaction, uint64_t count)
{
	return transaction + (count << 6);
}

/* Return: whether a message that arrived at home `self` is for its directory, else for its holder.
 */
static inline bool message_is_for_directory(const struct message *message, unsigned int self)
{
	switch (message->type) {
	case MESSAGE_READ_REQUEST:
	case MESSAGE_WRITE_REQUEST:
	case MESSAGE_INVALIDATED:
	case MESSAGE_DONE:
	case MESSAGE_RETURN:
	case MESSAGE_LINK_LOST:
		return true;
	case MESSAGE_PAGE:
		return message->to != self;
	case MESSAGE_FETCH:
	case MESSAGE_INVALIDATE:
	case MESSAGE_GRANT:
	case MESSAGE_LOST:
	case MESSAGE_RETURNED:
	case MESSAGE_NUM_TYPES:
		break;
	}
	return false;
}

struct action {
	enum action_type type;
	unsigned int host;	 /* SEND, SEND_PAGE, FORWARD: the receiver */
	enum page_access access; /* INSTALL, MAP */
	uint64_t page;
	struct message message; /* SEND, SEND_PAGE, FORWARD */
};

/*
 * Carries out one action, or queues it. It must not call back into the directory or the holder:
 * messages to this host are queued and delivered afterwards, in order.
 */
struct action_sink {
	void (*emit)(void *context, const struct action *action);
	void *context;
};

static inline void action_emit(const struct action_sink *sink, const struct action *action)
{
	sink->emit(sink->context, action);
}

#endif
