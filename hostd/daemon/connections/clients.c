/*
 * Clients are known by what the kernel says of them (SO_PEERCRED). The socket is open to every
 * user: rights are a matter of each task.
 */
#include "clients.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "channel.h"
#include "hostd.h"
#include "link/link.h"
#include "route.h"

#define BACKLOG 128

/* Whatever the client says about its user, the kernel's word counts. */
static void client_request(struct channel *channel, struct link_message *message)
{
	route_call(channel, message, channel->uid);
}

static void client_closed(struct channel *channel, const char *why)
{
	channel->hostd->client_count--;
	log_line(LOG_DEBUG, "client=\"%s\" step=closed why=\"%s\"", channel->label, why);
}

static const struct channel_handlers client_handlers = {
    .request = client_request,
    .closed = client_closed,
};

void clients_accepted(struct hostd *hostd, int take_fd)
{
	struct ucred peer = {0};
	socklen_t bytes = sizeof(peer);
	struct channel *channel;
	struct channel_setup setup = {
	    .kind = CHANNEL_CLIENT,
	    .link_kind = LINK_PACKET,
	    .handlers = &client_handlers,
	};

	if (hostd->client_count >= hostd->config.clients) {
		log_line(LOG_WARNING,
			 "step=accept err=\"%u clients are connected, which is the limit ([limits] "
			 "clients); one more was turned away\"",
			 hostd->client_count);
		close(take_fd);
		return;
	}
	if (getsockopt(take_fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0) {
		close(take_fd);
		return;
	}
	setup.uid = peer.uid;
	if (!channel_new(hostd, take_fd, &setup, &channel, "client of user %u (process %d)",
			 peer.uid, peer.pid))
		hostd->client_count++;
}

static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* Return: true when a daemon listens there. */
static bool somebody_answers(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = open_socket();

	return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			   errno == EAGAIN); /* its backlog is full */
}

static int bind_socket(int fd, const struct sockaddr_un *address)
{
	struct stat status;

	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -errno;
	if (lstat(address->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode) ||
	    somebody_answers(address))
		return -EADDRINUSE;
	log_line(LOG_INFO, "socket=%s step=replace why=\"nobody answers on it\"",
		 address->sun_path);
	if (unlink(address->sun_path) < 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	return 0;
}

int clients_listen(const char *path, char error[CONFIG_ERROR_BYTES])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = open_socket();
	int result = fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0)
		result = bind_socket(fd, &address);
	if (result >= 0 && (chmod(path, 0666) < 0 || listen(fd, BACKLOG) < 0)) {
		result = -errno;
		unlink(path);
	}
	if (result == -EADDRINUSE)
		snprintf(
		    error, CONFIG_ERROR_BYTES,
		    "another norma-hostd answers on %s (or it is no socket): stop that one, or "
		    "set another `socket`",
		    path);
	else if (result < 0)
		snprintf(error, CONFIG_ERROR_BYTES, "the socket %s cannot be made: %s", path,
			 strerror(-result));
	return result < 0 ? result : take_fd(&fd);
}
