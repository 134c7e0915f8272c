/*
 * The header decoder: what it accepts encodes to the same 32 bytes and keeps its promises.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[MESSAGE_HEADER_BYTES];
	struct message_header header;
	struct wire_writer writer;
	int error = message_header_decode(data, size, &header);

	if (error && error != -EBADMSG && error != -EPROTO)
		abort();
	if (error)
		return 0;
	wire_writer_init(&writer, again, sizeof(again));
	message_header_encode(&writer, &header);
	if (writer.error || memcmp(again, data, sizeof(again)) != 0)
		abort();
	if (header.bytes > MESSAGE_MAX_PAYLOAD || header.flags > MESSAGE_REPLY)
		abort();
	return 0;
}
