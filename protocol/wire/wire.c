/*
 * The little-endian writer and reader. No allocation, no libc beyond memcpy, memchr and memset.
 */
#include "wire/wire.h"

#include <errno.h>
#include <string.h>

void wire_writer_init(struct wire_writer *writer, void *data, size_t capacity)
{
	*writer = (struct wire_writer){.data = data, .capacity = capacity};
}

static uint8_t *writer_room(struct wire_writer *writer, size_t bytes)
{
	uint8_t *room;

	if (writer->error)
		return NULL;
	if (writer->capacity - writer->used < bytes) {
		writer->error = -ENOSPC;
		return NULL;
	}
	room = writer->data + writer->used;
	writer->used += bytes;
	return room;
}

static void put_le(struct wire_writer *writer, uint64_t value, size_t bytes)
{
	uint8_t *room = writer_room(writer, bytes);

	for (size_t i = 0; room && i < bytes; i++)
		room[i] = (uint8_t)(value >> (8 * i));
}

void wire_put_u8(struct wire_writer *writer, uint8_t value)
{
	put_le(writer, value, 1);
}

void wire_put_u16(struct wire_writer *writer, uint16_t value)
{
	put_le(writer, value, 2);
}

void wire_put_u32(struct wire_writer *writer, uint32_t value)
{
	put_le(writer, value, 4);
}

void wire_put_u64(struct wire_writer *writer, uint64_t value)
{
	put_le(writer, value, 8);
}

void wire_put_span(struct wire_writer *writer, struct wire_span span)
{
	uint8_t *room;

	wire_put_u32(writer, span.bytes);
	room = writer_room(writer, span.bytes);
	if (room && span.bytes)
		memcpy(room, span.data, span.bytes);
}

void wire_reader_init(struct wire_reader *reader, const void *data, size_t bytes, void *scratch,
		      size_t scratch_bytes)
{
	*reader = (struct wire_reader){
	    .data = data,
	    .bytes = bytes,
	    .scratch = scratch,
	    .scratch_bytes = scratch_bytes,
	};
}

static const uint8_t *reader_take(struct wire_reader *reader, size_t bytes)
{
	const uint8_t *taken;

	if (reader->error)
		return NULL;
	if (reader->bytes - reader->at < bytes) {
		reader->error = -EBADMSG;
		return NULL;
	}
	taken = reader->data + reader->at;
	reader->at += bytes;
	return taken;
}

static uint64_t get_le(struct wire_reader *reader, size_t bytes)
{
	const uint8_t *taken = reader_take(reader, bytes);
	uint64_t value = 0;

	for (size_t i = 0; taken && i < bytes; i++)
		value |= (uint64_t)taken[i] << (8 * i);
	return value;
}

uint8_t wire_get_u8(struct wire_reader *reader)
{
	return (uint8_t)get_le(reader, 1);
}

uint16_t wire_get_u16(struct wire_reader *reader)
{
	return (uint16_t)get_le(reader, 2);
}

uint32_t wire_get_u32(struct wire_reader *reader)
{
	return (uint32_t)get_le(reader, 4);
}

uint64_t wire_get_u64(struct wire_reader *reader)
{
	return get_le(reader, 8);
}

struct wire_span wire_get_span(struct wire_reader *reader, uint32_t max_bytes)
{
	struct wire_span span = {.bytes = wire_get_u32(reader)};

	if (span.bytes > max_bytes && !reader->error)
		reader->error = -EBADMSG;
	span.data = reader_take(reader, span.bytes);
	if (!span.data)
		span.bytes = 0;
	return span;
}

void wire_get_text(struct wire_reader *reader, char *text, uint32_t capacity)
{
	struct wire_span span = wire_get_span(reader, capacity - 1);

	if (span.bytes && memchr(span.data, 0, span.bytes)) {
		reader->error = -EBADMSG;
		span.bytes = 0;
	}
	if (span.bytes)
		memcpy(text, span.data, span.bytes);
	text[span.bytes] = 0;
}

void *wire_scratch(struct wire_reader *reader, uint32_t count, size_t element_bytes)
{
	size_t misaligned = (size_t)((uintptr_t)reader->scratch & 7);
	size_t skip = misaligned ? 8 - misaligned : 0;
	size_t bytes = (size_t)count * element_bytes; /* count is capped by its field */
	void *room;

	if (reader->error || !count)
		return NULL;
	if (reader->scratch_bytes < skip || reader->scratch_bytes - skip < bytes) {
		reader->error = -ENOSPC;
		return NULL;
	}
	room = reader->scratch + skip;
	reader->scratch += skip + bytes;
	reader->scratch_bytes -= skip + bytes;
	return room;
}

int wire_reader_end(struct wire_reader *reader)
{
	if (!reader->error && reader->at != reader->bytes)
		reader->error = -EBADMSG;
	return reader->error;
}
