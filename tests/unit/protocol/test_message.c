/*
 * The codecs of all messages: what goes in comes out, and nothing malformed gets in.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message/names.h"
#include "random_message.h"
#include "run_suite.h"

#define ROUNDS 200
/* More than any message, so that over-long ones can be made. */
#define BUFFER_BYTES (1024u * 1024u)
#define STRUCT_BYTES 4096u

static uint8_t encoded[BUFFER_BYTES], again[BUFFER_BYTES];
static uint64_t scratch[MESSAGE_MAX_SCRATCH / 8];
static uint64_t value[STRUCT_BYTES / 8], decoded[STRUCT_BYTES / 8];

static size_t encode(const struct message_codec *codec, const void *from, uint8_t *to)
{
	struct wire_writer writer;

	ck_assert_uint_le(codec->struct_bytes, STRUCT_BYTES);
	wire_writer_init(&writer, to, BUFFER_BYTES);
	codec->encode(&writer, from);
	ck_assert_msg(!writer.error, "%s: encode: %d", codec->name, writer.error);
	return writer.used;
}

/* The bytes are decoded from a block of exactly their size: a sanitizer sees reads beyond it. */
static int decode(const struct message_codec *codec, const uint8_t *bytes, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	struct wire_reader reader;
	int error;

	memcpy(exact, bytes, size);
	wire_reader_init(&reader, exact, size, scratch, sizeof(scratch));
	codec->decode(&reader, decoded);
	error = wire_reader_end(&reader);
	free(exact);
	return error;
}

static void check_round_trip(const struct message_codec *codec, enum fill_size size)
{
	struct wire_reader reader;
	size_t bytes;

	codec->fill(value, size);
	bytes = encode(codec, value, encoded);
	ck_assert_msg(bytes <= MESSAGE_MAX_PAYLOAD, "%s is %zu bytes long", codec->name, bytes);
	wire_reader_init(&reader, encoded, bytes, scratch, sizeof(scratch));
	codec->decode(&reader, decoded);
	ck_assert_msg(wire_reader_end(&reader) == 0, "%s: decode: %d", codec->name, reader.error);
	ck_assert_msg(codec->equal(value, decoded), "%s: values changed", codec->name);
	ck_assert_uint_eq(encode(codec, decoded, again), bytes);
	ck_assert_msg(memcmp(encoded, again, bytes) == 0, "%s: bytes changed", codec->name);
}

START_TEST(every_message_round_trips)
{
	const struct message_codec *codec = &message_codecs[_i];

	for (unsigned int round = 0; round < ROUNDS; round++) {
		random_start(round);
		check_round_trip(codec, FILL_RANDOM);
	}
}
END_TEST

START_TEST(every_message_at_its_caps_fits_payload_and_scratch)
{
	random_start(1);
	check_round_trip(&message_codecs[_i], FILL_TO_THE_CAP);
}
END_TEST

START_TEST(every_truncated_message_is_refused)
{
	const struct message_codec *codec = &message_codecs[_i];

	for (unsigned int round = 0; round < 2; round++) {
		size_t bytes;

		random_start(round);
		codec->fill(value, FILL_RANDOM);
		bytes = encode(codec, value, encoded);
		for (size_t cut = 0; cut < bytes; cut++)
			ck_assert_msg(decode(codec, encoded, cut) == -EBADMSG,
				      "%s: %zu of %zu bytes were accepted", codec->name, cut,
				      bytes);
	}
}
END_TEST

START_TEST(every_message_with_a_byte_too_many_is_refused)
{
	const struct message_codec *codec = &message_codecs[_i];
	size_t bytes;

	random_start(2);
	codec->fill(value, FILL_RANDOM);
	bytes = encode(codec, value, encoded);
	encoded[bytes] = 0;
	ck_assert_int_eq(decode(codec, encoded, bytes + 1), -EBADMSG);
}
END_TEST

START_TEST(every_field_over_its_cap_is_refused)
{
	const struct message_codec *codec = &message_codecs[_i];

	for (unsigned int field = 0; field < codec->capped_fields; field++) {
		struct wire_writer writer;

		wire_writer_init(&writer, encoded, sizeof(encoded));
		codec->encode_over(&writer, field);
		ck_assert_int_eq(writer.error, 0);
		ck_assert_msg(decode(codec, encoded, writer.used) == -EBADMSG,
			      "%s: capped field %u was accepted over its cap", codec->name, field);
	}
}
END_TEST

START_TEST(encoding_over_a_cap_fails)
{
	struct vm_read_reply reply = {.data = {.data = encoded, .bytes = MESSAGE_MAX_DATA + 1}};
	static struct port_name names[65];
	struct task_threads_reply threads = {.threads = names, .threads_count = 65};
	struct wire_writer writer;

	wire_writer_init(&writer, again, sizeof(again));
	vm_read_reply_encode(&writer, &reply);
	ck_assert_int_eq(writer.error, -EMSGSIZE);
	wire_writer_init(&writer, again, sizeof(again));
	task_threads_reply_encode(&writer, &threads);
	ck_assert_int_eq(writer.error, -EMSGSIZE);
}
END_TEST

START_TEST(encoding_into_too_little_room_fails_and_stays_inside)
{
	struct vm_allocate_request request = {.task = 1, .address = 2, .size = 3};
	struct wire_writer writer;

	memset(again, 0xee, 32);
	wire_writer_init(&writer, again, 19);
	vm_allocate_request_encode(&writer, &request);
	ck_assert_int_eq(writer.error, -ENOSPC);
	ck_assert_uint_le(writer.used, 19);
	ck_assert_uint_eq(again[19], 0xee);
}
END_TEST

START_TEST(a_list_without_scratch_is_enospc)
{
	static const uint8_t one_name[] = {1, 0, 0, 0, 7, 0, 0, 0};
	struct task_threads_reply reply;
	struct wire_reader reader;

	wire_reader_init(&reader, one_name, sizeof(one_name), NULL, 0);
	task_threads_reply_decode(&reader, &reply);
	ck_assert_int_eq(wire_reader_end(&reader), -ENOSPC);
	ck_assert_uint_eq(reply.threads_count, 0);
}
END_TEST

START_TEST(a_text_with_a_zero_inside_is_refused)
{
	static const uint8_t text[] = {3, 0, 0, 0, 'a', 0, 'b'};
	struct failure failure;
	struct wire_reader reader;

	wire_reader_init(&reader, text, sizeof(text), NULL, 0);
	failure_decode(&reader, &failure);
	ck_assert_int_eq(wire_reader_end(&reader), -EBADMSG);
}
END_TEST

START_TEST(a_text_that_fills_its_array_is_cut_and_ends)
{
	struct failure failure, received;
	struct wire_writer writer;
	struct wire_reader reader;

	memset(failure.text, 'a', sizeof(failure.text));
	wire_writer_init(&writer, again, sizeof(again));
	failure_encode(&writer, &failure);
	wire_reader_init(&reader, again, writer.used, NULL, 0);
	failure_decode(&reader, &received);
	ck_assert_int_eq(wire_reader_end(&reader), 0);
	ck_assert_uint_eq(strlen(received.text), MESSAGE_MAX_TEXT - 1);
}
END_TEST

START_TEST(numbers_travel_little_endian)
{
	struct vm_deallocate_request request = {
	    .task = 0x01020304,
	    .address = 0x1112131415161718,
	    .size = 0x2122232425262728,
	};
	static const uint8_t expected[] = {4,	 3,    2,    1,	   0x18, 0x17, 0x16,
					   0x15, 0x14, 0x13, 0x12, 0x11, 0x28, 0x27,
					   0x26, 0x25, 0x24, 0x23, 0x22, 0x21};
	struct wire_writer writer;

	wire_writer_init(&writer, again, sizeof(again));
	vm_deallocate_request_encode(&writer, &request);
	ck_assert_uint_eq(writer.used, sizeof(expected));
	ck_assert_mem_eq(again, expected, sizeof(expected));
}
END_TEST

START_TEST(an_encoded_thread_state_has_its_stated_length)
{
	struct thread_state64 state = {0};
	struct wire_writer writer;

	wire_writer_init(&writer, again, sizeof(again));
	thread_state64_encode(&writer, &state);
	ck_assert_uint_eq(writer.used, THREAD_STATE64_BYTES);
}
END_TEST

START_TEST(calls_have_a_route_and_an_executor)
{
	ck_assert_int_eq(message_type_route(MESSAGE_vm_allocate), ROUTE_TASK);
	ck_assert_int_eq(message_type_executor(MESSAGE_vm_allocate), EXECUTOR_VMM);
	ck_assert_int_eq(message_type_route(MESSAGE_norma_run_begin), ROUTE_NODE);
	ck_assert_int_eq(message_type_executor(MESSAGE_norma_task_clone), EXECUTOR_HOSTD);
	ck_assert_str_eq(message_type_name(MESSAGE_thread_resume), "thread_resume");
}
END_TEST

START_TEST(control_messages_and_unknown_types_have_no_route)
{
	static const uint16_t types[] = {0,   39,  99,	MESSAGE_vmm_become, MESSAGE_peer_ping,
					 199, 505, 9999};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		ck_assert_int_eq(message_type_route(types[i]), ROUTE_NONE);
		ck_assert_int_eq(message_type_executor(types[i]), EXECUTOR_NONE);
	}
	ck_assert_str_eq(message_type_name(9999), "unknown");
}
END_TEST

START_TEST(names_keep_what_they_are_made_of)
{
	uint32_t task = name_of_task(255, 65535);
	uint32_t thread = name_of_thread(task, 63);

	ck_assert_int_eq(name_kind(task), NAME_TASK);
	ck_assert_int_eq(name_node(task), 255);
	ck_assert_uint_eq(name_serial(task), 65535);
	ck_assert_int_eq(name_kind(thread), NAME_THREAD);
	ck_assert_uint_eq(name_thread_index(thread), 63);
	ck_assert_uint_eq(name_task_of_thread(thread), task);
	ck_assert_int_eq(name_kind(name_of_host(3)), NAME_HOST);
	ck_assert_int_eq(name_node(name_of_host(3)), 3);
	ck_assert_int_eq(name_kind(0), NAME_NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("message");
	TCase *all = tcase_create("every message"), *some = tcase_create("details");
	int count = (int)message_codec_count;

	suite_add_tcase(suite, all);
	suite_add_tcase(suite, some);
	tcase_add_loop_test(all, every_message_round_trips, 0, count);
	tcase_add_loop_test(all, every_message_at_its_caps_fits_payload_and_scratch, 0, count);
	tcase_add_loop_test(all, every_truncated_message_is_refused, 0, count);
	tcase_add_loop_test(all, every_message_with_a_byte_too_many_is_refused, 0, count);
	tcase_add_loop_test(all, every_field_over_its_cap_is_refused, 0, count);
	tcase_add_test(some, encoding_over_a_cap_fails);
	tcase_add_test(some, encoding_into_too_little_room_fails_and_stays_inside);
	tcase_add_test(some, a_list_without_scratch_is_enospc);
	tcase_add_test(some, a_text_with_a_zero_inside_is_refused);
	tcase_add_test(some, a_text_that_fills_its_array_is_cut_and_ends);
	tcase_add_test(some, numbers_travel_little_endian);
	tcase_add_test(some, an_encoded_thread_state_has_its_stated_length);
	tcase_add_test(some, calls_have_a_route_and_an_executor);
	tcase_add_test(some, control_messages_and_unknown_types_have_no_route);
	tcase_add_test(some, names_keep_what_they_are_made_of);
	return run_suite(suite);
}
