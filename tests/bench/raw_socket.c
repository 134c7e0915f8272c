/*
 * TCP for the raw programs: see raw_socket.h.
 */
#include "raw_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "samples.h"

enum { CONNECT_TRIES = 1000, CONNECT_PAUSE_US = 10000 };

bool raw_socket_address(const char *address, const char *port, struct sockaddr_in *ret_address)
{
	*ret_address =
	    (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	return inet_pton(AF_INET, address, &ret_address->sin_addr) == 1;
}

static int set_no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int raw_socket_accept(const struct sockaddr_in *address)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, fd;

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, (const struct sockaddr *)address, sizeof(*address)) ||
	    listen(listener, 1))
		fatal("cannot listen: %s", strerror(errno));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		fatal("cannot accept a connection: %s", strerror(errno));
	close(listener);
	return set_no_delay(fd);
}

int raw_socket_connect(const struct sockaddr_in *address)
{
	for (int i = 0; i < CONNECT_TRIES; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
			return set_no_delay(fd);
		if (fd < 0 || errno != ECONNREFUSED)
			break;
		close(fd);
		usleep(CONNECT_PAUSE_US);
	}
	fatal("cannot connect: %s", strerror(errno));
}

bool raw_socket_receive(int fd, void *data, size_t bytes, bool spin)
{
	size_t at = 0;

	while (at < bytes) {
		ssize_t got =
		    recv(fd, (char *)data + at, bytes - at, spin ? MSG_DONTWAIT : MSG_WAITALL);

		if (got == 0)
			return false;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			fatal("cannot receive: %s", strerror(errno));
		at += got > 0 ? (size_t)got : 0;
	}
	return true;
}

void raw_socket_send(int fd, const void *data, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		ssize_t sent = send(fd, (const char *)data + at, bytes - at, MSG_NOSIGNAL);

		if (sent < 0)
			fatal("cannot send: %s", strerror(errno));
		at += (size_t)sent;
	}
}
