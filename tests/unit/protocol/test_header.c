/*
 * The message header: 32 bytes with fixed places, and nothing but a proper one is accepted.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message/header.h"
#include "run_suite.h"

static const struct message_header sample = {
    .type = 0x0102,
    .flags = MESSAGE_REPLY,
    .bytes = 0x00010304,
    .sequence = 0x1112131415161718,
    .result = -2,
    .uid = 0x21222324,
};

static uint8_t bytes[MESSAGE_HEADER_BYTES];

static void encode_sample(void)
{
	struct wire_writer writer;

	wire_writer_init(&writer, bytes, sizeof(bytes));
	message_header_encode(&writer, &sample);
	ck_assert_int_eq(writer.error, 0);
	ck_assert_uint_eq(writer.used, MESSAGE_HEADER_BYTES);
}

static int decode_bytes(void)
{
	struct message_header header;

	return message_header_decode(bytes, sizeof(bytes), &header);
}

START_TEST(header_has_the_documented_layout)
{
	static const uint8_t expected[MESSAGE_HEADER_BYTES] = {
	    'N',  'O',	'R',  'A',  4,	  0,	0x02, 0x01, 1,	  0,	0,
	    0,	  0x04, 0x03, 0x01, 0,	  0x18, 0x17, 0x16, 0x15, 0x14, 0x13,
	    0x12, 0x11, 0xfe, 0xff, 0xff, 0xff, 0x24, 0x23, 0x22, 0x21,
	};

	encode_sample();
	ck_assert_mem_eq(bytes, expected, sizeof(expected));
}
END_TEST

START_TEST(header_round_trips)
{
	struct message_header header;

	encode_sample();
	ck_assert_int_eq(message_header_decode(bytes, sizeof(bytes), &header), 0);
	ck_assert_uint_eq(header.type, sample.type);
	ck_assert_uint_eq(header.flags, sample.flags);
	ck_assert_uint_eq(header.bytes, sample.bytes);
	ck_assert_uint_eq(header.sequence, sample.sequence);
	ck_assert_int_eq(header.result, sample.result);
	ck_assert_uint_eq(header.uid, sample.uid);
}
END_TEST

START_TEST(short_header_is_ebadmsg)
{
	struct message_header header;

	encode_sample();
	ck_assert_int_eq(message_header_decode(bytes, (size_t)_i, &header), -EBADMSG);
}
END_TEST

START_TEST(wrong_magic_is_ebadmsg)
{
	encode_sample();
	bytes[_i] ^= 0x20;
	ck_assert_int_eq(decode_bytes(), -EBADMSG);
}
END_TEST

START_TEST(other_version_is_eproto)
{
	encode_sample();
	bytes[4] = MESSAGE_VERSION + 1;
	ck_assert_int_eq(decode_bytes(), -EPROTO);
}
END_TEST

START_TEST(unknown_flags_are_ebadmsg)
{
	encode_sample();
	bytes[8] |= 2;
	ck_assert_int_eq(decode_bytes(), -EBADMSG);
}
END_TEST

START_TEST(reserved_bytes_must_be_zero)
{
	encode_sample();
	bytes[10 + _i] = 1;
	ck_assert_int_eq(decode_bytes(), -EBADMSG);
}
END_TEST

START_TEST(payload_over_the_limit_is_ebadmsg)
{
	struct wire_writer writer;

	encode_sample();
	wire_writer_init(&writer, bytes + 12, 4);
	wire_put_u32(&writer, MESSAGE_MAX_PAYLOAD);
	ck_assert_int_eq(decode_bytes(), 0);
	wire_writer_init(&writer, bytes + 12, 4);
	wire_put_u32(&writer, MESSAGE_MAX_PAYLOAD + 1);
	ck_assert_int_eq(decode_bytes(), -EBADMSG);
	memset(bytes + 12, 0xff, 4);
	ck_assert_int_eq(decode_bytes(), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("header");
	TCase *tests = tcase_create("header");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, header_has_the_documented_layout);
	tcase_add_test(tests, header_round_trips);
	tcase_add_loop_test(tests, short_header_is_ebadmsg, 0, MESSAGE_HEADER_BYTES);
	tcase_add_loop_test(tests, wrong_magic_is_ebadmsg, 0, 4);
	tcase_add_test(tests, other_version_is_eproto);
	tcase_add_test(tests, unknown_flags_are_ebadmsg);
	tcase_add_loop_test(tests, reserved_bytes_must_be_zero, 0, 2);
	tcase_add_test(tests, payload_over_the_limit_is_ebadmsg);
	return run_suite(suite);
}
