/*
 * Messages between a test and its tasks.
 */
#include "memory_peer_wire.h"

#include <string.h>
#include <sys/socket.h>

bool peer_message_send(int fd, const struct peer_message *message)
{
	ssize_t bytes = (ssize_t)(MESSAGE_HEAD + message->used);

	return send(fd, message, (size_t)bytes, MSG_NOSIGNAL) == bytes;
}

union fd_control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(2 * sizeof(int))];
};

bool peer_message_send_fds(int fd, const struct peer_message *message)
{
	union fd_control control = {.head = {.cmsg_len = CMSG_LEN(sizeof(message->fds)),
					     .cmsg_level = SOL_SOCKET,
					     .cmsg_type = SCM_RIGHTS}};
	struct iovec part = {(void *)(uintptr_t)message, MESSAGE_HEAD};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.head), message->fds, sizeof(message->fds));
	return sendmsg(fd, &header, MSG_NOSIGNAL) == (ssize_t)MESSAGE_HEAD;
}

bool peer_message_receive(int fd, struct peer_message *message)
{
	union fd_control control;
	struct iovec part = {message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = &control,
				.msg_controllen = sizeof(control)};
	bool is_whole = recvmsg(fd, &header, MSG_CMSG_CLOEXEC) >= (ssize_t)MESSAGE_HEAD;
	const struct cmsghdr *rights = CMSG_FIRSTHDR(&header);

	message->fds[0] = message->fds[1] = -1;
	if (rights)
		memcpy(message->fds, CMSG_DATA(rights), sizeof(message->fds));
	return is_whole;
}
