/*
 * Control sockets: whole packets (Unix SOCK_SEQPACKET, descriptors by SCM_RIGHTS) or frames on a
 * TCP stream. Every message is put in the queue and the queue is written out at once as far as the
 * socket takes it; so there is one way out, and what could not leave waits in order.
 */
#include "link/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

/* Room for the descriptors of one message; one more makes the kernel report MSG_CTRUNC. */
union fd_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(MESSAGE_MAX_FDS * sizeof(int))];
};

struct link_packet {
	struct link_packet *next;
	size_t bytes;
	size_t sent;
	unsigned int fd_count;
	bool owns_fds; /* false while the sender's call is still running */
	int *fds;
	uint8_t data[]; /* bytes, then room for fd_count descriptors */
};

static void close_fds(const int *fds, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		close(fds[i]);
}

int link_init(struct link *link, int take_fd, enum link_kind kind)
{
	int flags = fcntl(take_fd, F_GETFL);

	*link = (struct link){.fd = take_fd, .kind = kind};
	if (flags < 0 || fcntl(take_fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		int error = errno;

		link_done(link);
		return -error;
	}
	link->receive_buffer = malloc(MESSAGE_MAX_BYTES);
	if (!link->receive_buffer) {
		link_done(link);
		return -ENOMEM;
	}
	return 0;
}

static void packet_free(struct link_packet *packet)
{
	if (packet->owns_fds)
		close_fds(packet->fds, packet->fd_count);
	free(packet);
}

static size_t packet_cost(const struct link_packet *packet)
{
	return sizeof(*packet) + packet->bytes;
}

void link_done(struct link *link)
{
	while (link->queue_head) {
		struct link_packet *packet = link->queue_head;

		link->queue_head = packet->next;
		packet_free(packet);
	}
	free(link->receive_buffer);
	if (link->fd >= 0)
		close(link->fd);
	*link = (struct link){.fd = -1};
}

bool link_wants_write(const struct link *link)
{
	return link->queue_head != NULL;
}

/* Sends what is left of one packet. Return: bytes taken by the socket, or -errno. */
static ssize_t packet_transmit(int fd, const struct link_packet *packet)
{
	struct iovec part = {
	    .iov_base = (uint8_t *)(uintptr_t)packet->data + packet->sent,
	    .iov_len = packet->bytes - packet->sent,
	};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	union fd_control control;
	ssize_t sent;

	if (packet->fd_count) {
		size_t fd_bytes = packet->fd_count * sizeof(int);

		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fd_bytes);
		*CMSG_FIRSTHDR(&message) = (struct cmsghdr){
		    .cmsg_len = CMSG_LEN(fd_bytes),
		    .cmsg_level = SOL_SOCKET,
		    .cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), packet->fds, fd_bytes);
	}
	do {
		sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return sent;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

int link_flush(struct link *link)
{
	while (link->queue_head) {
		struct link_packet *packet = link->queue_head;
		ssize_t sent = packet_transmit(link->fd, packet);

		if (sent < 0)
			return (int)sent;
		packet->sent += (size_t)sent;
		if (packet->sent < packet->bytes)
			continue; /* a stream took a part; the next try tells whether it is full */
		link->queue_head = packet->next;
		if (!link->queue_head)
			link->queue_tail = NULL;
		link->queued_bytes -= packet_cost(packet);
		packet_free(packet);
	}
	return 0;
}

static struct link_packet *packet_new(const struct message_header *header, const void *payload,
				      const int *fds, unsigned int fd_count)
{
	size_t bytes = MESSAGE_HEADER_BYTES + header->bytes;
	size_t fds_at = (bytes + sizeof(int) - 1) / sizeof(int) * sizeof(int);
	struct link_packet *packet = malloc(sizeof(*packet) + fds_at + fd_count * sizeof(int));
	struct wire_writer writer;

	if (!packet)
		return NULL;
	*packet = (struct link_packet){.bytes = bytes, .fd_count = fd_count};
	wire_writer_init(&writer, packet->data, MESSAGE_HEADER_BYTES);
	message_header_encode(&writer, header);
	if (header->bytes)
		memcpy(packet->data + MESSAGE_HEADER_BYTES, payload, header->bytes);
	packet->fds = (int *)(void *)(packet->data + fds_at);
	if (fd_count)
		memcpy(packet->fds, fds, fd_count * sizeof(int));
	return packet;
}

static void queue_append(struct link *link, struct link_packet *packet)
{
	if (link->queue_tail)
		link->queue_tail->next = packet;
	else
		link->queue_head = packet;
	link->queue_tail = packet;
	link->queued_bytes += packet_cost(packet);
}

/* Takes the packet that was appended last, of which nothing was sent, back out. */
static void queue_drop_tail(struct link *link)
{
	struct link_packet *packet = link->queue_tail;
	struct link_packet **place = &link->queue_head;

	link->queue_tail = NULL;
	while (*place != packet) {
		link->queue_tail = *place;
		place = &(*place)->next;
	}
	*place = NULL;
	link->queued_bytes -= packet_cost(packet);
	packet_free(packet);
}

/* The sender's descriptors may be closed once it returns: a packet that waits needs its own. */
static int packet_own_fds(struct link_packet *packet)
{
	for (unsigned int i = 0; i < packet->fd_count; i++) {
		int fd = fcntl(packet->fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0) {
			int error = errno;

			close_fds(packet->fds, i);
			return -error;
		}
		packet->fds[i] = fd;
	}
	packet->owns_fds = true;
	return 0;
}

int link_send(struct link *link, const struct message_header *header, const void *payload,
	      size_t payload_bytes, const int *fds, unsigned int fd_count)
{
	struct message_header sized = *header;
	struct link_packet *packet;
	int error;

	if (payload_bytes > MESSAGE_MAX_PAYLOAD || fd_count > MESSAGE_MAX_FDS)
		return -EMSGSIZE;
	if (fd_count && link->kind != LINK_PACKET)
		return -EINVAL;
	if (link->queued_bytes + MESSAGE_HEADER_BYTES + payload_bytes > LINK_MAX_QUEUED_BYTES)
		return -ENOBUFS;
	sized.bytes = (uint32_t)payload_bytes;
	packet = packet_new(&sized, payload, fds, fd_count);
	if (!packet)
		return -ENOMEM;
	queue_append(link, packet);
	error = link_flush(link);
	if (!error)
		return 0;
	if (error == -EAGAIN)
		error = packet_own_fds(packet);
	if (error)
		queue_drop_tail(link); /* nobody will send it: the caller was told */
	return error;
}

static void take_control_fds(struct msghdr *received, struct link_message *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(received); part;
	     part = CMSG_NXTHDR(received, part)) {
		size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		if (count > MESSAGE_MAX_FDS - message->fd_count)
			count = MESSAGE_MAX_FDS - message->fd_count; /* cannot be: see fd_control */
		memcpy(message->fds + message->fd_count, CMSG_DATA(part), count * sizeof(int));
		message->fd_count += (unsigned int)count;
	}
}

/* One recvmsg into the buffer's free part. Return: bytes, -EAGAIN, -EPIPE, -EBADMSG, -errno. */
static ssize_t receive_some(struct link *link, struct link_message *message)
{
	struct iovec part = {
	    .iov_base = link->receive_buffer + link->received,
	    .iov_len = MESSAGE_MAX_BYTES - link->received,
	};
	union fd_control control;
	struct msghdr received = {
	    .msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control),
	};
	ssize_t bytes;

	do {
		bytes = recvmsg(link->fd, &received, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (bytes < 0 && errno == EINTR);
	if (bytes < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	take_control_fds(&received, message);
	if (received.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EBADMSG;
	return bytes ? bytes : -EPIPE;
}

static int packet_receive(struct link *link, struct link_message *message)
{
	ssize_t bytes;
	int error;

	link->received = 0;
	bytes = receive_some(link, message);
	if (bytes < 0)
		return (int)bytes;
	error = message_header_decode(link->receive_buffer, (size_t)bytes, &message->header);
	if (error)
		return error;
	if (message->header.bytes != (size_t)bytes - MESSAGE_HEADER_BYTES)
		return -EBADMSG;
	message->payload = link->receive_buffer + MESSAGE_HEADER_BYTES;
	return 0;
}

/* Return: 0 with the frame at `consumed` in *message, -EAGAIN when it is not complete yet. */
static int frame_take(struct link *link, struct link_message *message)
{
	const uint8_t *frame = link->receive_buffer + link->consumed;
	size_t available = link->received - link->consumed;
	int error;

	if (available < MESSAGE_HEADER_BYTES)
		return -EAGAIN;
	error = message_header_decode(frame, available, &message->header);
	if (error)
		return error;
	if (available - MESSAGE_HEADER_BYTES < message->header.bytes)
		return -EAGAIN;
	message->payload = frame + MESSAGE_HEADER_BYTES;
	link->consumed += MESSAGE_HEADER_BYTES + message->header.bytes;
	return 0;
}

static int stream_receive(struct link *link, struct link_message *message)
{
	for (;;) {
		int error = frame_take(link, message);
		ssize_t bytes;

		if (error != -EAGAIN)
			return error;
		/* Only an incomplete frame is left and it fits the buffer once it is in front. */
		link->received -= link->consumed;
		memmove(link->receive_buffer, link->receive_buffer + link->consumed,
			link->received);
		link->consumed = 0;
		bytes = receive_some(link, message);
		if (bytes < 0)
			return (int)bytes;
		link->received += (size_t)bytes;
	}
}

int link_receive(struct link *link, struct link_message *ret_message)
{
	int error;

	ret_message->fd_count = 0;
	ret_message->payload = NULL;
	error = link->kind == LINK_PACKET ? packet_receive(link, ret_message)
					  : stream_receive(link, ret_message);
	if (error)
		link_message_done(ret_message);
	return error;
}

void link_message_done(struct link_message *message)
{
	close_fds(message->fds, message->fd_count);
	message->fd_count = 0;
}

/* Return: 0 when the link may have something to do, -ETIMEDOUT, -errno. */
static int link_wait(const struct link *link, uint64_t deadline_ns)
{
	struct pollfd event = {.fd = link->fd, .events = POLLIN};
	uint64_t now = clock_now_ns();
	uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
	struct timespec timeout = {
	    .tv_sec = (time_t)(left / NS_PER_S),
	    .tv_nsec = (long)(left % NS_PER_S),
	};
	int ready;

	if (link_wants_write(link))
		event.events |= POLLOUT;
	ready = ppoll(&event, 1, &timeout, NULL);
	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	return ready ? 0 : -ETIMEDOUT;
}

int link_call(struct link *link, struct message_header *header, const void *payload,
	      size_t payload_bytes, const int *fds, unsigned int fd_count, uint64_t deadline_ns,
	      struct link_message *ret_reply)
{
	int error;

	header->bytes = (uint32_t)payload_bytes;
	error = link_send(link, header, payload, payload_bytes, fds, fd_count);
	/* A peer that closed may have said why first: look before giving up. */
	if (error && error != -EPIPE)
		return error;
	while ((error = link_receive(link, ret_reply)) == -EAGAIN) {
		error = link_wait(link, deadline_ns);
		if (error)
			return error;
		error = link_flush(link);
		if (error && error != -EAGAIN && error != -EPIPE)
			return error;
	}
	if (error)
		return error;
	if (ret_reply->header.flags != MESSAGE_REPLY || ret_reply->header.type != header->type ||
	    ret_reply->header.sequence != header->sequence) {
		link_message_done(ret_reply);
		return -EPROTO;
	}
	return 0;
}
