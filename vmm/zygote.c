/*
 * The zygote's loop. fork(2) of the C library has no CLONE_PARENT, so the system call is made here;
 * what else fork would do is needed by programs with more threads only, except for the thread
 * number that the library caches, which the kernel is asked to renew.
 */
#include "zygote.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "link/link.h"
#include "mach/kern_return.h"

#define ORDER_FDS 2

struct zygote {
	struct link link;
	int *thread_number; /* where the C library keeps it */
};

/* Return: as fork(2). */
static pid_t copy_process(const struct zygote *zygote)
{
	return (pid_t)syscall(SYS_clone,
			      CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD,
			      NULL, NULL, zygote->thread_number, 0UL);
}

static int refuse(struct zygote *zygote, const struct link_message *order, int error)
{
	const struct message_header reply = {
	    .type = order->header.type,
	    .flags = MESSAGE_REPLY,
	    .sequence = order->header.sequence,
	    .result = KERN_RESOURCE_SHORTAGE,
	};
	struct failure failure = {0};
	uint8_t payload[sizeof(failure) + 8];
	struct wire_writer writer;

	snprintf(failure.text, sizeof(failure.text), "a process cannot be copied: %s%s",
		 strerror(error), error == EAGAIN ? " (the limit of processes is reached)" : "");
	wire_writer_init(&writer, payload, sizeof(payload));
	failure_encode(&writer, &failure);
	return link_send(&zygote->link, &reply, payload, writer.used, NULL, 0);
}

static int report(struct zygote *zygote, const struct link_message *order, pid_t pid)
{
	const struct message_header reply = {
	    .type = order->header.type,
	    .flags = MESSAGE_REPLY,
	    .sequence = order->header.sequence,
	};
	const struct zygote_fork_reply copied = {.pid = pid};
	uint8_t payload[16];
	struct wire_writer writer;

	wire_writer_init(&writer, payload, sizeof(payload));
	zygote_fork_reply_encode(&writer, &copied);
	return link_send(&zygote->link, &reply, payload, writer.used, NULL, 0);
}

/* Return: 0, 1 in the copy, -errno. */
static int carry_out(struct zygote *zygote, struct link_message *order,
		     struct zygote_copy *ret_copy)
{
	struct zygote_fork_request request;
	struct wire_reader reader;
	pid_t pid;

	wire_reader_init(&reader, order->payload, order->header.bytes, NULL, 0);
	zygote_fork_request_decode(&reader, &request);
	if (wire_reader_end(&reader) || order->header.type != MESSAGE_zygote_fork ||
	    order->fd_count != ORDER_FDS)
		return -EPROTO;
	pid = copy_process(zygote);
	if (pid < 0)
		return refuse(zygote, order, errno);
	if (pid > 0)
		return report(zygote, order, pid);
	*ret_copy = (struct zygote_copy){
	    .control_fd = take_fd(&order->fds[0]),
	    .pager_fd = take_fd(&order->fds[1]),
	};
	memcpy(ret_copy->cpu_clear, request.cpu_clear, sizeof(ret_copy->cpu_clear));
	order->fd_count = 0;
	return 1;
}

/* Return: 0 when there are no more orders for now, 1 in a copy, -errno. */
static int carry_out_all(struct zygote *zygote, struct zygote_copy *ret_copy)
{
	struct link_message order;
	int result;

	while (!(result = link_receive(&zygote->link, &order))) {
		result = carry_out(zygote, &order, ret_copy);
		link_message_done(&order);
		if (result)
			return result;
	}
	return result == -EAGAIN ? 0 : result;
}

static int wait_for_orders(struct zygote *zygote)
{
	struct pollfd poll_fd = {.fd = zygote->link.fd, .events = POLLIN};
	int error = link_flush(&zygote->link);

	if (error && error != -EAGAIN)
		return error;
	if (error)
		poll_fd.events |= POLLOUT;
	return poll(&poll_fd, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int zygote_serve(int take_socket_fd, struct zygote_copy *ret_copy)
{
	struct zygote zygote;
	int result = link_init(&zygote.link, take_socket_fd, LINK_PACKET);

	if (result)
		return result;
	if (prctl(PR_GET_TID_ADDRESS, &zygote.thread_number) < 0)
		result = -errno;
	while (!result) {
		result = wait_for_orders(&zygote);
		if (!result)
			result = carry_out_all(&zygote, ret_copy);
	}
	link_done(&zygote.link);
	return result == -EPIPE ? 0 : result;
}
