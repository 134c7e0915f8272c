/*
 * The decoder of pager-to-pager messages. The input is a frame whose checksum is set right first,
 * because nothing gets past a wrong one; what is accepted seals to the same bytes, has the size
 * that was measured from its header alone, and its payload decodes or is refused.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "page/page_message.h"

#define TYPE_AT	    6u
#define CHECKSUM_AT 56u
#define FRAME_MAX   (PAGE_MESSAGE_HEADER_BYTES + PAGE_BLOCK_MAX_BYTES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_checksum(uint8_t *frame, size_t size)
{
	XXH64_hash_t sum = XXH3_64bits(frame, CHECKSUM_AT);

	if (size > PAGE_MESSAGE_HEADER_BYTES && frame[TYPE_AT] != PAGE_MESSAGE_BLOCK)
		sum = XXH3_64bits_withSeed(frame + PAGE_MESSAGE_HEADER_BYTES,
					   size - PAGE_MESSAGE_HEADER_BYTES, sum);
	for (unsigned int i = 0; i < 8; i++)
		frame[CHECKSUM_AT + i] = (uint8_t)(sum >> (8 * i));
}

static void check_payload(const struct page_message *message)
{
	struct page_hello hello;
	struct page_joined joined;
	struct page_refusal refusal;
	uint8_t again[8 + PAGE_TEXT_MAX];
	uint32_t bytes = 0;

	if (message->type == PAGE_MESSAGE_HELLO && page_hello_decode(message, &hello) == 0)
		bytes = page_hello_encode(&hello, again, sizeof(again));
	if (message->type == PAGE_MESSAGE_JOINED && page_joined_decode(message, &joined) == 0)
		bytes = page_joined_encode(&joined, again, sizeof(again));
	if (message->type == PAGE_MESSAGE_REFUSED && page_refusal_decode(message, &refusal) == 0)
		bytes = page_refusal_encode(&refusal, again, sizeof(again));
	if (bytes && (bytes != message->bytes || memcmp(again, message->payload, bytes) != 0))
		abort();
	if (message->type == PAGE_MESSAGE_BLOCK &&
	    message->bytes != message->page_count * PAGE_BYTES)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frame[FRAME_MAX], again[FRAME_MAX];
	struct page_message message, block;
	size_t measured = 0;
	int error;

	if (size > FRAME_MAX)
		return 0;
	memcpy(frame, data, size);
	if (size >= PAGE_MESSAGE_HEADER_BYTES)
		set_checksum(frame, size);
	error = page_message_decode(frame, size, &message);
	if (error && error != -EAGAIN && error != -EBADMSG && error != -EPROTO)
		abort();
	if (page_message_measure(frame, size, &measured) == 0 && measured > FRAME_MAX)
		abort();
	if (page_message_decode_block(frame, size, &block) == 0 &&
	    (block.type != PAGE_MESSAGE_BLOCK || block.bytes > PAGE_BLOCK_MAX_BYTES))
		abort();
	if (error)
		return 0;
	if (measured != PAGE_MESSAGE_HEADER_BYTES + (size_t)message.bytes || measured > size)
		abort();
	memcpy(again, frame, measured);
	page_message_seal(again, &message);
	if (memcmp(again, frame, measured) != 0)
		abort();
	check_payload(&message);
	return 0;
}
