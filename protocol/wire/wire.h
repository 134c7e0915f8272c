/*
 * Field-by-field little-endian encoding, the only way anything travels. A writer and a reader walk
 * a caller's buffer; the first error sticks and every later operation is a no-op, so a codec checks
 * once at its end. Freestanding: used by guests as well.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes inside a buffer that somebody else owns. */
struct wire_span {
	const uint8_t *data;
	uint32_t bytes;
};

struct wire_writer {
	uint8_t *data;
	size_t capacity;
	size_t used;
	int error; /* 0, -ENOSPC (buffer full) or -EMSGSIZE (a field over its cap) */
};

struct wire_reader {
	const uint8_t *data;
	size_t bytes;
	size_t at;
	int error; /* 0, -EBADMSG (malformed) or -ENOSPC (scratch too small) */
	uint8_t *scratch;
	size_t scratch_bytes;
};

void wire_writer_init(struct wire_writer *writer, void *data, size_t capacity);
void wire_put_u8(struct wire_writer *writer, uint8_t value);
void wire_put_u16(struct wire_writer *writer, uint16_t value);
void wire_put_u32(struct wire_writer *writer, uint32_t value);
void wire_put_u64(struct wire_writer *writer, uint64_t value);
/* A u32 length and the bytes. */
void wire_put_span(struct wire_writer *writer, struct wire_span span);

/*
 * Reads `bytes` bytes at `data`. Arrays are decoded into `scratch` (may be NULL when the message
 * has none); both must outlive what was decoded.
 */
void wire_reader_init(struct wire_reader *reader, const void *data, size_t bytes, void *scratch,
		      size_t scratch_bytes);
uint8_t wire_get_u8(struct wire_reader *reader);
uint16_t wire_get_u16(struct wire_reader *reader);
uint32_t wire_get_u32(struct wire_reader *reader);
uint64_t wire_get_u64(struct wire_reader *reader);
/* Points into the reader's data. More than max_bytes is malformed. */
struct wire_span wire_get_span(struct wire_reader *reader, uint32_t max_bytes);
/* A NUL-terminated copy; `text` is capacity bytes long. An embedded NUL is malformed. */
void wire_get_text(struct wire_reader *reader, char *text, uint32_t capacity);
/* Room for count elements in the scratch area. Return: NULL after an error or when count is 0. */
void *wire_scratch(struct wire_reader *reader, uint32_t count, size_t element_bytes);
/* Return: 0 when everything was read and nothing is left over, else the error. */
int wire_reader_end(struct wire_reader *reader);

#endif
