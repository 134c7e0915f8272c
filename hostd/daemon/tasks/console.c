/*
 * A ring of bytes and a ring of bits. Both are copied into larger ones until they have the
 * capacity: each byte so moves once on average.
 */
#include "console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 256u

void console_init(struct console *console, size_t capacity)
{
	*console = (struct console){.capacity = capacity};
}

void console_done(struct console *console)
{
	free(console->bytes);
	free(console->streams);
	console->bytes = console->streams = NULL;
	console->room = 0;
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

static enum console_stream stream_at(const struct console *console, uint64_t offset)
{
	size_t at = (size_t)(offset % console->room);

	return console->streams[at / 8] >> (at & 7) & 1 ? CONSOLE_STDERR : CONSOLE_STDOUT;
}

static void put_byte(struct console *console, enum console_stream stream, uint8_t byte)
{
	size_t at = (size_t)(console->end++ % console->room);
	uint8_t bit = (uint8_t)(1u << (at & 7));

	console->bytes[at] = byte;
	if (stream == CONSOLE_STDERR)
		console->streams[at / 8] |= bit;
	else
		console->streams[at / 8] &= (uint8_t)~bit;
}

/* Moves what is there into rings of another size, at least what is used. Return: 0, -ENOMEM. */
static int console_resize(struct console *console, size_t room)
{
	struct console to = *console;

	to.room = room;
	to.end = to.start;
	to.bytes = malloc(room);
	to.streams = calloc(1, (room + 7) / 8);
	if (!to.bytes || !to.streams) {
		console_done(&to);
		return -ENOMEM;
	}
	for (uint64_t at = console->start; at < console->end; at++)
		put_byte(&to, stream_at(console, at), console->bytes[at % console->room]);
	console_done(console);
	*console = to;
	return 0;
}

/* Return: 0 with memory for so many more bytes, or for as many as are ever kept; -ENOMEM. */
static int console_make_room(struct console *console, size_t bytes)
{
	size_t used = console_used(console);
	size_t room = console->room ? console->room : ROOM_LEAST;

	while (room < console->capacity && room - used < bytes)
		room *= 2;
	if (room > console->capacity)
		room = console->capacity;
	return room == console->room ? 0 : console_resize(console, room);
}

void console_seal(struct console *console)
{
	size_t used = console_used(console);

	if (!used)
		console_done(console);
	else if (used < console->room)
		console_resize(console, used); /* without memory for it, it stays as it is */
}

int64_t console_append(struct console *console, enum console_stream stream, const uint8_t *data,
		       size_t bytes, uint64_t keep_from)
{
	uint64_t kept = keep_from > console->start ? keep_from : console->start;
	size_t taken = bytes;

	if (keep_from != UINT64_MAX) {
		size_t held = kept < console->end ? (size_t)(console->end - kept) : 0;
		size_t room = console->capacity - held;

		taken = bytes < room ? bytes : room;
	}
	if (console_make_room(console, taken))
		return -ENOMEM;
	for (size_t i = 0; i < taken; i++)
		put_byte(console, stream, data[i]);
	if (console_used(console) > console->capacity)
		console->start = console->end - console->capacity;
	return (int64_t)taken;
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
		data[count] = console->bytes[(from + count) % console->room];
		count++;
	}
	*ret_stream = stream;
	return count;
}
