/*
 * The floor under a remote page fault: a request of 64 bytes and a reply of a header and one page
 * over TCP, with nothing else done. The reference of [remote_fault], [write_pingpong], [upgrade].
 *
 *   raw_pingpong serve ADDRESS PORT spin|block            answers one caller, then ends
 *   raw_pingpong measure ADDRESS PORT spin|block COUNT [REPLY_BYTES]
 *
 * measure prints COUNT round trips in microseconds, one per line. spin: both ends ask the socket
 * again and again without sleeping; block: both sleep in recv(2). REPLY_BYTES is 4160 (64 and a
 * page) unless said otherwise; both ends learn it from the request. To measure what the pagers use,
 * run the two ends on two hosts of a laboratory: `norma lab exec 1 -- raw_pingpong serve ...`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { REQUEST_BYTES = 64, REPLY_MAX_BYTES = 1 << 20, WARM_UP = 200, CONNECT_TRIES = 200 };

static uint8_t reply[REPLY_MAX_BYTES];

static void fail(const char *what)
{
	fprintf(stderr, "raw_pingpong: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Return: false when the other side has closed. */
static bool receive_all(int fd, void *data, size_t bytes, bool spin)
{
	size_t at = 0;

	while (at < bytes) {
		ssize_t got =
		    recv(fd, (char *)data + at, bytes - at, spin ? MSG_DONTWAIT : MSG_WAITALL);

		if (got == 0)
			return false;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			fail("recv");
		at += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static void send_all(int fd, const void *data, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		ssize_t sent = send(fd, (const char *)data + at, bytes - at, MSG_NOSIGNAL);

		if (sent < 0)
			fail("send");
		at += (size_t)sent;
	}
}

static void set_no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void serve(const struct sockaddr_in *address, bool spin)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, fd;
	uint32_t request[REQUEST_BYTES / sizeof(uint32_t)];

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, (const struct sockaddr *)address, sizeof(*address)) ||
	    listen(listener, 1))
		fail("listening");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		fail("accept");
	set_no_delay(fd);
	while (receive_all(fd, request, sizeof(request), spin)) {
		if (request[0] > REPLY_MAX_BYTES)
			break;
		send_all(fd, reply, request[0]);
	}
	close(fd);
	close(listener);
}

/* The other end may be starting just now. */
static int connect_soon(const struct sockaddr_in *address)
{
	for (int i = 0; i < CONNECT_TRIES; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
			return fd;
		if (fd < 0 || errno != ECONNREFUSED)
			break;
		close(fd);
		usleep(10000);
	}
	fail("connecting");
	return -1;
}

static void measure(const struct sockaddr_in *address, bool spin, unsigned int count,
		    uint32_t reply_bytes)
{
	uint32_t request[REQUEST_BYTES / sizeof(uint32_t)] = {reply_bytes};
	int fd = connect_soon(address);

	set_no_delay(fd);
	for (unsigned int i = 0; i < WARM_UP + count; i++) {
		uint64_t begin = clock_now_ns();

		send_all(fd, request, sizeof(request));
		if (!receive_all(fd, reply, reply_bytes, spin))
			fail("the other end closed");
		if (i >= WARM_UP)
			printf("%.2f\n", (double)(clock_now_ns() - begin) / 1e3);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	bool spin = argc > 4 && strcmp(argv[4], "spin") == 0;
	long reply_bytes = argc > 6 ? atol(argv[6]) : REQUEST_BYTES + 4096;

	if (argc < 5 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1 || reply_bytes < 1 ||
	    reply_bytes > REPLY_MAX_BYTES || (!spin && strcmp(argv[4], "block") != 0)) {
		fprintf(stderr, "usage: raw_pingpong serve|measure ADDRESS PORT spin|block "
				"[COUNT [REPLY_BYTES]]\n");
		return 2;
	}
	address.sin_port = htons((uint16_t)atoi(argv[3]));
	if (strcmp(argv[1], "serve") == 0)
		serve(&address, spin);
	else
		measure(&address, spin, argc > 5 ? (unsigned int)atoi(argv[5]) : 2000,
			(uint32_t)reply_bytes);
	return 0;
}
