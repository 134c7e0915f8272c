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
#include <stdint.h>
#include <unistd.h>

#include "raw_socket.h"
#include "samples.h"

enum { REPLY_MAX_BYTES = 1 << 20, WARM_UP = 200 };

static uint8_t reply[REPLY_MAX_BYTES];

static void serve(const struct sockaddr_in *address, bool spin)
{
	uint32_t request[RAW_REQUEST_BYTES / sizeof(uint32_t)];
	int fd = raw_socket_accept(address);

	while (raw_socket_receive(fd, request, sizeof(request), spin)) {
		if (request[0] > REPLY_MAX_BYTES)
			break;
		raw_socket_send(fd, reply, request[0]);
	}
	close(fd);
}

static void measure(const struct sockaddr_in *address, bool spin, unsigned int count,
		    uint32_t reply_bytes)
{
	uint32_t request[RAW_REQUEST_BYTES / sizeof(uint32_t)] = {reply_bytes};
	int fd = raw_socket_connect(address);

	for (unsigned int i = 0; i < WARM_UP + count; i++) {
		uint64_t begin = samples_now_ns();

		raw_socket_send(fd, request, sizeof(request));
		if (!raw_socket_receive(fd, reply, reply_bytes, spin))
			fatal("the other end closed");
		if (i >= WARM_UP)
			printf("%.2f\n", samples_us(begin, samples_now_ns()));
	}
	close(fd);
}

int main(int argc, char **argv)
{
	bool spin = argc > 4 && strcmp(argv[4], "spin") == 0;
	long reply_bytes = argc > 6 ? atol(argv[6]) : RAW_REPLY_BYTES;
	struct sockaddr_in address;

	if (argc < 5 || !raw_socket_address(argv[2], argv[3], &address) || reply_bytes < 1 ||
	    reply_bytes > REPLY_MAX_BYTES || (!spin && strcmp(argv[4], "block") != 0)) {
		fprintf(stderr, "usage: raw_pingpong serve|measure ADDRESS PORT spin|block "
				"[COUNT [REPLY_BYTES]]\n");
		return 2;
	}
	if (strcmp(argv[1], "serve") == 0)
		serve(&address, spin);
	else
		measure(&address, spin, argc > 5 ? (unsigned int)atoi(argv[5]) : 2000,
			(uint32_t)reply_bytes);
	return 0;
}
