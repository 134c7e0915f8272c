/*
 * What a carrier does for one stream: cargo out, pages in. All of it runs on the carrier's thread.
 */
#include "pager/service/frozen/carrier_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "pager/service/frozen/block_send.h"
#include "pager/service/container.h"

/*
 * Unsent bytes below which more is queued: a unit. Nothing is copied for it, and each time that the
 * kernel has taken some costs a round through the ring.
 */
#define QUEUED_BYTES (PAGE_EXTENT_PAGES * PAGE_BYTES)

/* ---- cargo ---- */

static void run_back(struct note *note)
{
	struct cargo *cargo = CONTAINER(note, struct cargo, note);

	cargo->done(cargo);
}

static void give_back(struct stream *stream, struct cargo *cargo)
{
	STAILQ_REMOVE_HEAD(&stream->cargoes, of_stream);
	cargo->note.run = run_back;
	mailbox_post(stream->carrier->outbox, &cargo->note);
}

static void give_all_back(struct stream *stream)
{
	while (!STAILQ_EMPTY(&stream->cargoes))
		give_back(stream, STAILQ_FIRST(&stream->cargoes));
}

static void carry_some(struct stream *stream, struct cargo *cargo)
{
	struct page_message some = cargo->pages;

	some.first_page += cargo->sent;
	some.page_count -= cargo->sent;
	if (some.page_count > PAGE_BLOCK_PAGES)
		some.page_count = PAGE_BLOCK_PAGES;
	cargo->sent_data += block_send(stream->connection, &some, cargo->store);
	cargo->sent += some.page_count;
	if (cargo->sent == cargo->pages.page_count)
		give_back(stream, cargo);
}

static void carry_more(struct stream *stream)
{
	while (stream->connection && !stream->connection->is_closing &&
	       stream->connection->queued_bytes < QUEUED_BYTES && !STAILQ_EMPTY(&stream->cargoes))
		carry_some(stream, STAILQ_FIRST(&stream->cargoes));
}

void stream_run_cargo(struct note *note)
{
	struct cargo *cargo = CONTAINER(note, struct cargo, note);
	struct stream *stream = cargo->stream;

	STAILQ_INSERT_TAIL(&stream->cargoes, cargo, of_stream);
	if (stream->is_closed)
		give_all_back(stream);
	else
		carry_more(stream);
}

/* ---- pages in ---- */

static void run_arrival(struct note *note)
{
	struct arrival *arrival = CONTAINER(note, struct arrival, note);
	const struct stream_options *options = &arrival->stream->options;

	options->owner->arrived(options->context, &arrival->message);
	free(arrival);
}

static int tell(struct stream *stream, const struct page_message *message)
{
	struct arrival *arrival = malloc(sizeof(*arrival));

	if (!arrival)
		return -ENOMEM;
	*arrival =
	    (struct arrival){.note = {.run = run_arrival}, .stream = stream, .message = *message};
	arrival->message.payload = NULL;
	if (message->type == PAGE_MESSAGE_HELLO) {
		memcpy(arrival->hello, message->payload, sizeof(arrival->hello));
		arrival->message.payload = arrival->hello;
	}
	mailbox_post(stream->carrier->outbox, &arrival->note);
	return 0;
}

/* The pages of a BLOCK lie in their place already, or in the connection's buffer. */
static int land(struct stream *stream, const struct page_message *block, const struct store *store)
{
	struct page_message news = *block;
	bool is_placed = stream->connection->place.at != NULL;
	int r = is_placed
		    ? 0
		    : store_write(store, block->first_page, block->page_count, block->payload);

	if (r) {
		log_line(LOG_ERROR, "object=%#llx page=%llu count=%u: storing them: %s",
			 (unsigned long long)block->object, (unsigned long long)block->first_page,
			 block->page_count, strerror(-r));
		news.type = PAGE_MESSAGE_BLOCK_LOST;
	}
	return tell(stream, &news);
}

static void count_bytes(struct stream *stream)
{
	stream->received_bytes = stream->connection->received_bytes;
	stream->sent_bytes = stream->connection->sent_bytes;
}

static int received(struct page_connection *connection, const struct page_message *message)
{
	struct stream *stream = connection->owner_data;
	struct store *store;
	int r;

	count_bytes(stream);
	if (message->type == PAGE_MESSAGE_HELLO)
		return tell(stream, message);
	if (message->type != PAGE_MESSAGE_BLOCK && message->type != PAGE_MESSAGE_BLOCK_ZERO &&
	    message->type != PAGE_MESSAGE_BLOCK_LOST)
		return -EPROTO;
	store = orders_take(stream->options.orders, stream->options.session, message);
	if (!store)
		return 0; /* an answer to what was asked before we left the object */
	r = message->type == PAGE_MESSAGE_BLOCK ? land(stream, message, store)
						: tell(stream, message);
	store_put(store);
	return r;
}

static bool place(struct page_connection *connection, const struct page_message *block,
		  struct page_place *ret_place)
{
	const struct stream *stream = connection->owner_data;
	struct store *store = orders_find(stream->options.orders, stream->options.session, block);
	uint8_t *at = store ? store_place(store, block->first_page, block->bytes) : NULL;

	if (!at) {
		if (store)
			store_put(store);
		return false;
	}
	*ret_place = (struct page_place){.at = at, .release = store_put, .context = store};
	return true;
}

/* ---- the connection ---- */

static void say_hello(struct stream *stream)
{
	uint8_t payload[PAGE_HELLO_BYTES];
	struct page_message message = {.type = PAGE_MESSAGE_HELLO, .payload = payload};

	message.bytes = page_hello_encode(&stream->options.hello, payload, sizeof(payload));
	page_connection_send(stream->connection, &message);
}

static void connected(struct page_connection *connection)
{
	say_hello(connection->owner_data);
}

static void sent(struct page_connection *connection)
{
	struct stream *stream = connection->owner_data;

	count_bytes(stream);
	carry_more(stream);
}

static void run_closed(struct note *note)
{
	struct stream *stream = CONTAINER(note, struct stream, closed);

	stream->options.owner->closed(stream->options.context, stream->reason);
	mailbox_post(&stream->carrier->inbox, &stream->release);
}

/* The connection is gone, or there never was one. The pager's thread posts nothing from then on. */
static void end(struct stream *stream, int reason)
{
	stream->connection = NULL;
	stream->is_closed = true;
	stream->reason = reason;
	give_all_back(stream);
	stream->closed.run = run_closed;
	mailbox_post(stream->carrier->outbox, &stream->closed);
}

static void closed(struct page_connection *connection, int reason)
{
	count_bytes(connection->owner_data);
	end(connection->owner_data, reason);
}

static const struct page_connection_owner connection_owner = {
    .connected = connected,
    .received = received,
    .place = place,
    .sent = sent,
    .closed = closed,
};

void stream_run_begin(struct note *note)
{
	struct stream *stream = CONTAINER(note, struct stream, begin);
	struct ring *ring = &stream->carrier->ring;
	int r;

	LIST_INSERT_HEAD(&stream->carrier->streams, stream, of_carrier);
	if (stream->carrier->is_ending) {
		if (stream->handover.fd >= 0)
			close(stream->handover.fd);
		end(stream, -ECANCELED);
		return;
	}
	if (stream->handover.fd >= 0)
		r = page_connection_adopt(ring, &connection_owner, stream, &stream->handover,
					  &stream->connection);
	else
		r = page_connection_connect(ring, &connection_owner, stream,
					    &stream->options.address, &stream->connection);
	stream->handover.fd = -1;
	if (r) {
		end(stream, r);
		return;
	}
	stream->connection->epoch = stream->options.epoch;
	page_connection_set_timeout(stream->connection, stream->options.timeout_ms);
}

void stream_run_hello(struct note *note)
{
	struct stream *stream = CONTAINER(note, struct stream, hello);

	if (!stream->is_closed)
		say_hello(stream);
}

void stream_run_close(struct note *note)
{
	struct stream *stream = CONTAINER(note, struct stream, close);

	if (!stream->is_closed)
		page_connection_close(stream->connection, stream->close_reason);
}

void stream_run_release(struct note *note)
{
	struct stream *stream = CONTAINER(note, struct stream, release);

	LIST_REMOVE(stream, of_carrier);
	free(stream);
}

void stream_abandon(struct stream *stream)
{
	give_all_back(stream);
	if (stream->connection)
		page_connection_free(stream->connection);
	stream->connection = NULL;
	stream->is_closed = true;
}
