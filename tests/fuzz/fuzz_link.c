/*
 * Framing of a stream: the first byte says in which pieces the rest arrives. The messages that come
 * out, written one after another, must be the beginning of what went in, whatever the pieces.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAM_MAX_BYTES 4096u

/* Return: bytes of the stream that the message was, after checking that it was these. */
static size_t check_message(const struct link_message *message, const uint8_t *stream, size_t left)
{
	size_t bytes = MESSAGE_HEADER_BYTES + message->header.bytes;
	uint8_t header[MESSAGE_HEADER_BYTES];
	struct wire_writer writer;

	wire_writer_init(&writer, header, sizeof(header));
	message_header_encode(&writer, &message->header);
	if (bytes > left || memcmp(header, stream, sizeof(header)) != 0 ||
	    memcmp(message->payload, stream + sizeof(header), message->header.bytes) != 0)
		abort();
	return bytes;
}

/* Takes all complete messages. Return: -EAGAIN, or how the stream went wrong. */
static int drain(struct link *link, const uint8_t *stream, size_t sent, size_t *received)
{
	struct link_message message;
	int error;

	while ((error = link_receive(link, &message)) == 0)
		*received += check_message(&message, stream + *received, sent - *received);
	return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t sent = 0, received = 0, piece;
	struct link link;
	int fds[2], error = -EAGAIN;

	if (size < 1 || size > STREAM_MAX_BYTES)
		return -1;
	piece = (size_t)data[0] + 1;
	data++;
	size--;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    link_init(&link, fds[1], LINK_STREAM) < 0)
		abort();
	while (sent < size && error == -EAGAIN) {
		size_t bytes = size - sent < piece ? size - sent : piece;

		if (write(fds[0], data + sent, bytes) != (ssize_t)bytes)
			abort();
		sent += bytes;
		error = drain(&link, data, sent, &received);
	}
	if (error != -EAGAIN && error != -EBADMSG && error != -EPROTO)
		abort();
	close(fds[0]);
	if (error == -EAGAIN && drain(&link, data, sent, &received) != -EPIPE)
		abort();
	link_done(&link);
	return 0;
}
