/*
 * Connections between pagers. Frames of one turn leave in one sendmsg; a connection that fails is
 * shut down first, so that the kernel ends its operations, and freed when both have completed.
 */
#include "page/connection_internal.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Room for one largest message and the beginning of the next. */
#define BUFFER_BYTES (2u * (PAGE_MESSAGE_HEADER_BYTES + PAGE_BLOCK_MAX_BYTES))

void page_connection_end_if_idle(struct page_connection *connection)
{
	if (!connection->is_closing || connection->receive_operation.is_pending ||
	    connection->send_operation.is_pending)
		return;
	connection->owner->closed(connection, connection->close_reason);
	page_connection_free(connection);
}

void page_connection_close(struct page_connection *connection, int reason)
{
	if (connection->is_closing)
		return;
	connection->is_closing = true;
	connection->close_reason = reason;
	shutdown(connection->fd, SHUT_RDWR);
	ring_cancel(connection->ring, &connection->receive_operation);
	ring_cancel(connection->ring, &connection->send_operation);
}

void page_place_release(struct page_place *place)
{
	if (place->at && place->release)
		place->release(place->context);
	*place = (struct page_place){0};
}

void page_connection_free(struct page_connection *connection)
{
	while (connection->queue_head) {
		struct page_frame *frame = connection->queue_head;

		connection->queue_head = frame->next;
		page_frame_free(frame);
	}
	if (connection->fd >= 0)
		close(connection->fd);
	page_place_release(&connection->place);
	free(connection->buffer);
	free(connection);
}

/* Return: how many bytes the buffer may hold before it has to be looked at again. */
static size_t receive_limit(const struct page_connection *connection)
{
	size_t message_bytes = PAGE_MESSAGE_HEADER_BYTES;

	if (!connection->is_sparing)
		return BUFFER_BYTES;
	/* A header that is here was found right, and its message is not complete. */
	if (connection->buffered >= PAGE_MESSAGE_HEADER_BYTES)
		(void)page_message_measure(connection->buffer, connection->buffered,
					   &message_bytes);
	return message_bytes;
}

static void start_receive(struct page_connection *connection)
{
	struct iovec *vectors = connection->receive_vectors;

	if (connection->is_urgent) {
		ring_poll_always(connection->ring, &connection->receive_operation, connection->fd,
				 POLLIN | POLLRDHUP);
		return;
	}
	if (!connection->place.at) {
		ring_receive(connection->ring, &connection->receive_operation, connection->fd,
			     connection->buffer + connection->buffered,
			     receive_limit(connection) - connection->buffered);
		return;
	}
	vectors[0].iov_base = connection->place.at + connection->placed_bytes;
	vectors[0].iov_len = connection->placed.bytes - connection->placed_bytes;
	vectors[1].iov_base = connection->buffer;
	vectors[1].iov_len = PAGE_MESSAGE_HEADER_BYTES;
	connection->receive_header = (struct msghdr){.msg_iov = vectors, .msg_iovlen = 2};
	ring_receive_vectors(connection->ring, &connection->receive_operation, connection->fd,
			     &connection->receive_header);
}

/* Checks what holds for every message of a connection. */
static int check_order(struct page_connection *connection, const struct page_message *message)
{
	if (connection->receive_sequence == 0)
		connection->peer_epoch = message->epoch;
	if (message->sequence != connection->receive_sequence ||
	    message->epoch != connection->peer_epoch)
		return -EBADMSG;
	return 0;
}

static int deliver(struct page_connection *connection, const struct page_message *message)
{
	int r = check_order(connection, message);

	if (r)
		return r;
	connection->receive_sequence++;
	return connection->owner->received(connection, message);
}

/*
 * What the buffer ends with may be the beginning of a BLOCK: then the rest of it is received in its
 * place. Return: how much of data was used, or -errno.
 */
static ssize_t begin_place(struct page_connection *connection, const uint8_t *data, size_t bytes)
{
	struct page_message block;
	int r = connection->is_sparing ? page_message_decode_block(data, bytes, &block) : -ENOMSG;

	if (r == 0)
		r = check_order(connection, &block);
	if (r)
		return r == -ENOMSG || r == -EAGAIN ? 0 : r;
	if (!connection->owner->place ||
	    !connection->owner->place(connection, &block, &connection->place))
		return 0;
	connection->placed = block;
	connection->placed.payload = connection->place.at;
	connection->placed_bytes = bytes - PAGE_MESSAGE_HEADER_BYTES;
	memcpy(connection->place.at, data + PAGE_MESSAGE_HEADER_BYTES, connection->placed_bytes);
	return (ssize_t)bytes;
}

/* Counts what was received in its place; hands the BLOCK up when it is complete. */
static int deliver_placed(struct page_connection *connection, size_t *bytes)
{
	size_t missing = connection->placed.bytes - connection->placed_bytes;
	size_t taken = *bytes < missing ? *bytes : missing;
	int r;

	connection->placed_bytes += taken;
	*bytes -= taken;
	if (taken < missing)
		return 0;
	r = deliver(connection, &connection->placed);
	page_place_release(&connection->place);
	return r;
}

/* Hands up every complete message of the buffer and moves the rest to its front. */
static int deliver_buffered(struct page_connection *connection)
{
	size_t at = 0;
	int r = 0;

	while (!connection->is_closing) {
		struct page_message message;

		r = page_message_decode(connection->buffer + at, connection->buffered - at,
					&message);
		if (r)
			break;
		r = deliver(connection, &message);
		if (r)
			break;
		at += PAGE_MESSAGE_HEADER_BYTES + (size_t)message.bytes;
	}
	if (r == -EAGAIN && !connection->is_closing) {
		ssize_t used =
		    begin_place(connection, connection->buffer + at, connection->buffered - at);

		if (used < 0)
			r = (int)used;
		else
			at += (size_t)used;
	}
	connection->buffered -= at;
	if (at && connection->buffered)
		memmove(connection->buffer, connection->buffer + at, connection->buffered);
	return r == -EAGAIN ? 0 : r;
}

static int take_received(struct page_connection *connection, size_t bytes)
{
	int r = 0;

	connection->received_bytes += bytes;
	connection->last_received_ns = clock_now_ns();
	if (connection->place.at)
		r = deliver_placed(connection, &bytes);
	connection->buffered += bytes;
	return r || bytes == 0 ? r : deliver_buffered(connection);
}

/* The outcome of receiving. Return: 0 or -errno. */
static int take_outcome(struct page_connection *connection, ssize_t result)
{
	if (result == -EINTR || result == -EAGAIN)
		return 0;
	if (result <= 0)
		return result ? (int)result : -ECONNRESET; /* 0: the other side closed */
	return take_received(connection, (size_t)result);
}

/* Takes what has come, until there is no more: the ring says only once that there is some. */
static int receive_now(struct page_connection *connection)
{
	size_t room;
	ssize_t got;
	int r;

	do {
		room = BUFFER_BYTES - connection->buffered;
		got = recv(connection->fd, connection->buffer + connection->buffered, room,
			   MSG_DONTWAIT);
		r = take_outcome(connection, got < 0 ? -errno : got);
	} while (r == 0 && !connection->is_closing && got == (ssize_t)room);
	return r;
}

static void receive_complete(struct ring_operation *operation, int result)
{
	struct page_connection *connection =
	    CONTAINER(operation, struct page_connection, receive_operation);
	int r = 0;

	if (!connection->is_closing && connection->is_urgent && result >= 0)
		r = receive_now(connection);
	else if (!connection->is_closing)
		r = take_outcome(connection, result);
	if (r)
		page_connection_close(connection, r);
	if (!connection->is_closing && !operation->is_pending)
		start_receive(connection);
	page_connection_end_if_idle(connection);
}

void page_connection_set_urgent(struct page_connection *connection)
{
	connection->is_urgent = true;
}

static int connection_new(struct ring *ring, const struct page_connection_owner *owner,
			  void *owner_data, struct page_connection **ret_connection)
{
	struct page_connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return -ENOMEM;
	connection->fd = -1;
	connection->ring = ring;
	connection->owner = owner;
	connection->owner_data = owner_data;
	connection->receive_operation.complete = receive_complete;
	connection->send_operation.complete = page_connection_send_complete;
	connection->last_received_ns = clock_now_ns();
	connection->is_sparing = true;
	connection->buffer = malloc(BUFFER_BYTES);
	if (!connection->buffer) {
		free(connection);
		return -ENOMEM;
	}
	*ret_connection = connection;
	return 0;
}

static void let_go(struct page_connection *connection, int reason)
{
	(void)connection; /* somebody else has it now */
	(void)reason;
}

int page_connection_give_up(struct page_connection *connection,
			    struct page_connection_handover *ret_handover)
{
	static const struct page_connection_owner nobody = {.closed = let_go};
	const bool is_more = connection->receive_sequence != 1 || connection->send_sequence != 0 ||
			     connection->buffered != connection->received_bytes;

	if (is_more || connection->receive_operation.is_pending)
		return -EPROTO;
	*ret_handover = (struct page_connection_handover){
	    .fd = connection->fd,
	    .address = connection->address,
	    .peer_epoch = connection->peer_epoch,
	    .received_bytes = connection->received_bytes,
	};
	connection->fd = -1;
	connection->owner = &nobody;
	connection->is_closing = true;
	return 0;
}

int page_connection_adopt(struct ring *ring, const struct page_connection_owner *owner,
			  void *owner_data, const struct page_connection_handover *handover,
			  struct page_connection **ret_connection)
{
	_cleanup_close_ int fd = handover->fd;
	struct page_connection *connection;
	int r = connection_new(ring, owner, owner_data, &connection);

	if (r)
		return r;
	connection->fd = take_fd(&fd);
	connection->address = handover->address;
	connection->peer_epoch = handover->peer_epoch;
	connection->received_bytes = handover->received_bytes;
	connection->receive_sequence = 1;
	start_receive(connection);
	*ret_connection = connection;
	return 0;
}

static int set_no_delay(int fd)
{
	int on = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ? -errno : 0;
}

void page_connection_set_timeout(struct page_connection *connection, unsigned int milliseconds)
{
	setsockopt(connection->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds,
		   sizeof(milliseconds));
}

int page_connection_accept(struct ring *ring, const struct page_connection_owner *owner,
			   void *owner_data, int take_fd_, struct page_connection **ret_connection)
{
	_cleanup_close_ int fd = take_fd_;
	struct page_connection *connection;
	struct page_address address;
	socklen_t address_bytes = sizeof(address);
	int r;

	if (getpeername(fd, &address.any, &address_bytes))
		return -errno;
	r = set_no_delay(fd);
	if (r)
		return r;
	r = connection_new(ring, owner, owner_data, &connection);
	if (r)
		return r;
	connection->fd = take_fd(&fd);
	connection->address = address;
	start_receive(connection);
	*ret_connection = connection;
	return 0;
}

static void connect_complete(struct ring_operation *operation, int result)
{
	struct page_connection *connection =
	    CONTAINER(operation, struct page_connection, send_operation);

	operation->complete = page_connection_send_complete;
	if (result < 0) {
		page_connection_close(connection, result);
	} else if (!connection->is_closing) {
		start_receive(connection);
		connection->owner->connected(connection);
	}
	page_connection_end_if_idle(connection);
}

int page_connection_connect(struct ring *ring, const struct page_connection_owner *owner,
			    void *owner_data, const struct page_address *address,
			    struct page_connection **ret_connection)
{
	_cleanup_close_ int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct page_connection *connection;
	int r;

	if (fd < 0)
		return -errno;
	r = set_no_delay(fd);
	if (r)
		return r;
	r = connection_new(ring, owner, owner_data, &connection);
	if (r)
		return r;
	connection->fd = take_fd(&fd);
	connection->address = *address;
	connection->send_operation.complete = connect_complete;
	ring_connect(ring, &connection->send_operation, connection->fd, &connection->address.any,
		     page_address_bytes(address));
	*ret_connection = connection;
	return 0;
}
