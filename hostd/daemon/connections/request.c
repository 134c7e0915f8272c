/*
 * Requests and their replies. A client or host that does not read its replies is disconnected: the
 * link's queue is bounded.
 */
#include "request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "claims.h"
#include "hostd.h"

struct request *request_new(struct channel *channel, const struct link_message *message,
			    uint32_t uid)
{
	struct request *request = calloc(1, sizeof(*request));
	struct wire_reader reader;

	if (!request)
		return NULL;
	request->hostd = channel->hostd;
	request->channel = channel;
	request->sequence = message->header.sequence;
	request->type = message->header.type;
	request->uid = uid;
	wire_reader_init(&reader, message->payload, message->header.bytes, NULL, 0);
	request->subject = wire_get_u32(&reader); /* 0, the null name, when there is none */
	LIST_INSERT_HEAD(&channel->requests, request, entry);
	channel->request_count++;
	channel_update_pause(channel);
	return request;
}

static void request_detach(struct request *request)
{
	struct channel *channel = request->channel;

	if (!channel)
		return;
	LIST_REMOVE(request, entry);
	request->channel = NULL;
	channel->request_count--;
	channel_update_pause(channel);
}

void request_free(struct request *request)
{
	request_detach(request);
	free(request);
}

static void send_reply(struct channel *channel, const struct message_header *header,
		       const void *payload, size_t bytes)
{
	int error = channel_send(channel, header, payload, bytes, NULL, 0);

	if (error)
		channel_close(channel, strerror(-error));
}

static void request_answer(struct request *request, const struct answer *answer)
{
	struct channel *channel = request->channel;
	struct message_header header = {
	    .type = request->type,
	    .flags = MESSAGE_REPLY,
	    .sequence = request->sequence,
	    .result = answer->result,
	    .uid = request->uid,
	};

	request->abandoned = NULL; /* its holder gave it away */
	if (channel)
		send_reply(channel, &header, answer->payload, answer->bytes);
	/* Closing while sending detached the request: then nobody has it. */
	if (!answer->result)
		claims_note_success(request, answer);
	request_free(request);
}

void request_reply(struct request *request, const void *payload, size_t bytes)
{
	request_answer(request, &(struct answer){.payload = payload, .bytes = bytes});
}

void request_relay(struct request *request, const struct answer *answer)
{
	request_answer(request, answer);
}

static size_t __attribute__((format(printf, 3, 0)))
encode_failure(uint8_t *buffer, size_t capacity, const char *format, va_list args)
{
	struct failure failure;
	struct wire_writer writer;

	vsnprintf(failure.text, sizeof(failure.text), format, args);
	wire_writer_init(&writer, buffer, capacity);
	failure_encode(&writer, &failure);
	return writer.used;
}

void request_refuse(struct request *request, int32_t result, const char *format, ...)
{
	uint8_t buffer[MESSAGE_MAX_TEXT + 8];
	size_t bytes;
	va_list args;

	va_start(args, format);
	bytes = encode_failure(buffer, sizeof(buffer), format, args);
	va_end(args);
	request_answer(request, &(struct answer){result, buffer, bytes});
}

void request_reject(struct channel *channel, const struct message_header *header, int32_t result,
		    const char *format, ...)
{
	struct message_header reply = {
	    .type = header->type,
	    .flags = MESSAGE_REPLY,
	    .sequence = header->sequence,
	    .result = result,
	    .uid = header->uid,
	};
	uint8_t buffer[MESSAGE_MAX_TEXT + 8];
	size_t bytes;
	va_list args;

	va_start(args, format);
	bytes = encode_failure(buffer, sizeof(buffer), format, args);
	va_end(args);
	send_reply(channel, &reply, buffer, bytes);
}

void requests_abandon(struct channel *channel)
{
	struct request *request;

	while ((request = LIST_FIRST(&channel->requests))) {
		request_detach(request);
		if (request->abandoned)
			request->abandoned(request);
	}
}
