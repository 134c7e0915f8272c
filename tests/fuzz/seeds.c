/*
 * Writes what the fuzzers begin with, into DIRECTORY/HARNESS/NAME: one valid message of every type
 * and some that are nearly valid. Made by the codecs at build time, so that no seed can fall behind
 * the definitions and quietly test nothing.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "page/page_message.h"
#include "random_message.h"

#define SEED_MAX_BYTES	 (256u * 1024u)
#define STRUCT_MAX_BYTES 4096u
#define SHORT_BYTES	 1000u /* a fuzzer does more with short seeds */
#define TRIES		 10000u

static const char *seeds_directory;

static void die(const char *what)
{
	fprintf(stderr, "seeds: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void write_seed(const char *harness, const char *name, const void *data, size_t bytes)
{
	_cleanup_close_ int fd = -1;
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", seeds_directory, harness);
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		die(path);
	snprintf(path, sizeof(path), "%s/%s/%s", seeds_directory, harness, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes)
		die(path);
}

static void put_header(struct wire_writer *writer, const struct message_header *header)
{
	message_header_encode(writer, header);
	if (writer->error)
		die("a header does not fit");
}

static void write_header(const char *name, struct message_header header)
{
	uint8_t bytes[MESSAGE_HEADER_BYTES];
	struct wire_writer writer;

	wire_writer_init(&writer, bytes, sizeof(bytes));
	put_header(&writer, &header);
	write_seed("header", name, bytes, sizeof(bytes));
}

static void write_headers(void)
{
	struct message_header request = {.type = MESSAGE_vm_allocate, .bytes = 24, .sequence = 1};
	uint8_t bytes[MESSAGE_HEADER_BYTES];
	struct wire_writer writer;

	write_header("request", request);
	write_header("reply", (struct message_header){.type = MESSAGE_vm_allocate,
						      .flags = MESSAGE_REPLY,
						      .bytes = 8,
						      .sequence = 1});
	write_header("refusal", (struct message_header){.type = MESSAGE_vm_read,
							.flags = MESSAGE_REPLY,
							.bytes = 20,
							.result = 1});
	write_header("largest", (struct message_header){.type = MESSAGE_vm_read,
							.flags = MESSAGE_REPLY,
							.bytes = MESSAGE_MAX_PAYLOAD});
	write_header("over_the_limit", (struct message_header){.type = MESSAGE_vm_read,
							       .flags = MESSAGE_REPLY,
							       .bytes = MESSAGE_MAX_PAYLOAD + 1});
	wire_writer_init(&writer, bytes, sizeof(bytes));
	put_header(&writer, &request);
	write_seed("header", "short", bytes, sizeof(bytes) - 1);
	bytes[0]++;
	write_seed("header", "wrong_magic", bytes, sizeof(bytes));
	bytes[0]--;
	bytes[4]++;
	write_seed("header", "other_version", bytes, sizeof(bytes));
}

/* The first byte says in which pieces the stream behind it arrives: of one byte more than that. */
static void write_links(void)
{
	static uint8_t stream[SEED_MAX_BYTES];
	static const char *const names[] = {"byte_by_byte", "sevens", "whole"};
	static const uint8_t pieces[] = {0, 6, 255};
	struct message_header empty = {.type = MESSAGE_peer_ping, .sequence = 1};
	struct message_header full = {.type = MESSAGE_vm_write, .bytes = 5, .sequence = 2};
	struct wire_writer writer;
	size_t two, many;

	wire_writer_init(&writer, stream, sizeof(stream));
	wire_put_u8(&writer, 0);
	put_header(&writer, &empty);
	put_header(&writer, &full);
	for (unsigned int i = 0; i < full.bytes; i++)
		wire_put_u8(&writer, 'a');
	two = writer.used;
	while (writer.used < 2000)
		put_header(&writer, &empty);
	many = writer.used;
	for (unsigned int i = 0; i < 3; i++) {
		stream[0] = pieces[i];
		write_seed("link", names[i], stream, two);
	}
	stream[0] = 63;
	write_seed("link", "many", stream, many);
	write_seed("link", "cut_off", stream, two - 3);
	memset(stream + two, 0xa5, 40);
	write_seed("link", "garbage_behind", stream, two + 40);
	empty.bytes = MESSAGE_MAX_PAYLOAD + 1;
	wire_writer_init(&writer, stream + 1, MESSAGE_HEADER_BYTES);
	put_header(&writer, &empty);
	write_seed("link", "over_the_limit", stream, 1 + MESSAGE_HEADER_BYTES);
}

/* The first byte is the struct's place among all, as in fuzz_message.c. */
static void write_struct(unsigned int index)
{
	static uint8_t bytes[SEED_MAX_BYTES];
	static uint64_t value[STRUCT_MAX_BYTES / sizeof(uint64_t)];
	const struct message_codec *codec = &message_codecs[index];
	struct wire_writer writer = {.error = -ENOSPC};

	if (index > UINT8_MAX || codec->struct_bytes > sizeof(value))
		die("a struct has no place in one byte, or none in memory");
	for (unsigned int try = 0; writer.error || writer.used > SHORT_BYTES; try++) {
		if (try == TRIES)
			die(codec->name);
		random_start(try);
		codec->fill(value, FILL_RANDOM);
		wire_writer_init(&writer, bytes, sizeof(bytes));
		wire_put_u8(&writer, (uint8_t)index);
		codec->encode(&writer, value);
	}
	write_seed("message", codec->name, bytes, writer.used);
}

static void write_page_message(uint8_t type)
{
	static uint8_t frame[PAGE_MESSAGE_HEADER_BYTES + PAGE_BYTES];
	uint8_t *payload = frame + PAGE_MESSAGE_HEADER_BYTES;
	struct page_hello hello = {.node = 3, .kind = PAGE_CONNECTION_BULK};
	struct page_joined joined = {.kind = 1, .lead = 8192, .bytes = 4096};
	struct page_refusal refusal = {.code = 29, .text = "there is no such object"};
	struct page_message message = {
	    .type = type,
	    .epoch = 5,
	    .sequence = 7,
	    .object = 0x0001aabb00000005,
	    .transaction = 9,
	    .first_page = 99,
	    .page_count = 1,
	    .access = 1,
	    .host = 62,
	};
	char name[64];

	memset(payload, 0x5a, PAGE_BYTES);
	if (type == PAGE_MESSAGE_HELLO)
		message.bytes = page_hello_encode(&hello, payload, PAGE_BYTES);
	else if (type == PAGE_MESSAGE_JOINED)
		message.bytes = page_joined_encode(&joined, payload, PAGE_BYTES);
	else if (type == PAGE_MESSAGE_REFUSED)
		message.bytes = page_refusal_encode(&refusal, payload, PAGE_BYTES);
	else if (type == PAGE_MESSAGE_PAGE || type == PAGE_MESSAGE_BLOCK)
		message.bytes = PAGE_BYTES;
	page_message_seal(frame, &message);
	snprintf(name, sizeof(name), "%s", page_message_type_name(type));
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	write_seed("page", name, frame, PAGE_MESSAGE_HEADER_BYTES + message.bytes);
	message.flags = PAGE_FLAG_ZERO;
	message.bytes = 0;
	page_message_seal(frame, &message);
	if (type == PAGE_MESSAGE_PAGE)
		write_seed("page", "page_zero", frame, PAGE_MESSAGE_HEADER_BYTES);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s NEW-DIRECTORY\n", argv[0]);
		return EXIT_FAILURE;
	}
	seeds_directory = argv[1];
	if (mkdir(seeds_directory, 0777) < 0)
		die(seeds_directory);
	write_headers();
	write_links();
	for (unsigned int i = 0; i < message_codec_count; i++)
		write_struct(i);
	for (uint8_t type = 1; type < PAGE_MESSAGE_NUM_TYPES; type++)
		write_page_message(type);
	return EXIT_SUCCESS;
}
