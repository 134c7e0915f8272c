/*
 * The thread of a carrier, and what the pager's thread asks of it.
 */
#include "pager/service/frozen/carrier.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "page/spin.h"
#include "pager/service/frozen/carrier_stream.h"
#include "pager/service/container.h"

/* Of those who want a processor, carriers are the last: nobody waits for what they do. */
#define CARRIER_NICE 10

static void run_end(struct note *note)
{
	struct carrier *carrier = CONTAINER(note, struct carrier, end);

	carrier->is_ending = true;
}

static void flush_all(struct carrier *carrier)
{
	struct stream *stream;

	LIST_FOREACH(stream, &carrier->streams, of_carrier)
	if (stream->connection)
		page_connection_flush(stream->connection);
}

static void *carrier_main(void *context)
{
	struct carrier *carrier = context;
	struct stream *stream;
	int r;

	setpriority(PRIO_PROCESS, 0, CARRIER_NICE); /* on Linux: this thread's */
	/* Here: a ring is the thread's that makes it. */
	r = carrier->start_result = ring_init(&carrier->ring, SPIN_OFF);
	sem_post(&carrier->started);
	if (r)
		return NULL;
	mailbox_listen(&carrier->inbox, &carrier->ring);
	while (!carrier->is_ending && r == 0) {
		flush_all(carrier);
		r = ring_turn(&carrier->ring, UINT64_MAX);
	}
	carrier->is_ending = true;
	ring_done(&carrier->ring);
	LIST_FOREACH(stream, &carrier->streams, of_carrier)
	stream_abandon(stream);
	if (r) {
		carrier->fail_reason = r;
		mailbox_post(carrier->outbox, &carrier->fail);
	}
	return NULL;
}

static void run_fail(struct note *note)
{
	struct carrier *carrier = CONTAINER(note, struct carrier, fail);

	carrier->owner->failed(carrier->context, carrier->fail_reason);
}

static int start(struct carrier *carrier)
{
	int r = mailbox_init(&carrier->inbox);

	if (r)
		return r;
	r = -pthread_create(&carrier->thread, NULL, carrier_main, carrier);
	if (r)
		return r;
	while (sem_wait(&carrier->started) && errno == EINTR)
		continue;
	r = carrier->start_result;
	if (r)
		pthread_join(carrier->thread, NULL);
	return r;
}

int carrier_new(const struct carrier_owner *owner, void *context, struct mailbox *outbox,
		struct carrier **ret_carrier)
{
	struct carrier *carrier = calloc(1, sizeof(*carrier));
	int r;

	if (!carrier)
		return -ENOMEM;
	carrier->owner = owner;
	carrier->context = context;
	carrier->outbox = outbox;
	carrier->end.run = run_end;
	carrier->fail.run = run_fail;
	carrier->inbox.event_fd = -1;
	LIST_INIT(&carrier->streams);
	sem_init(&carrier->started, 0, 0);
	r = start(carrier);
	if (r) {
		carrier_free(carrier);
		return r;
	}
	*ret_carrier = carrier;
	return 0;
}

void carrier_stop(struct carrier *carrier)
{
	mailbox_post(&carrier->inbox, &carrier->end);
	pthread_join(carrier->thread, NULL);
	/* Left there when its ring had failed: cargo has to come back. */
	mailbox_run(&carrier->inbox);
}

void carrier_free(struct carrier *carrier)
{
	struct stream *stream;

	while ((stream = LIST_FIRST(&carrier->streams))) {
		LIST_REMOVE(stream, of_carrier);
		free(stream);
	}
	mailbox_done(&carrier->inbox);
	sem_destroy(&carrier->started);
	free(carrier);
}

static struct stream *stream_new(struct carrier *carrier, const struct stream_options *options)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->carrier = carrier;
	stream->options = *options;
	stream->handover.fd = -1;
	stream->begin.run = stream_run_begin;
	stream->hello.run = stream_run_hello;
	stream->close.run = stream_run_close;
	stream->release.run = stream_run_release;
	STAILQ_INIT(&stream->cargoes);
	return stream;
}

struct stream *stream_dial(struct carrier *carrier, const struct stream_options *options)
{
	struct stream *stream = stream_new(carrier, options);

	if (stream)
		mailbox_post(&carrier->inbox, &stream->begin);
	return stream;
}

struct stream *stream_adopt(struct carrier *carrier, const struct stream_options *options,
			    const struct page_connection_handover *handover)
{
	struct stream *stream = stream_new(carrier, options);

	if (!stream) {
		close(handover->fd);
		return NULL;
	}
	stream->handover = *handover;
	stream->received_bytes = handover->received_bytes;
	mailbox_post(&carrier->inbox, &stream->begin);
	return stream;
}

void stream_say_hello(struct stream *stream)
{
	mailbox_post(&stream->carrier->inbox, &stream->hello);
}

void stream_send(struct stream *stream, struct cargo *cargo)
{
	cargo->note.run = stream_run_cargo;
	cargo->stream = stream;
	cargo->sent = 0;
	cargo->sent_data = 0;
	mailbox_post(&stream->carrier->inbox, &cargo->note);
}

void stream_close(struct stream *stream, int reason)
{
	if (stream->is_close_posted)
		return;
	stream->is_close_posted = true;
	stream->close_reason = reason;
	mailbox_post(&stream->carrier->inbox, &stream->close);
}

uint64_t stream_received_bytes(const struct stream *stream)
{
	return atomic_load_explicit(&stream->received_bytes, memory_order_relaxed);
}

uint64_t stream_sent_bytes(const struct stream *stream)
{
	return atomic_load_explicit(&stream->sent_bytes, memory_order_relaxed);
}
