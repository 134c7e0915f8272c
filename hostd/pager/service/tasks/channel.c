/*
 * Control links on the ring.
 */
#include "pager/service/tasks/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "pager/service/container.h"

static void end_if_idle(struct channel *channel)
{
	if (!channel->is_closing || channel->readable.is_pending || channel->writable.is_pending)
		return;
	link_done(&channel->link);
	channel->owner->closed(channel);
}

void channel_close(struct channel *channel, int reason)
{
	if (channel->is_closing)
		return;
	channel->is_closing = true;
	channel->owner->closing(channel, reason);
	ring_cancel(channel->ring, &channel->readable);
	ring_cancel(channel->ring, &channel->writable);
}

static void want_writable(struct channel *channel)
{
	if (!channel->is_closing && link_wants_write(&channel->link) &&
	    !channel->writable.is_pending)
		ring_poll(channel->ring, &channel->writable, channel->link.fd, POLLOUT);
}

static void writable_complete(struct ring_operation *operation, int result)
{
	struct channel *channel = CONTAINER(operation, struct channel, writable);
	int r = result < 0 ? result : link_flush(&channel->link);

	if (!channel->is_closing && r && r != -EAGAIN)
		channel_close(channel, r);
	want_writable(channel);
	end_if_idle(channel);
}

static int receive_all(struct channel *channel)
{
	while (!channel->is_closing) {
		struct link_message message = {.fd_count = 0};
		int r = link_receive(&channel->link, &message);

		if (r)
			return r;
		r = channel->owner->received(channel, &message);
		link_message_done(&message);
		if (r)
			return r;
	}
	return 0;
}

static void readable_complete(struct ring_operation *operation, int result)
{
	struct channel *channel = CONTAINER(operation, struct channel, readable);
	int r = result;

	if (result >= 0 && channel->owner->receive_begins)
		channel->owner->receive_begins(channel);
	if (result >= 0)
		r = receive_all(channel);
	if (result >= 0 && channel->owner->receive_ends)
		channel->owner->receive_ends(channel);
	if (r && r != -EAGAIN)
		channel_close(channel, r);
	if (!channel->is_closing && !operation->is_pending)
		ring_poll_always(channel->ring, operation, channel->link.fd, POLLIN);
	end_if_idle(channel);
}

int channel_open(struct channel *channel, struct ring *ring, const struct channel_owner *owner,
		 int take_fd)
{
	int r;

	*channel = (struct channel){
	    .ring = ring,
	    .owner = owner,
	    .readable.complete = readable_complete,
	    .writable.complete = writable_complete,
	    .link.fd = -1,
	};
	r = link_init(&channel->link, take_fd, LINK_PACKET);
	if (r)
		return r;
	ring_poll_always(ring, &channel->readable, channel->link.fd, POLLIN);
	return 0;
}

void channel_done(struct channel *channel)
{
	if (channel->owner)
		link_done(&channel->link);
}

static void send_reply(struct channel *channel, struct message_header header, const void *payload,
		       size_t payload_bytes, const int *fds, unsigned int fd_count)
{
	int r;

	if (channel->is_closing)
		return;
	header.flags = MESSAGE_REPLY;
	r = link_send(&channel->link, &header, payload, payload_bytes, fds, fd_count);
	if (r)
		channel_close(channel, r);
	want_writable(channel);
}

void channel_reply(struct channel *channel, const struct message_header *request,
		   const void *payload, size_t payload_bytes, const int *fds, unsigned int fd_count)
{
	struct message_header header = *request;

	header.result = 0;
	send_reply(channel, header, payload, payload_bytes, fds, fd_count);
}

void channel_refuse(struct channel *channel, const struct message_header *request, int code,
		    const char *format, ...)
{
	struct message_header header = *request;
	struct failure failure;
	struct wire_writer writer;
	uint8_t payload[sizeof(failure.text) + sizeof(uint32_t)];
	va_list args;

	va_start(args, format);
	vsnprintf(failure.text, sizeof(failure.text), format, args);
	va_end(args);
	wire_writer_init(&writer, payload, sizeof(payload));
	failure_encode(&writer, &failure);
	header.result = code;
	send_reply(channel, header, payload, writer.used, NULL, 0);
}
