/*
 * Links whose other end sends garbage, in any fragmentation, does not read, or goes away.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link_pair.h"
#include "run_suite.h"

/* Sends raw bytes with `count` descriptors to a packet link. */
static void send_raw_fds(int raw, const void *bytes, size_t size, unsigned int count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(250 * sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
	struct msghdr packet = {
	    .msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};

	control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	for (unsigned int i = 0; i < count; i++)
		memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &raw, sizeof(int));
	ck_assert_int_eq(sendmsg(raw, &packet, 0), (ssize_t)size);
}

START_TEST(too_many_descriptors_are_refused_and_closed)
{
	uint8_t frame[64];
	size_t bytes = encode_frame(frame, 1, "x", 1);
	int raw = open_raw(SOCK_SEQPACKET, LINK_PACKET);
	unsigned int before = open_fd_count();

	send_raw_fds(raw, frame, bytes, MESSAGE_MAX_FDS + 1);
	ck_assert_int_eq(receive(&right), -EBADMSG);
	ck_assert_uint_eq(open_fd_count(), before);
	close(raw);
	close_pair();
}
END_TEST

START_TEST(descriptors_of_a_malformed_packet_are_closed)
{
	int raw = open_raw(SOCK_SEQPACKET, LINK_PACKET);
	unsigned int before = open_fd_count();

	send_raw_fds(raw, "garbage", 7, 3);
	ck_assert_int_eq(receive(&right), -EBADMSG);
	ck_assert_uint_eq(open_fd_count(), before);
	close(raw);
	close_pair();
}
END_TEST

START_TEST(descriptors_on_a_unix_stream_are_not_leaked)
{
	uint8_t frame[64];
	size_t bytes = encode_frame(frame, 1, "x", 1);
	int raw = open_raw(SOCK_STREAM, LINK_STREAM);
	unsigned int before = open_fd_count();

	send_raw_fds(raw, frame, bytes, 3);
	ck_assert_int_eq(receive(&right), 0);
	link_message_done(&message);
	ck_assert_uint_eq(open_fd_count(), before);
	close(raw);
	close_pair();
}
END_TEST

START_TEST(a_packet_whose_size_is_not_in_its_header_is_refused)
{
	uint8_t frame[64];
	size_t bytes = encode_frame(frame, 1, "four", 4) - 2 + 2 * (size_t)_i;
	int raw = open_raw(SOCK_SEQPACKET, LINK_PACKET);

	if (_i == 1)
		bytes++;
	ck_assert_int_eq(write(raw, frame, bytes), (ssize_t)bytes);
	ck_assert_int_eq(receive(&right), -EBADMSG);
	close(raw);
	close_pair();
}
END_TEST

START_TEST(an_oversize_packet_is_refused)
{
	static uint8_t frame[MESSAGE_MAX_BYTES + 1], payload[MESSAGE_MAX_PAYLOAD];
	int raw = open_raw(SOCK_SEQPACKET, LINK_PACKET);

	encode_frame(frame, 1, payload, sizeof(payload));
	ck_assert_int_eq(write(raw, frame, sizeof(frame)), (ssize_t)sizeof(frame));
	ck_assert_int_eq(receive(&right), -EBADMSG);
	close(raw);
	close_pair();
}
END_TEST

START_TEST(garbage_on_a_stream_is_refused_at_once)
{
	uint8_t garbage[MESSAGE_HEADER_BYTES];
	int raw = open_raw(SOCK_STREAM, LINK_STREAM);

	memset(garbage, 0x5a, sizeof(garbage));
	ck_assert_int_eq(write(raw, garbage, sizeof(garbage)), (ssize_t)sizeof(garbage));
	ck_assert_int_eq(receive(&right), -EBADMSG);
	close(raw);
	close_pair();
}
END_TEST

START_TEST(an_oversize_frame_is_refused_by_its_header)
{
	uint8_t frame[MESSAGE_HEADER_BYTES];
	struct wire_writer writer;
	int raw = open_raw(SOCK_STREAM, LINK_STREAM);

	encode_frame(frame, 1, "", 0);
	wire_writer_init(&writer, frame + 12, 4);
	wire_put_u32(&writer, MESSAGE_MAX_PAYLOAD + 1);
	ck_assert_int_eq(write(raw, frame, sizeof(frame)), (ssize_t)sizeof(frame));
	ck_assert_int_eq(receive(&right), -EBADMSG);
	close(raw);
	close_pair();
}
END_TEST

START_TEST(another_version_is_eproto)
{
	uint8_t frame[MESSAGE_HEADER_BYTES];
	int raw = open_raw(_i ? SOCK_STREAM : SOCK_SEQPACKET, _i ? LINK_STREAM : LINK_PACKET);

	encode_frame(frame, 1, "", 0);
	frame[4]++;
	ck_assert_int_eq(write(raw, frame, sizeof(frame)), (ssize_t)sizeof(frame));
	ck_assert_int_eq(receive(&right), -EPROTO);
	close(raw);
	close_pair();
}
END_TEST

START_TEST(a_closed_peer_is_epipe_after_its_last_message)
{
	open_pair(_i);
	ck_assert_int_eq(send_number(&left, 9, "last", 4), 0);
	link_done(&left);
	ck_assert_int_eq(receive(&right), 0);
	ck_assert_mem_eq(message.payload, "last", 4);
	ck_assert_int_eq(receive(&right), -EPIPE);
	close_pair();
}
END_TEST

START_TEST(a_frame_cut_off_by_the_end_is_epipe)
{
	uint8_t frame[64];
	size_t bytes = encode_frame(frame, 1, "cut", 3);
	int raw = open_raw(SOCK_STREAM, LINK_STREAM);

	ck_assert_int_eq(write(raw, frame, bytes - 1), (ssize_t)bytes - 1);
	close(raw);
	ck_assert_int_eq(receive(&right), -EPIPE);
	close_pair();
}
END_TEST

START_TEST(sending_to_a_closed_peer_is_epipe)
{
	int error = 0;

	open_pair(_i);
	link_done(&right);
	/* TCP learns of it from the answer to the first segment. */
	for (int tries = 0; !error && tries < 3; tries++) {
		error = send_number(&left, 1, "x", 1);
		if (!error)
			await(&left, POLLIN);
	}
	ck_assert_int_eq(error, -EPIPE);
	ck_assert(!link_wants_write(&left));
	close_pair();
}
END_TEST

START_TEST(a_peer_that_does_not_read_fills_the_queue_and_no_more)
{
	static uint8_t payload[65536];
	uint64_t sent = 0, received = 0;
	int error;

	open_pair(_i);
	while ((error = send_number(&left, sent, payload, sizeof(payload))) == 0)
		sent++;
	ck_assert_int_eq(error, -ENOBUFS);
	ck_assert_uint_le(left.queued_bytes, LINK_MAX_QUEUED_BYTES);
	ck_assert_uint_gt(left.queued_bytes, LINK_MAX_QUEUED_BYTES - 2 * sizeof(payload));
	ck_assert(link_wants_write(&left));
	/* Nothing of what was accepted is lost, and nothing of what was refused was sent. */
	while (received < sent) {
		link_flush(&left);
		ck_assert_int_eq(receive(&right), 0);
		ck_assert_uint_eq(message.header.sequence, received++);
	}
	ck_assert_int_eq(link_flush(&left), 0);
	ck_assert_uint_eq(left.queued_bytes, 0);
	ck_assert_int_eq(link_receive(&right, &message), -EAGAIN);
	close_pair();
}
END_TEST

START_TEST(frames_arrive_byte_by_byte)
{
	uint8_t frames[256];
	size_t bytes = encode_frame(frames, 1, "first", 5), received = 0;
	int raw = open_raw(SOCK_STREAM, LINK_STREAM);

	bytes += encode_frame(frames + bytes, 2, "", 0);
	bytes += encode_frame(frames + bytes, 3, "third!", 6);
	for (size_t i = 0; i < bytes; i++) {
		int error;

		ck_assert_int_eq(write(raw, frames + i, 1), 1);
		error = link_receive(&right, &message);
		ck_assert(error == 0 || error == -EAGAIN);
		if (error == 0)
			ck_assert_uint_eq(message.header.sequence, ++received);
	}
	ck_assert_uint_eq(received, 3);
	ck_assert_mem_eq(message.payload, "third!", 6);
	close(raw);
	close_pair();
}
END_TEST

START_TEST(frames_that_arrive_together_come_one_by_one)
{
	uint8_t frames[8192];
	size_t bytes = 0;
	uint64_t count = 0;
	int raw = open_raw(SOCK_STREAM, LINK_STREAM);

	while (bytes + 64 < sizeof(frames))
		bytes += encode_frame(frames + bytes, count++, "seven..", 7);
	ck_assert_int_eq(write(raw, frames, bytes), (ssize_t)bytes);
	for (uint64_t i = 0; i < count; i++) {
		ck_assert_int_eq(link_receive(&right, &message), 0);
		ck_assert_uint_eq(message.header.sequence, i);
		ck_assert_mem_eq(message.payload, "seven..", 7);
	}
	ck_assert_int_eq(link_receive(&right, &message), -EAGAIN);
	close(raw);
	close_pair();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link peer");
	TCase *tests = tcase_create("link peer");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, too_many_descriptors_are_refused_and_closed);
	tcase_add_test(tests, descriptors_of_a_malformed_packet_are_closed);
	tcase_add_test(tests, descriptors_on_a_unix_stream_are_not_leaked);
	tcase_add_loop_test(tests, a_packet_whose_size_is_not_in_its_header_is_refused, 0, 2);
	tcase_add_test(tests, an_oversize_packet_is_refused);
	tcase_add_test(tests, garbage_on_a_stream_is_refused_at_once);
	tcase_add_test(tests, an_oversize_frame_is_refused_by_its_header);
	tcase_add_loop_test(tests, another_version_is_eproto, 0, 2);
	tcase_add_loop_test(tests, a_closed_peer_is_epipe_after_its_last_message, 0, 2);
	tcase_add_test(tests, a_frame_cut_off_by_the_end_is_epipe);
	tcase_add_loop_test(tests, sending_to_a_closed_peer_is_epipe, 0, 2);
	tcase_add_loop_test(tests, a_peer_that_does_not_read_fills_the_queue_and_no_more, 0, 2);
	tcase_add_test(tests, frames_arrive_byte_by_byte);
	tcase_add_test(tests, frames_that_arrive_together_come_one_by_one);
	return run_suite(suite);
}
