/*
 * Pairs of connected links for tests.
 */
#include "link_pair.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct link left, right;
struct link_message message;

void open_packet_pair(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_eq(link_init(&left, fds[0], LINK_PACKET), 0);
	ck_assert_int_eq(link_init(&right, fds[1], LINK_PACKET), 0);
}

void open_tcp_pair(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(link_init(&left, fd, LINK_STREAM), 0);
	ck_assert_int_eq(
	    link_init(&right, accept4(listener, NULL, NULL, SOCK_CLOEXEC), LINK_STREAM), 0);
	close(listener);
}

/* Only `right` is a link: the test writes raw bytes. Return: the raw end. */
int open_raw(int type, enum link_kind kind)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
	left.fd = -1;
	ck_assert_int_eq(link_init(&right, fds[1], kind), 0);
	return fds[0];
}

void close_pair(void)
{
	link_done(&left);
	link_done(&right);
}

void open_pair(int is_tcp)
{
	if (is_tcp)
		open_tcp_pair();
	else
		open_packet_pair();
}

void await(const struct link *link, short events)
{
	struct pollfd event = {.fd = link->fd, .events = events};

	ck_assert_int_eq(poll(&event, 1, PATIENCE_MS), 1);
}

/* Receives with waiting. Return: as link_receive, never -EAGAIN. */
int receive(struct link *link)
{
	int error;

	while ((error = link_receive(link, &message)) == -EAGAIN)
		await(link, POLLIN);
	return error;
}

int send_number(struct link *link, uint64_t sequence, const void *payload, size_t bytes)
{
	struct message_header header = {.type = MESSAGE_peer_ping, .sequence = sequence};

	return link_send(link, &header, payload, bytes, NULL, 0);
}

size_t encode_frame(uint8_t *frame, uint64_t sequence, const void *payload, uint32_t bytes)
{
	struct message_header header = {
	    .type = MESSAGE_peer_ping,
	    .sequence = sequence,
	    .bytes = bytes,
	};
	struct wire_writer writer;

	wire_writer_init(&writer, frame, MESSAGE_HEADER_BYTES);
	message_header_encode(&writer, &header);
	memcpy(frame + MESSAGE_HEADER_BYTES, payload, bytes);
	return MESSAGE_HEADER_BYTES + bytes;
}

unsigned int open_fd_count(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}
