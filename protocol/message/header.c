/*
 * The message header's codec.
 */
#include "message/header.h"

#include <errno.h>

void message_header_encode(struct wire_writer *writer, const struct message_header *header)
{
	wire_put_u32(writer, MESSAGE_MAGIC);
	wire_put_u16(writer, MESSAGE_VERSION);
	wire_put_u16(writer, header->type);
	wire_put_u16(writer, header->flags);
	wire_put_u16(writer, 0);
	wire_put_u32(writer, header->bytes);
	wire_put_u64(writer, header->sequence);
	wire_put_u32(writer, (uint32_t)header->result);
	wire_put_u32(writer, header->uid);
}

int message_header_decode(const void *data, size_t bytes, struct message_header *ret_header)
{
	struct wire_reader reader;
	struct message_header header = {0};
	uint32_t magic;
	uint16_t version, reserved;

	if (bytes < MESSAGE_HEADER_BYTES)
		return -EBADMSG;
	wire_reader_init(&reader, data, MESSAGE_HEADER_BYTES, NULL, 0);
	magic = wire_get_u32(&reader);
	version = wire_get_u16(&reader);
	header.type = wire_get_u16(&reader);
	header.flags = wire_get_u16(&reader);
	reserved = wire_get_u16(&reader);
	header.bytes = wire_get_u32(&reader);
	header.sequence = wire_get_u64(&reader);
	header.result = (int32_t)wire_get_u32(&reader);
	header.uid = wire_get_u32(&reader);
	if (magic != MESSAGE_MAGIC || reserved || header.flags > MESSAGE_REPLY ||
	    header.bytes > MESSAGE_MAX_PAYLOAD)
		return -EBADMSG;
	if (version != MESSAGE_VERSION)
		return -EPROTO;
	*ret_header = header;
	return 0;
}
