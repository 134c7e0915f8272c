/*
 * Every struct of the message definitions as a table row: fill it with random values, encode,
 * decode, compare. One set of functions per struct, generated from the definitions themselves.
 */
#ifndef TESTS_UNIT_PROTOCOL_RANDOM_MESSAGE_H
#define TESTS_UNIT_PROTOCOL_RANDOM_MESSAGE_H

#include <stdbool.h>

#include "message/message.h"

/* How long variable fields become. */
enum fill_size { FILL_RANDOM, FILL_TO_THE_CAP, FILL_OVER_THE_CAP };

struct message_codec {
	const char *name;
	size_t struct_bytes;
	unsigned int capped_fields; /* BYTES, TEXT and ARRAY */
	void (*fill)(void *value, enum fill_size size);
	void (*encode)(struct wire_writer *writer, const void *value);
	void (*decode)(struct wire_reader *reader, void *value);
	bool (*equal)(const void *left, const void *right);
	/* Writes the message by hand with capped field number `over` one longer than its cap. */
	void (*encode_over)(struct wire_writer *writer, unsigned int over);
};

extern const struct message_codec message_codecs[];
extern const unsigned int message_codec_count;

/* Starts a new series of random values and takes back the memory of filled structs. */
void random_start(unsigned int seed);

#endif
