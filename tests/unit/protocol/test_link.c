/*
 * Links over real sockets, between two ends that keep to the protocol.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "link_pair.h"
#include "run_suite.h"

START_TEST(a_message_arrives_as_it_was_sent)
{
	struct message_header header = {
	    .type = MESSAGE_vm_read,
	    .flags = MESSAGE_REPLY,
	    .sequence = 77,
	    .result = 3,
	    .uid = 1000,
	};

	open_pair(_i);
	ck_assert_int_eq(link_send(&left, &header, "hello", 5, NULL, 0), 0);
	ck_assert_int_eq(receive(&right), 0);
	ck_assert_uint_eq(message.header.type, MESSAGE_vm_read);
	ck_assert_uint_eq(message.header.flags, MESSAGE_REPLY);
	ck_assert_uint_eq(message.header.sequence, 77);
	ck_assert_int_eq(message.header.result, 3);
	ck_assert_uint_eq(message.header.uid, 1000);
	ck_assert_uint_eq(message.header.bytes, 5);
	ck_assert_mem_eq(message.payload, "hello", 5);
	ck_assert_uint_eq(message.fd_count, 0);
	ck_assert_int_eq(link_receive(&right, &message), -EAGAIN);
	close_pair();
}
END_TEST

START_TEST(messages_arrive_in_order_whatever_their_size)
{
	static const size_t sizes[] = {0, 1, 31, 32, 33, 4096, 65536, MESSAGE_MAX_PAYLOAD, 0, 5};
	static uint8_t payload[MESSAGE_MAX_PAYLOAD];

	open_pair(_i);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(payload, (int)i + 1, sizes[i]);
		ck_assert_int_eq(send_number(&left, i, payload, sizes[i]), 0);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int error;

		while ((error = link_receive(&right, &message)) == -EAGAIN) {
			link_flush(&left);
			await(&right, POLLIN);
		}
		ck_assert_int_eq(error, 0);
		ck_assert_uint_eq(message.header.sequence, i);
		ck_assert_uint_eq(message.header.bytes, sizes[i]);
		memset(payload, (int)i + 1, sizes[i]);
		ck_assert(!sizes[i] || memcmp(message.payload, payload, sizes[i]) == 0);
	}
	ck_assert(!link_wants_write(&left));
	close_pair();
}
END_TEST

START_TEST(descriptors_travel_with_their_packet)
{
	struct message_header header = {.type = MESSAGE_pager_hello};
	int pipe_fds[2];
	char letter = 0;

	open_packet_pair();
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	ck_assert_int_eq(link_send(&left, &header, NULL, 0, pipe_fds, 2), 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	ck_assert_int_eq(receive(&right), 0);
	ck_assert_uint_eq(message.fd_count, 2);
	ck_assert_int_eq(fcntl(message.fds[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(write(message.fds[1], "x", 1), 1);
	ck_assert_int_eq(read(message.fds[0], &letter, 1), 1);
	ck_assert_int_eq(letter, 'x');
	link_message_done(&message);
	ck_assert_uint_eq(message.fd_count, 0);
	close_pair();
}
END_TEST

START_TEST(the_largest_number_of_descriptors_travels)
{
	struct message_header header = {.type = MESSAGE_object_publish};
	int fds[MESSAGE_MAX_FDS];
	unsigned int before;

	open_packet_pair();
	before = open_fd_count();
	for (unsigned int i = 0; i < MESSAGE_MAX_FDS; i++)
		fds[i] = right.fd;
	ck_assert_int_eq(link_send(&left, &header, "x", 1, fds, MESSAGE_MAX_FDS), 0);
	ck_assert_int_eq(receive(&right), 0);
	ck_assert_uint_eq(message.fd_count, MESSAGE_MAX_FDS);
	link_message_done(&message);
	ck_assert_uint_eq(open_fd_count(), before);
	ck_assert_int_eq(link_send(&left, &header, "x", 1, fds, MESSAGE_MAX_FDS + 1), -EMSGSIZE);
	close_pair();
}
END_TEST

START_TEST(queued_descriptors_outlive_the_senders_copies)
{
	struct message_header header = {.type = MESSAGE_object_publish};
	static uint8_t payload[65536];
	int fds[1];
	struct stat sent, received;
	unsigned int messages = 0, before;

	open_packet_pair();
	before = open_fd_count();
	while (!link_wants_write(&left)) {
		ck_assert_int_eq(send_number(&left, 0, payload, sizeof(payload)), 0);
		messages++;
	}
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fstat(fds[0], &sent), 0);
	ck_assert_int_eq(link_send(&left, &header, NULL, 0, fds, 1), 0);
	close(fds[0]);
	while (messages--) {
		ck_assert_int_eq(receive(&right), 0);
		link_flush(&left);
	}
	ck_assert_int_eq(receive(&right), 0);
	ck_assert_uint_eq(message.fd_count, 1);
	ck_assert_int_eq(fstat(message.fds[0], &received), 0);
	ck_assert_uint_eq(sent.st_rdev, received.st_rdev);
	link_message_done(&message);
	ck_assert_uint_eq(open_fd_count(), before);
	close_pair();
}
END_TEST

START_TEST(a_stream_takes_no_descriptors)
{
	struct message_header header = {.type = MESSAGE_pager_hello};
	int fd = 0;

	open_tcp_pair();
	ck_assert_int_eq(link_send(&left, &header, NULL, 0, &fd, 1), -EINVAL);
	ck_assert(!link_wants_write(&left));
	close_pair();
}
END_TEST

START_TEST(sending_more_than_the_limit_is_emsgsize)
{
	static uint8_t payload[MESSAGE_MAX_PAYLOAD + 1];

	open_pair(_i);
	ck_assert_int_eq(send_number(&left, 1, payload, sizeof(payload)), -EMSGSIZE);
	ck_assert(!link_wants_write(&left));
	close_pair();
}
END_TEST

START_TEST(done_accepts_what_was_never_opened)
{
	struct link link = {.fd = -1};

	link_done(&link);
	link_done(&link);
	ck_assert_int_eq(link.fd, -1);
}
END_TEST

START_TEST(a_bad_descriptor_makes_no_link)
{
	ck_assert_int_eq(link_init(&left, 1000, LINK_PACKET), -EBADF);
	ck_assert_int_eq(left.fd, -1);
}
END_TEST

/* A server that answers one request; `left` is the caller's, `right` the server's. */
static void *answer_one(void *reply_type)
{
	struct link_message request;
	struct message_header header;
	int error;

	while ((error = link_receive(&right, &request)) == -EAGAIN)
		await(&right, POLLIN);
	if (error)
		return NULL;
	header = request.header;
	header.flags = MESSAGE_REPLY;
	header.type = *(uint16_t *)reply_type;
	link_send(&right, &header, "answer", 6, NULL, 0);
	link_message_done(&request);
	return NULL;
}

static int call_once(uint16_t reply_type)
{
	struct message_header header = {.type = MESSAGE_peer_ping, .sequence = 5};
	pthread_t server;
	int error;

	ck_assert_int_eq(pthread_create(&server, NULL, answer_one, &reply_type), 0);
	error = link_call(&left, &header, "question", 8, NULL, 0,
			  clock_now_ns() + PATIENCE_MS * NS_PER_MS, &message);
	pthread_join(server, NULL);
	return error;
}

START_TEST(a_call_returns_its_reply)
{
	open_pair(_i);
	ck_assert_int_eq(call_once(MESSAGE_peer_ping), 0);
	ck_assert_uint_eq(message.header.sequence, 5);
	ck_assert_mem_eq(message.payload, "answer", 6);
	link_message_done(&message);
	close_pair();
}
END_TEST

START_TEST(a_call_answered_with_another_type_is_eproto)
{
	open_pair(_i);
	ck_assert_int_eq(call_once(MESSAGE_peer_hello), -EPROTO);
	close_pair();
}
END_TEST

START_TEST(a_call_without_an_answer_ends_at_its_deadline)
{
	struct message_header header = {.type = MESSAGE_peer_ping};
	uint64_t start = clock_now_ns();

	open_pair(_i);
	ck_assert_int_eq(
	    link_call(&left, &header, NULL, 0, NULL, 0, start + 30 * NS_PER_MS, &message),
	    -ETIMEDOUT);
	ck_assert_uint_ge(clock_now_ns() - start, 30 * NS_PER_MS);
	close_pair();
}
END_TEST

START_TEST(a_call_to_a_peer_that_answered_and_left_gets_the_answer)
{
	struct message_header header = {.type = MESSAGE_peer_ping, .flags = MESSAGE_REPLY};

	open_packet_pair();
	ck_assert_int_eq(link_send(&right, &header, "bye", 3, NULL, 0), 0);
	link_done(&right);
	header.flags = 0;
	ck_assert_int_eq(link_call(&left, &header, NULL, 0, NULL, 0,
				   clock_now_ns() + PATIENCE_MS * NS_PER_MS, &message),
			 0);
	ck_assert_mem_eq(message.payload, "bye", 3);
	close_pair();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link");
	TCase *tests = tcase_create("link");

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, a_message_arrives_as_it_was_sent, 0, 2);
	tcase_add_loop_test(tests, messages_arrive_in_order_whatever_their_size, 0, 2);
	tcase_add_test(tests, descriptors_travel_with_their_packet);
	tcase_add_test(tests, the_largest_number_of_descriptors_travels);
	tcase_add_test(tests, queued_descriptors_outlive_the_senders_copies);
	tcase_add_test(tests, a_stream_takes_no_descriptors);
	tcase_add_loop_test(tests, sending_more_than_the_limit_is_emsgsize, 0, 2);
	tcase_add_test(tests, done_accepts_what_was_never_opened);
	tcase_add_test(tests, a_bad_descriptor_makes_no_link);
	tcase_add_loop_test(tests, a_call_returns_its_reply, 0, 2);
	tcase_add_loop_test(tests, a_call_answered_with_another_type_is_eproto, 0, 2);
	tcase_add_loop_test(tests, a_call_without_an_answer_ends_at_its_deadline, 0, 2);
	tcase_add_test(tests, a_call_to_a_peer_that_answered_and_left_gets_the_answer);
	return run_suite(suite);
}
