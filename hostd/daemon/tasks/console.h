/*
 * A task's console output: the last `capacity` bytes, each with its stream (one bit), addressed by
 * the number of bytes that came before it. Memory grows with the output: most tasks say little, and
 * hundreds of them may live, and many more have their last words kept.
 */
#ifndef DAEMON_CONSOLE_H
#define DAEMON_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

#include "message/message.h"

struct console {
	size_t capacity;
	size_t room;	  /* bytes that there is memory for; at most `capacity` */
	uint8_t *bytes;	  /* byte i is at i % room */
	uint8_t *streams; /* bit i % room: 1 is standard error */
	uint64_t start;	  /* the oldest byte that is still there */
	uint64_t end;	  /* where the next byte goes */
};

void console_init(struct console *console, size_t capacity);
void console_done(struct console *console);

/*
 * Takes output, dropping older bytes before `keep_from` to make room (UINT64_MAX: as many as it
 * takes). Return: how many bytes were taken, from the front; -ENOMEM.
 */
int64_t console_append(struct console *console, enum console_stream stream, const uint8_t *data,
		       size_t bytes, uint64_t keep_from);

/*
 * Copies output from `offset` on, of one stream, at most `capacity` bytes. Return: the number of
 * bytes; *ret_offset says where they begin (later than asked when they were dropped).
 */
size_t console_copy(const struct console *console, uint64_t offset, uint8_t *data, size_t capacity,
		    uint64_t *ret_offset, uint32_t *ret_stream);

/* Return: bytes that can be read. */
size_t console_used(const struct console *console);
/* No more output comes: gives back the memory that holds none. */
void console_seal(struct console *console);
/* Drops all bytes and their memory; offsets stay. */
void console_drop(struct console *console);

#endif
