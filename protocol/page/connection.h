/*
 * One TCP connection between two pagers on an io_uring: queues and sends frames, puts received
 * bytes together into checked messages, counts sequences, notices a closed peer. Which host is at
 * the other end, and what messages mean, is its owner's business. One thread.
 */
#ifndef PAGE_CONNECTION_H
#define PAGE_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "page/page_address.h"
#include "page/page_message.h"
#include "page/ring.h"

/* More unsent bytes than this: the other side does not read; the connection is closed. */
#define CONNECTION_MAX_QUEUED_BYTES (64u * 1024u * 1024u)
#define CONNECTION_SEND_VECTORS	    32u

struct page_connection;

/*
 * Where a payload goes or comes from, held for the connection until it calls release(context), if
 * there is one.
 */
struct page_place {
	uint8_t *at;
	void (*release)(void *context);
	void *context;
};

/* Room for one message: header and payload. Made with page_frame_new, given to a connection. */
struct page_frame {
	struct page_frame *next;
	size_t capacity; /* of the payload in data */
	size_t bytes;	 /* of header and payload, set when sent */
	struct page_place
	    place;	/* of a payload that is sent from where it is; at: NULL if none is */
	uint8_t data[]; /* header, payload */
};

struct page_connection_owner {
	/* Connected and ready to send (never called for accepted connections). */
	void (*connected)(struct page_connection *connection);
	/* One message; its payload is valid during the call. Return: 0, or -errno to close. */
	int (*received)(struct page_connection *connection, const struct page_message *message);
	/*
	 * The header of a BLOCK has come, its pages have not. Return: true and where they shall be
	 * received (received() sees its payload there), false for the connection's own buffer.
	 * NULL: always there.
	 */
	bool (*place)(struct page_connection *connection, const struct page_message *block,
		      struct page_place *ret_place);
	/* The kernel has taken some of what was queued (not told of an urgent connection). */
	void (*sent)(struct page_connection *connection);
	/* The connection is gone; forget the pointer. reason: -errno, 0 when we closed it. */
	void (*closed)(struct page_connection *connection, int reason);
};

struct page_connection {
	struct ring *ring;
	const struct page_connection_owner *owner;
	void *owner_data;
	int fd;
	bool is_sparing; /* receives no more than a header ahead: pages go where they stay */
	bool is_closing;
	int close_reason;
	uint32_t epoch;	     /* ours, in every message we send */
	uint32_t peer_epoch; /* of the first message received; later ones must have the same */
	uint32_t send_sequence, receive_sequence;
	uint64_t last_received_ns;
	uint64_t received_bytes, sent_bytes;
	struct page_address address; /* of the other side */

	bool is_urgent;
	bool must_go; /* something in the queue does not wait for more */

	struct ring_operation receive_operation, send_operation;
	uint8_t *buffer; /* the ring's while receive_operation is pending, from buffered on */
	size_t buffered;
	struct page_message placed; /* a BLOCK whose payload is received in its place */
	struct page_place place;    /* at: NULL when none is */
	size_t placed_bytes;
	struct iovec receive_vectors[2];
	struct msghdr receive_header;
	struct page_frame *queue_head, *queue_tail;
	size_t queued_bytes;
	size_t sent_of_head; /* bytes of the head frame that are gone already */
	struct iovec vectors[CONNECTION_SEND_VECTORS];
	struct msghdr send_header;
};

/* What is known of a connection that moves. */
struct page_connection_handover {
	int fd;
	struct page_address address;
	uint32_t peer_epoch;
	uint64_t received_bytes;
};

/*
 * Both make a connection that ends itself: after owner->closed() it is freed. accept takes a
 * connected socket (closed on failure, too). Return: 0, -ENOMEM, or another -errno of the socket.
 */
int page_connection_accept(struct ring *ring, const struct page_connection_owner *owner,
			   void *owner_data, int take_fd, struct page_connection **ret_connection);
int page_connection_connect(struct ring *ring, const struct page_connection_owner *owner,
			    void *owner_data, const struct page_address *address,
			    struct page_connection **ret_connection);
/*
 * A connection that has received one message, its only one so far, moves to another thread: give_up
 * is called while that message is handed up (owner->closed() is not called, the connection is freed
 * soon), adopt makes of it a connection on another ring, which takes the descriptor (closed on
 * failure, too). Return: 0; give_up: -EPROTO when more has been received or sent; adopt: -ENOMEM.
 */
int page_connection_give_up(struct page_connection *connection,
			    struct page_connection_handover *ret_handover);
int page_connection_adopt(struct ring *ring, const struct page_connection_owner *owner,
			  void *owner_data, const struct page_connection_handover *handover,
			  struct page_connection **ret_connection);
/* Sets the time after which unacknowledged data means that the peer is gone. */
void page_connection_set_timeout(struct page_connection *connection, unsigned int milliseconds);

/*
 * From now on latency counts more than the processor's time: bytes are received and sent by the
 * thread itself when the ring says that there are some, not by operations of the ring, each of
 * which costs another round through it (2 us of a fault's way).
 */
void page_connection_set_urgent(struct page_connection *connection);

/* Return: a frame with room for payload_bytes, or NULL without memory. */
struct page_frame *page_frame_new(size_t payload_bytes);
static inline uint8_t *page_frame_payload(struct page_frame *frame)
{
	return frame->data + PAGE_MESSAGE_HEADER_BYTES;
}

/*
 * Queues a message whose payload (message->bytes of it) lies in the frame, which it takes.
 * Frames leave at the next page_connection_flush. A closing connection drops them.
 */
void page_connection_send_frame(struct page_connection *connection, struct page_frame *take_frame,
				const struct page_message *message);
/*
 * Queues a BLOCK whose pages are sent from where they are, without a copy. They must not change,
 * and be readable, until they are released.
 */
void page_connection_send_placed(struct page_connection *connection,
				 const struct page_message *block,
				 const struct page_place *take_place);
/* Queues a message and a copy of its payload. */
void page_connection_send(struct page_connection *connection, const struct page_message *message);
/* The same for a message that may wait until another one goes, or until page_connection_hurry. */
void page_connection_send_later(struct page_connection *connection,
				const struct page_message *message);
/* What is queued goes with the next flush. */
void page_connection_hurry(struct page_connection *connection);
/* Hands what is queued to the ring, unless all of it may wait; call before each turn. */
void page_connection_flush(struct page_connection *connection);

/* Starts the end: nothing is received any more; closed() follows once the ring has let go. */
void page_connection_close(struct page_connection *connection, int reason);
/* Frees at once; only after the ring is done (nothing can be pending). */
void page_connection_free(struct page_connection *connection);

#endif
