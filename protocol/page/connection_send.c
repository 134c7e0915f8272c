/*
 * Sending on a connection between pagers: frames of one turn leave in one sendmsg.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "page/connection_internal.h"

void page_frame_free(struct page_frame *frame)
{
	page_place_release(&frame->place);
	free(frame);
}

static void drop_sent(struct page_connection *connection, size_t sent)
{
	connection->queued_bytes -= sent;
	connection->sent_bytes += sent;
	sent += connection->sent_of_head;
	while (connection->queue_head && sent >= connection->queue_head->bytes) {
		struct page_frame *frame = connection->queue_head;

		sent -= frame->bytes;
		connection->queue_head = frame->next;
		page_frame_free(frame);
	}
	if (!connection->queue_head) {
		connection->queue_tail = NULL;
		connection->must_go = false;
	}
	connection->sent_of_head = sent;
}

void page_connection_send_complete(struct ring_operation *operation, int result)
{
	struct page_connection *connection =
	    CONTAINER(operation, struct page_connection, send_operation);

	if (result > 0)
		drop_sent(connection, (size_t)result);
	else if (result != -EINTR && result != -EAGAIN)
		page_connection_close(connection, result ? result : -EPIPE);
	if (result > 0 && !connection->is_closing && connection->owner->sent)
		connection->owner->sent(connection);
	page_connection_flush(connection);
	page_connection_end_if_idle(connection);
}

/* Return: how many vectors the bytes of a frame take, but for the first `skip` of them. */
static unsigned int gather_frame(struct page_frame *frame, size_t skip, struct iovec *vectors)
{
	size_t here = frame->place.at ? PAGE_MESSAGE_HEADER_BYTES : frame->bytes;
	size_t gone = skip > here ? skip - here : 0;
	unsigned int count = 0;

	if (skip < here)
		vectors[count++] =
		    (struct iovec){.iov_base = frame->data + skip, .iov_len = here - skip};
	if (frame->place.at)
		vectors[count++] = (struct iovec){
		    .iov_base = frame->place.at + gone,
		    .iov_len = frame->bytes - here - gone,
		};
	return count;
}

/* Return: how many vectors the next message has. */
static unsigned int gather(struct page_connection *connection)
{
	size_t skip = connection->sent_of_head;
	unsigned int count = 0;

	for (struct page_frame *frame = connection->queue_head;
	     frame && count + 2 <= CONNECTION_SEND_VECTORS; frame = frame->next, skip = 0)
		count += gather_frame(frame, skip, connection->vectors + count);
	connection->send_header =
	    (struct msghdr){.msg_iov = connection->vectors, .msg_iovlen = count};
	return count;
}

/* Sends what fits at once; the rest, and every failure, is for the ring. */
static void send_now(struct page_connection *connection)
{
	while (gather(connection)) {
		ssize_t sent =
		    sendmsg(connection->fd, &connection->send_header, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		drop_sent(connection, (size_t)sent);
	}
}

void page_connection_flush(struct page_connection *connection)
{
	if (connection->is_closing || connection->send_operation.is_pending || !connection->must_go)
		return;
	if (connection->is_urgent)
		send_now(connection);
	if (gather(connection))
		ring_send(connection->ring, &connection->send_operation, connection->fd,
			  &connection->send_header);
}

struct page_frame *page_frame_new(size_t payload_bytes)
{
	struct page_frame *frame =
	    malloc(sizeof(*frame) + PAGE_MESSAGE_HEADER_BYTES + payload_bytes);

	if (frame)
		*frame = (struct page_frame){.capacity = payload_bytes};
	return frame;
}

/* The payload lies in the frame, or in its place. */
static void enqueue(struct page_connection *connection, struct page_frame *take_frame,
		    const struct page_message *message)
{
	struct page_message sealed = *message;

	if (connection->is_closing) {
		page_frame_free(take_frame);
		return;
	}
	sealed.epoch = connection->epoch;
	sealed.sequence = connection->send_sequence++;
	page_message_seal(take_frame->data, &sealed);
	take_frame->bytes = PAGE_MESSAGE_HEADER_BYTES + (size_t)message->bytes;
	if (connection->queue_tail)
		connection->queue_tail->next = take_frame;
	else
		connection->queue_head = take_frame;
	connection->queue_tail = take_frame;
	connection->must_go = true;
	connection->queued_bytes += take_frame->bytes;
	if (connection->queued_bytes > CONNECTION_MAX_QUEUED_BYTES)
		page_connection_close(connection, -ENOBUFS);
}

void page_connection_send_frame(struct page_connection *connection, struct page_frame *take_frame,
				const struct page_message *message)
{
	assert(message->bytes <= take_frame->capacity);
	enqueue(connection, take_frame, message);
}

void page_connection_send_placed(struct page_connection *connection,
				 const struct page_message *block,
				 const struct page_place *take_place)
{
	struct page_frame *frame = page_frame_new(0);
	struct page_place place = *take_place;

	/* The checksum of any other type covers its payload. */
	assert(block->type == PAGE_MESSAGE_BLOCK && block->bytes > 0);
	if (!frame) {
		page_place_release(&place);
		page_connection_close(connection, -ENOMEM);
		return;
	}
	frame->place = place;
	enqueue(connection, frame, block);
}

void page_connection_send(struct page_connection *connection, const struct page_message *message)
{
	struct page_frame *frame = page_frame_new(message->bytes);

	if (!frame) {
		page_connection_close(connection, -ENOMEM);
		return;
	}
	if (message->bytes)
		memcpy(page_frame_payload(frame), message->payload, message->bytes);
	page_connection_send_frame(connection, frame, message);
}

void page_connection_send_later(struct page_connection *connection,
				const struct page_message *message)
{
	bool must_go = connection->must_go;

	page_connection_send(connection, message);
	connection->must_go = must_go;
}

void page_connection_hurry(struct page_connection *connection)
{
	connection->must_go = true;
}
