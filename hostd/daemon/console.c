/*
 * A ring of bytes and a ring of bits.
 */
#include "console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void console_init(struct console *console, size_t capacity)
{
	*console = (struct console){.capacity = capacity};
}

void console_done(struct console *console)
{
	free(console->bytes);
	free(console->streams);
	console->bytes = console->streams = NULL;
}

void console_drop(struct console *console)
{
	console_done(console);
	console->start = console->end;
}

size_t console_used(const struct console *console)
{
	return (size_t)(console->end - console->start);
}

static int console_allocate(struct console *console)
{
	if (!console->bytes)
		console->bytes = malloc(console->capacity);
	if (!console->streams)
		console->streams = calloc(1, (console->capacity + 7) / 8);
	return console->bytes && console->streams ? 0 : -ENOMEM;
}

static void put_byte(struct console *console, enum console_stream stream, uint8_t byte)
{
	size_t at = (size_t)(console->end++ % console->capacity);
	uint8_t bit = (uint8_t)(1u << (at & 7));

	console->bytes[at] = byte;
	if (stream == CONSOLE_STDERR)
		console->streams[at / 8] |= bit;
	else
		console->streams[at / 8] &= (uint8_t)~bit;
}

int64_t console_append(struct console *console, enum console_stream stream, const uint8_t *data,
		       size_t bytes, uint64_t keep_from)
{
	uint64_t kept = keep_from > console->start ? keep_from : console->start;
	size_t taken = bytes;

	if (console_allocate(console))
		return -ENOMEM;
	if (keep_from != UINT64_MAX) {
		size_t held = kept < console->end ? (size_t)(console->end - kept) : 0;
		size_t room = console->capacity - held;

		taken = bytes < room ? bytes : room;
	}
	for (size_t i = 0; i < taken; i++)
		put_byte(console, stream, data[i]);
	if (console_used(console) > console->capacity)
		console->start = console->end - console->capacity;
	return (int64_t)taken;
}

static enum console_stream stream_at(const struct console *console, uint64_t offset)
{
	size_t at = (size_t)(offset % console->capacity);

	return console->streams[at / 8] >> (at & 7) & 1 ? CONSOLE_STDERR : CONSOLE_STDOUT;
}

size_t console_copy(const struct console *console, uint64_t offset, uint8_t *data, size_t capacity,
		    uint64_t *ret_offset, uint32_t *ret_stream)
{
	uint64_t from = offset > console->start ? offset : console->start;
	enum console_stream stream;
	size_t count = 0;

	*ret_offset = from;
	*ret_stream = CONSOLE_STDOUT;
	if (from >= console->end)
		return 0;
	stream = stream_at(console, from);
	while (count < capacity && from + count < console->end &&
	       stream_at(console, from + count) == stream) {
		data[count] = console->bytes[(from + count) % console->capacity];
		count++;
	}
	*ret_stream = stream;
	return count;
}
