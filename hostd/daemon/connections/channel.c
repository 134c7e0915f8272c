/*
 * Reading, writing and closing of channels. Requests go to the kind's handler, replies to the table
 * of calls.
 */
#include "channel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "calls.h"
#include "attachments.h"
#include "claims.h"
#include "hostd.h"
#include "request.h"

/* A client with this many unanswered requests is not read; others are refused (see request.h). */
#define CLIENT_MAX_REQUESTS 64

static void channel_watch(struct channel *channel)
{
	uint32_t events = channel->is_paused ? 0 : EPOLLIN;

	if (link_wants_write(&channel->link))
		events |= EPOLLOUT;
	loop_change(&channel->hostd->loop, &channel->source, events);
}

void channel_update_pause(struct channel *channel)
{
	bool pause =
	    channel->kind == CHANNEL_CLIENT && channel->request_count >= CLIENT_MAX_REQUESTS;

	if (channel->is_closed || pause == channel->is_paused)
		return;
	channel->is_paused = pause;
	channel_watch(channel);
}

static const char *receive_error_text(int error)
{
	switch (error) {
	case -EPIPE:
		return "the other side closed it";
	case -EBADMSG:
		return "it sent something that is not a message";
	case -EPROTO:
		return "it speaks another version of the protocol";
	default:
		return strerror(-error);
	}
}

static void channel_handle(struct channel *channel, struct link_message *message)
{
	channel->heard_ns = clock_now_ns();
	if (!(message->header.flags & MESSAGE_REPLY))
		channel->handlers->request(channel, message);
	else if (calls_deliver(channel, message))
		channel_close(channel, "it answered something that it was not asked");
	link_message_done(message);
}

/* Takes messages until there are none. Packet links may stop early: epoll tells again. */
static void channel_read(struct channel *channel)
{
	struct link_message message;
	int error = 0;

	while (!channel->is_closed && !channel->is_paused) {
		error = link_receive(&channel->link, &message);
		if (error)
			break;
		channel_handle(channel, &message);
	}
	if (error && error != -EAGAIN)
		channel_close(channel, receive_error_text(error));
}

void channel_drain(struct channel *channel)
{
	channel_read(channel);
}

static void channel_ready(struct source *source, uint32_t events)
{
	struct channel *channel = container_of(source, struct channel, source);
	int error = 0;

	if (events & EPOLLOUT) {
		error = link_flush(&channel->link);
		if (error && error != -EAGAIN) {
			channel_close(channel, receive_error_text(error));
			return;
		}
	}
	if (channel->is_paused && (events & (EPOLLHUP | EPOLLERR))) {
		channel_close(channel, receive_error_text(-EPIPE));
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		channel_read(channel);
	if (!channel->is_closed)
		channel_watch(channel);
}

static void channel_release(struct deferred *deferred)
{
	free(container_of(deferred, struct channel, deferred));
}

int channel_new(struct hostd *hostd, int take_fd, const struct channel_setup *setup,
		struct channel **ret_channel, const char *label_format, ...)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	va_list args;
	int error;

	if (!channel) {
		close(take_fd);
		return -ENOMEM;
	}
	channel->hostd = hostd;
	channel->kind = setup->kind;
	channel->handlers = setup->handlers;
	channel->owner = setup->owner;
	channel->uid = setup->uid;
	channel->heard_ns = clock_now_ns();
	va_start(args, label_format);
	vsnprintf(channel->label, sizeof(channel->label), label_format, args);
	va_end(args);
	LIST_INIT(&channel->requests);
	LIST_INIT(&channel->calls);
	TAILQ_INIT(&channel->claims);
	LIST_INIT(&channel->attachments);
	error = link_init(&channel->link, take_fd, setup->link_kind);
	channel->source = (struct source){.fd = take_fd, .ready = channel_ready};
	if (!error)
		error = loop_add(&hostd->loop, &channel->source, EPOLLIN);
	if (error) {
		link_done(&channel->link);
		free(channel);
		return error;
	}
	LIST_INSERT_HEAD(&hostd->channels, channel, entry);
	*ret_channel = channel;
	return 0;
}

void channel_close(struct channel *channel, const char *why)
{
	struct hostd *hostd = channel->hostd;

	if (channel->is_closed)
		return;
	channel->is_closed = true;
	LIST_REMOVE(channel, entry);
	loop_remove(&hostd->loop, &channel->source);
	link_done(&channel->link);
	requests_abandon(channel);
	calls_fail_channel(channel, why);
	claims_discard(channel);
	attachments_drop(channel);
	channel->handlers->closed(channel, why);
	channel->deferred.release = channel_release;
	loop_defer(&hostd->loop, &channel->deferred);
}

int channel_send(struct channel *channel, const struct message_header *header, const void *payload,
		 size_t payload_bytes, const int *fds, unsigned int fd_count)
{
	int error;

	if (channel->is_closed)
		return -EPIPE;
	error = link_send(&channel->link, header, payload, payload_bytes, fds, fd_count);
	if (!error)
		channel_watch(channel);
	return error;
}
