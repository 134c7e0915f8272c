/*
 * The codec of pager-to-pager messages. What comes off a socket is judged twice: the header alone
 * (so that a wrong length never makes us wait or allocate), then the whole.
 */
#include "page/page_message.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "wire/wire.h"

#define CHECKSUM_AT 56u

/* What each type may carry: between min and max bytes of payload. */
static const struct {
	const char *name;
	uint32_t min_bytes;
	uint32_t max_bytes;
} page_types[] = {
    [PAGE_MESSAGE_HELLO] = {"HELLO", 8, 8},
    [PAGE_MESSAGE_PING] = {"PING", 0, 0},
    [PAGE_MESSAGE_JOIN] = {"JOIN", 0, 0},
    [PAGE_MESSAGE_JOINED] = {"JOINED", 16, 16},
    [PAGE_MESSAGE_REFUSED] = {"REFUSED", 8, 8 + PAGE_TEXT_MAX},
    [PAGE_MESSAGE_PART] = {"PART", 0, 0},
    [PAGE_MESSAGE_READ_REQUEST] = {"READ_REQUEST", 0, 0},
    [PAGE_MESSAGE_WRITE_REQUEST] = {"WRITE_REQUEST", 0, 0},
    [PAGE_MESSAGE_FETCH] = {"FETCH", 0, 0},
    [PAGE_MESSAGE_INVALIDATE] = {"INVALIDATE", 0, 0},
    [PAGE_MESSAGE_INVALIDATED] = {"INVALIDATED", 0, 0},
    [PAGE_MESSAGE_PAGE] = {"PAGE", 0, PAGE_BYTES},
    [PAGE_MESSAGE_GRANT] = {"GRANT", 0, 0},
    [PAGE_MESSAGE_DONE] = {"DONE", 0, 0},
    [PAGE_MESSAGE_LOST] = {"LOST", 0, 0},
    [PAGE_MESSAGE_RETURN] = {"RETURN", 0, 0},
    [PAGE_MESSAGE_RETURNED] = {"RETURNED", 0, 0},
    [PAGE_MESSAGE_LINK_LOST] = {"LINK_LOST", 0, 0},
    [PAGE_MESSAGE_BLOCK_REQUEST] = {"BLOCK_REQUEST", 0, 0},
    [PAGE_MESSAGE_BLOCK] = {"BLOCK", PAGE_BYTES, PAGE_BLOCK_MAX_BYTES},
    [PAGE_MESSAGE_BLOCK_LOST] = {"BLOCK_LOST", 0, 0},
    [PAGE_MESSAGE_BLOCK_ZERO] = {"BLOCK_ZERO", 0, 0},
    [PAGE_MESSAGE_BLOCK_ELSEWHERE] = {"BLOCK_ELSEWHERE", 0, 0},
};
static_assert(sizeof(page_types) / sizeof(page_types[0]) == PAGE_MESSAGE_NUM_TYPES,
	      "every type has a row");

const char *page_message_type_name(unsigned int type)
{
	if (type == 0 || type >= PAGE_MESSAGE_NUM_TYPES)
		return "unknown";
	return page_types[type].name;
}

static uint64_t frame_checksum(const uint8_t *frame, const struct page_message *message)
{
	uint64_t header = XXH3_64bits(frame, CHECKSUM_AT);
	size_t payload_bytes = message->bytes;

	if (!payload_bytes || message->type == PAGE_MESSAGE_BLOCK)
		return header;
	return XXH3_64bits_withSeed(frame + PAGE_MESSAGE_HEADER_BYTES, payload_bytes, header);
}

void page_message_seal(uint8_t *frame, const struct page_message *message)
{
	struct wire_writer writer;

	wire_writer_init(&writer, frame, PAGE_MESSAGE_HEADER_BYTES);
	wire_put_u32(&writer, PAGE_MESSAGE_MAGIC);
	wire_put_u16(&writer, PAGE_MESSAGE_VERSION);
	wire_put_u8(&writer, message->type);
	wire_put_u8(&writer, message->flags);
	wire_put_u32(&writer, message->epoch);
	wire_put_u32(&writer, message->sequence);
	wire_put_u64(&writer, message->object);
	wire_put_u64(&writer, message->transaction);
	wire_put_u64(&writer, message->first_page);
	wire_put_u32(&writer, message->page_count);
	wire_put_u8(&writer, message->access);
	wire_put_u8(&writer, message->mode);
	wire_put_u8(&writer, message->host);
	wire_put_u8(&writer, 0);
	wire_put_u32(&writer, message->bytes);
	wire_put_u32(&writer, message->membership);
	assert(writer.used == CHECKSUM_AT);
	wire_put_u64(&writer, frame_checksum(frame, message));
	assert(!writer.error);
}

/* Return: whether the payload's size fits the type, its flags and its page count. */
static bool size_is_right(const struct page_message *message)
{
	if (message->bytes < page_types[message->type].min_bytes ||
	    message->bytes > page_types[message->type].max_bytes)
		return false;
	if (message->type == PAGE_MESSAGE_PAGE)
		return message->bytes == (message->flags & PAGE_FLAG_ZERO ? 0 : PAGE_BYTES);
	if (message->type == PAGE_MESSAGE_BLOCK)
		return message->bytes == message->page_count * PAGE_BYTES;
	if (message->type >= PAGE_MESSAGE_BLOCK_REQUEST)
		return message->page_count >= 1 && message->page_count <= PAGE_EXTENT_PAGES;
	return true;
}

static int header_decode(const uint8_t *data, size_t bytes, struct page_message *ret_message,
			 uint64_t *ret_checksum)
{
	struct wire_reader reader;
	struct page_message message = {0};
	uint32_t magic;
	uint16_t version;
	uint8_t reserved;

	if (bytes < PAGE_MESSAGE_HEADER_BYTES)
		return -EAGAIN;
	wire_reader_init(&reader, data, PAGE_MESSAGE_HEADER_BYTES, NULL, 0);
	magic = wire_get_u32(&reader);
	version = wire_get_u16(&reader);
	message.type = wire_get_u8(&reader);
	message.flags = wire_get_u8(&reader);
	message.epoch = wire_get_u32(&reader);
	message.sequence = wire_get_u32(&reader);
	message.object = wire_get_u64(&reader);
	message.transaction = wire_get_u64(&reader);
	message.first_page = wire_get_u64(&reader);
	message.page_count = wire_get_u32(&reader);
	message.access = wire_get_u8(&reader);
	message.mode = wire_get_u8(&reader);
	message.host = wire_get_u8(&reader);
	reserved = wire_get_u8(&reader);
	message.bytes = wire_get_u32(&reader);
	message.membership = wire_get_u32(&reader);
	*ret_checksum = wire_get_u64(&reader);
	if (magic != PAGE_MESSAGE_MAGIC)
		return -EBADMSG;
	if (version != PAGE_MESSAGE_VERSION)
		return -EPROTO;
	if (reserved || (message.flags & ~PAGE_FLAGS_ALL) || message.type == 0 ||
	    message.type >= PAGE_MESSAGE_NUM_TYPES || !size_is_right(&message))
		return -EBADMSG;
	*ret_message = message;
	return 0;
}

int page_message_measure(const uint8_t *data, size_t bytes, size_t *ret_bytes)
{
	struct page_message message;
	uint64_t checksum;
	int r = header_decode(data, bytes, &message, &checksum);

	if (r)
		return r;
	*ret_bytes = PAGE_MESSAGE_HEADER_BYTES + (size_t)message.bytes;
	return 0;
}

int page_message_decode_block(const uint8_t *data, size_t bytes, struct page_message *ret_message)
{
	struct page_message message;
	uint64_t checksum;
	int r = header_decode(data, bytes, &message, &checksum);

	if (r)
		return r;
	if (message.type != PAGE_MESSAGE_BLOCK)
		return -ENOMSG;
	if (frame_checksum(data, &message) != checksum)
		return -EBADMSG;
	*ret_message = message;
	return 0;
}

int page_message_decode(const uint8_t *data, size_t bytes, struct page_message *ret_message)
{
	struct page_message message;
	uint64_t checksum;
	int r = header_decode(data, bytes, &message, &checksum);

	if (r)
		return r;
	if (bytes - PAGE_MESSAGE_HEADER_BYTES < message.bytes)
		return -EAGAIN;
	if (frame_checksum(data, &message) != checksum)
		return -EBADMSG;
	message.payload = data + PAGE_MESSAGE_HEADER_BYTES;
	*ret_message = message;
	return 0;
}

uint32_t page_hello_encode(const struct page_hello *hello, uint8_t *buffer, size_t capacity)
{
	struct wire_writer writer;

	wire_writer_init(&writer, buffer, capacity);
	wire_put_u32(&writer, hello->node);
	wire_put_u32(&writer, hello->kind);
	assert(!writer.error);
	return (uint32_t)writer.used;
}

int page_hello_decode(const struct page_message *message, struct page_hello *ret_hello)
{
	struct wire_reader reader;
	struct page_hello hello;

	wire_reader_init(&reader, message->payload, message->bytes, NULL, 0);
	hello.node = wire_get_u32(&reader);
	hello.kind = wire_get_u32(&reader);
	if (wire_reader_end(&reader) || hello.kind >= PAGE_CONNECTION_KINDS)
		return -EBADMSG;
	*ret_hello = hello;
	return 0;
}

uint32_t page_joined_encode(const struct page_joined *joined, uint8_t *buffer, size_t capacity)
{
	struct wire_writer writer;

	wire_writer_init(&writer, buffer, capacity);
	wire_put_u32(&writer, joined->kind);
	wire_put_u32(&writer, joined->lead);
	wire_put_u64(&writer, joined->bytes);
	assert(!writer.error);
	return (uint32_t)writer.used;
}

int page_joined_decode(const struct page_message *message, struct page_joined *ret_joined)
{
	struct wire_reader reader;
	struct page_joined joined;

	wire_reader_init(&reader, message->payload, message->bytes, NULL, 0);
	joined.kind = wire_get_u32(&reader);
	joined.lead = wire_get_u32(&reader);
	joined.bytes = wire_get_u64(&reader);
	if (wire_reader_end(&reader))
		return -EBADMSG;
	*ret_joined = joined;
	return 0;
}

uint32_t page_refusal_encode(const struct page_refusal *refusal, uint8_t *buffer, size_t capacity)
{
	struct wire_writer writer;
	uint32_t length = (uint32_t)strnlen(refusal->text, sizeof(refusal->text) - 1);

	wire_writer_init(&writer, buffer, capacity);
	wire_put_u32(&writer, refusal->code);
	wire_put_span(&writer, (struct wire_span){(const uint8_t *)refusal->text, length});
	assert(!writer.error);
	return (uint32_t)writer.used;
}

int page_refusal_decode(const struct page_message *message, struct page_refusal *ret_refusal)
{
	struct wire_reader reader;
	struct page_refusal refusal = {0};

	wire_reader_init(&reader, message->payload, message->bytes, NULL, 0);
	refusal.code = wire_get_u32(&reader);
	wire_get_text(&reader, refusal.text, sizeof(refusal.text));
	if (wire_reader_end(&reader) || refusal.code == 0)
		return -EBADMSG;
	*ret_refusal = refusal;
	return 0;
}

uint64_t page_digest(const void *page)
{
	return XXH3_64bits(page, PAGE_BYTES);
}

bool page_is_zero(const void *data, size_t bytes)
{
	const uint8_t *first = data;

	/* Equal to itself shifted by one byte and starting with zero: memcmp does the fast part. */
	return bytes == 0 || (first[0] == 0 && memcmp(first, first + 1, bytes - 1) == 0);
}
