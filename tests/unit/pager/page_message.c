/*
 * The codec of pager-to-pager messages, and the addresses pagers are reached at.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "page/page_address.h"
#include "page/page_message.h"
#include "run_suite.h"

static uint8_t frame[PAGE_MESSAGE_HEADER_BYTES + PAGE_BLOCK_MAX_BYTES];
static uint8_t *const payload = frame + PAGE_MESSAGE_HEADER_BYTES;

/* A valid message of a type, sealed into `frame`. Return: its size. */
static size_t make(uint8_t type)
{
	struct page_message message = {
	    .type = type,
	    .epoch = 0x11223344,
	    .sequence = 7,
	    .object = 0x0001aabb00000005,
	    .transaction = 0x0102030405060708,
	    .first_page = 99,
	    .page_count = 3,
	    .access = 1,
	    .mode = 1,
	    .host = 62,
	    .membership = 0x00abcdef,
	};
	struct page_hello hello = {.node = 3, .kind = PAGE_CONNECTION_BULK};
	struct page_joined joined = {.kind = 1, .lead = 8192, .bytes = 4096};
	struct page_refusal refusal = {.code = 29, .text = "there is no such object"};

	for (size_t i = 0; i < PAGE_BLOCK_MAX_BYTES; i++)
		payload[i] = (uint8_t)(i * 31 + 1);
	if (type == PAGE_MESSAGE_HELLO)
		message.bytes = page_hello_encode(&hello, payload, 64);
	else if (type == PAGE_MESSAGE_JOINED)
		message.bytes = page_joined_encode(&joined, payload, 64);
	else if (type == PAGE_MESSAGE_REFUSED)
		message.bytes = page_refusal_encode(&refusal, payload, 256);
	else if (type == PAGE_MESSAGE_PAGE)
		message.bytes = PAGE_BYTES;
	else if (type == PAGE_MESSAGE_BLOCK)
		message.bytes = 3 * PAGE_BYTES;
	page_message_seal(frame, &message);
	return PAGE_MESSAGE_HEADER_BYTES + message.bytes;
}

START_TEST(every_type_comes_out_as_it_went_in)
{
	uint8_t type = (uint8_t)_i;
	size_t bytes = make(type), measured;
	struct page_message message;

	ck_assert_int_eq(page_message_measure(frame, bytes, &measured), 0);
	ck_assert_uint_eq(measured, bytes);
	ck_assert_int_eq(page_message_decode(frame, bytes, &message), 0);
	ck_assert_uint_eq(message.type, type);
	ck_assert_uint_eq(message.epoch, 0x11223344);
	ck_assert_uint_eq(message.sequence, 7);
	ck_assert_uint_eq(message.object, 0x0001aabb00000005);
	ck_assert_uint_eq(message.transaction, 0x0102030405060708);
	ck_assert_uint_eq(message.first_page, 99);
	ck_assert_uint_eq(message.page_count, 3);
	ck_assert_uint_eq(message.access, 1);
	ck_assert_uint_eq(message.mode, 1);
	ck_assert_uint_eq(message.host, 62);
	ck_assert_uint_eq(message.membership, 0x00abcdef);
	ck_assert_ptr_eq(message.payload, payload);
	ck_assert_str_ne(page_message_type_name(type), "unknown");
}
END_TEST

START_TEST(a_message_that_is_not_complete_is_waited_for)
{
	size_t bytes = make((uint8_t)_i);
	struct page_message message;

	for (size_t have = 0; have < bytes; have += have < 80 ? 1 : 997)
		ck_assert_int_eq(page_message_decode(frame, have, &message), -EAGAIN);
}
END_TEST

START_TEST(no_flipped_bit_is_accepted)
{
	size_t bytes = make((uint8_t)_i);
	struct page_message message;

	/* TCP alone answers for the pages of a block. */
	if (_i == PAGE_MESSAGE_BLOCK)
		bytes = PAGE_MESSAGE_HEADER_BYTES;
	for (size_t at = 0; at < bytes; at += at < 100 ? 1 : 509)
		for (int bit = 0; bit < 8; bit++) {
			frame[at] ^= (uint8_t)(1 << bit);
			ck_assert_int_ne(page_message_decode(frame, sizeof(frame), &message), 0);
			frame[at] ^= (uint8_t)(1 << bit);
		}
	ck_assert_int_eq(page_message_decode(frame, sizeof(frame), &message), 0);
}
END_TEST

START_TEST(another_version_is_told_apart_from_garbage)
{
	size_t bytes = make(PAGE_MESSAGE_PING), measured;

	frame[4]++;
	ck_assert_int_eq(page_message_measure(frame, bytes, &measured), -EPROTO);
	frame[0]++;
	ck_assert_int_eq(page_message_measure(frame, bytes, &measured), -EBADMSG);
}
END_TEST

/* Seals a message as it is, right or wrong. */
static int judge(uint8_t type, uint8_t flags, uint32_t page_count, uint32_t bytes)
{
	struct page_message message = {
	    .type = type,
	    .flags = flags,
	    .page_count = page_count,
	    .bytes = bytes,
	};

	memset(payload, 0, 64);
	page_message_seal(frame, &message);
	return page_message_decode(frame, sizeof(frame), &message);
}

START_TEST(a_size_that_does_not_fit_the_type_is_refused)
{
	size_t measured;

	ck_assert_int_eq(judge(PAGE_MESSAGE_PING, 0, 0, 0), 0);
	ck_assert_int_eq(judge(PAGE_MESSAGE_PING, 0, 0, 1), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_PAGE, 0, 1, PAGE_BYTES), 0);
	ck_assert_int_eq(judge(PAGE_MESSAGE_PAGE, 0, 1, 0), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_PAGE, 0, 1, PAGE_BYTES - 1), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_PAGE, PAGE_FLAG_ZERO, 1, 0), 0);
	ck_assert_int_eq(judge(PAGE_MESSAGE_PAGE, PAGE_FLAG_ZERO, 1, PAGE_BYTES), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_PAGE, 0x80, 1, PAGE_BYTES), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_HELLO, 0, 0, 7), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_NUM_TYPES, 0, 0, 0), -EBADMSG);
	ck_assert_int_eq(judge(0, 0, 0, 0), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_BLOCK_REQUEST, 0, 0, 0), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_BLOCK_REQUEST, 0, PAGE_EXTENT_PAGES, 0), 0);
	ck_assert_int_eq(judge(PAGE_MESSAGE_BLOCK_REQUEST, 0, PAGE_EXTENT_PAGES + 1, 0), -EBADMSG);
	/* known from the header alone: nobody waits for 4 GiB */
	make(PAGE_MESSAGE_BLOCK);
	memset(frame + 48, 0xff, 4);
	ck_assert_int_eq(page_message_measure(frame, PAGE_MESSAGE_HEADER_BYTES, &measured),
			 -EBADMSG);
}
END_TEST

START_TEST(a_block_carries_exactly_the_pages_it_counts)
{
	uint32_t bytes = 4 * PAGE_BYTES;

	ck_assert_int_eq(judge(PAGE_MESSAGE_BLOCK, 0, 4, bytes), 0);
	ck_assert_int_eq(judge(PAGE_MESSAGE_BLOCK, 0, 3, bytes), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_BLOCK, 0, 4, bytes - 1), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_BLOCK, 0, 0, 0), -EBADMSG);
	ck_assert_int_eq(judge(PAGE_MESSAGE_BLOCK, 0, PAGE_BLOCK_PAGES, PAGE_BLOCK_MAX_BYTES), 0);
}
END_TEST

/* The pages may be elsewhere, or not here yet: the header says enough to receive them. */
START_TEST(a_block_is_known_by_its_header)
{
	size_t bytes = make(PAGE_MESSAGE_BLOCK);
	struct page_message message;

	ck_assert_uint_gt(bytes, PAGE_MESSAGE_HEADER_BYTES);
	for (size_t have = 0; have < PAGE_MESSAGE_HEADER_BYTES; have++)
		ck_assert_int_eq(page_message_decode_block(frame, have, &message), -EAGAIN);
	ck_assert_int_eq(page_message_decode_block(frame, PAGE_MESSAGE_HEADER_BYTES, &message), 0);
	ck_assert_uint_eq(message.page_count, 3);
	ck_assert_uint_eq(message.bytes, 3 * PAGE_BYTES);
	frame[20] ^= 1;
	ck_assert_int_eq(page_message_decode_block(frame, PAGE_MESSAGE_HEADER_BYTES, &message),
			 -EBADMSG);
	make(PAGE_MESSAGE_PING);
	ck_assert_int_eq(page_message_decode_block(frame, PAGE_MESSAGE_HEADER_BYTES, &message),
			 -ENOMSG);
}
END_TEST

START_TEST(payloads_come_out_as_they_went_in)
{
	struct page_message message;
	struct page_hello hello;
	struct page_joined joined;
	struct page_refusal refusal;
	size_t bytes = make(PAGE_MESSAGE_HELLO);

	ck_assert_int_eq(page_message_decode(frame, bytes, &message), 0);
	ck_assert_int_eq(page_hello_decode(&message, &hello), 0);
	ck_assert_uint_eq(hello.node, 3);
	ck_assert_uint_eq(hello.kind, PAGE_CONNECTION_BULK);
	payload[4] = PAGE_CONNECTION_KINDS;
	ck_assert_int_eq(page_hello_decode(&message, &hello), -EBADMSG);
	bytes = make(PAGE_MESSAGE_JOINED);
	ck_assert_int_eq(page_message_decode(frame, bytes, &message), 0);
	ck_assert_int_eq(page_joined_decode(&message, &joined), 0);
	ck_assert_uint_eq(joined.kind, 1);
	ck_assert_uint_eq(joined.lead, 8192);
	ck_assert_uint_eq(joined.bytes, 4096);
	bytes = make(PAGE_MESSAGE_REFUSED);
	ck_assert_int_eq(page_message_decode(frame, bytes, &message), 0);
	ck_assert_int_eq(page_refusal_decode(&message, &refusal), 0);
	ck_assert_uint_eq(refusal.code, 29);
	ck_assert_str_eq(refusal.text, "there is no such object");
	payload[10] = 0; /* inside the text */
	ck_assert_int_eq(page_refusal_decode(&message, &refusal), -EBADMSG);
}
END_TEST

START_TEST(only_zeros_are_zero)
{
	static uint8_t page[PAGE_BYTES];

	ck_assert(page_is_zero(page, sizeof(page)));
	for (size_t at = 0; at < sizeof(page); at += 255) {
		page[at] = 1;
		ck_assert(!page_is_zero(page, sizeof(page)));
		page[at] = 0;
	}
}
END_TEST

START_TEST(addresses_are_numeric_with_a_port)
{
	static const char *const good[] = {"127.0.0.1:1", "0.0.0.0:65535", "[::1]:7100",
					   "[2001:db8::5]:0"};
	static const char *const bad[] = {
	    "",		  "1.2.3.4", "1.2.3.4:",    "1.2.3.4:x",  "1.2.3:80",	 "1.2.3.4:65536",
	    "::1:80",	  "[::1:80", "localhost:1", "1.2.3.4:-1", "[1.2.3.4]:1", ":80",
	    "1.2.3.4:80 "};
	struct page_address address, other;
	char text[PAGE_ADDRESS_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_msg(page_address_parse(good[i], &address) == 0, "%s", good[i]);
		page_address_print(&address, text);
		ck_assert_str_eq(text, good[i]);
		ck_assert(page_address_is_same_host(&address, &address));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(page_address_parse(bad[i], &address) == -EINVAL, "%s", bad[i]);
	page_address_parse("10.0.0.1:5", &address);
	page_address_parse("10.0.0.2:5", &other);
	ck_assert(!page_address_is_same_host(&address, &other));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("page messages");
	TCase *tests = tcase_create("page messages");

	tcase_add_loop_test(tests, every_type_comes_out_as_it_went_in, 1, PAGE_MESSAGE_NUM_TYPES);
	tcase_add_loop_test(tests, a_message_that_is_not_complete_is_waited_for, 1,
			    PAGE_MESSAGE_NUM_TYPES);
	tcase_add_loop_test(tests, no_flipped_bit_is_accepted, 1, PAGE_MESSAGE_NUM_TYPES);
	tcase_add_test(tests, another_version_is_told_apart_from_garbage);
	tcase_add_test(tests, a_size_that_does_not_fit_the_type_is_refused);
	tcase_add_test(tests, a_block_carries_exactly_the_pages_it_counts);
	tcase_add_test(tests, a_block_is_known_by_its_header);
	tcase_add_test(tests, payloads_come_out_as_they_went_in);
	tcase_add_test(tests, only_zeros_are_zero);
	tcase_add_test(tests, addresses_are_numeric_with_a_port);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
