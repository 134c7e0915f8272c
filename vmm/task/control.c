/*
 * Sending, waiting and matching of replies on the socket to hostd.
 */
#include "control.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wait.h"

int control_init(struct control *control, int take_socket_fd)
{
	int error;

	pthread_mutex_init(&control->lock, NULL);
	control->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (control->wake_fd < 0) {
		error = -errno;
		close(take_socket_fd);
		return error;
	}
	error = link_init(&control->link, take_socket_fd, LINK_PACKET);
	if (error)
		close(control->wake_fd);
	return error;
}

void control_wake(struct control *control)
{
	const uint64_t one = 1;

	if (listener_is_lone())
		listener_start();
	/* The only failure is a full counter: then the control thread is awake already. */
	(void)!write(control->wake_fd, &one, sizeof(one));
}

static int control_send_locked(struct control *control, const struct message_header *header,
			       const struct control_body *body)
{
	int error;

	if (control->is_closed)
		return -EPIPE;
	error = link_send(&control->link, header, body->payload, body->bytes, body->fds,
			  body->fd_count);
	if (error || link_wants_write(&control->link))
		control_wake(control);
	return error;
}

int control_send(struct control *control, const struct message_header *header,
		 const struct control_body *body)
{
	int error;

	pthread_mutex_lock(&control->lock);
	error = control_send_locked(control, header, body);
	pthread_mutex_unlock(&control->lock);
	return error;
}

int control_request(struct control *control, const struct message_header *header,
		    const void *payload, size_t payload_bytes)
{
	struct message_header request = {.type = header->type, .uid = header->uid};
	const struct control_body body = {.payload = payload, .bytes = payload_bytes};
	int error;

	pthread_mutex_lock(&control->lock);
	request.sequence = ++control->sequence_last;
	error = control_send_locked(control, &request, &body);
	pthread_mutex_unlock(&control->lock);
	return error;
}

static struct control_call *control_call_take(struct control *control, struct control_wait *wait)
{
	for (unsigned int i = 0; i < CONTROL_CALLS_MAX; i++) {
		struct control_call *call = &control->calls[i];

		if (call->wait)
			continue;
		wait_cond_init(&call->changed);
		call->wait = wait;
		call->is_done = false;
		return call;
	}
	return NULL;
}

static void control_call_give_back(struct control_call *call)
{
	call->wait = NULL;
	pthread_cond_destroy(&call->changed);
}

static int control_call_wait(struct control *control, struct control_call *call)
{
	const struct control_wait *wait = call->wait;
	int error = 0;

	while (!call->is_done && !error && !atomic_load(wait->is_cancelled) && !control->is_closed)
		error = wait_until(&call->changed, &control->lock, wait->deadline_ns);
	if (call->is_done)
		return 0;
	if (control->is_closed)
		return -EPIPE;
	return atomic_load(wait->is_cancelled) ? -ECANCELED : error;
}

int control_call(struct control *control, const struct message_header *header,
		 const struct wire_span *payload, struct control_wait *wait)
{
	struct message_header request = {.type = header->type, .uid = header->uid};
	const struct control_body body = {.payload = payload->data, .bytes = payload->bytes};
	struct control_call *call;
	int error = -EBUSY;

	pthread_mutex_lock(&control->lock);
	call = control_call_take(control, wait);
	if (call) {
		request.sequence = ++control->sequence_last;
		call->sequence = request.sequence;
		call->type = request.type;
		error = control_send_locked(control, &request, &body);
		if (!error)
			error = control_call_wait(control, call);
		control_call_give_back(call);
	}
	pthread_mutex_unlock(&control->lock);
	return error;
}

static void control_wake_callers_locked(struct control *control)
{
	for (unsigned int i = 0; i < CONTROL_CALLS_MAX; i++)
		if (control->calls[i].wait)
			pthread_cond_signal(&control->calls[i].changed);
}

void control_wake_callers(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	control_wake_callers_locked(control);
	pthread_mutex_unlock(&control->lock);
}

/* Return: true when somebody waited for this reply (or did, and gave up: then it is dropped). */
static bool control_deliver(struct control *control, const struct link_message *message)
{
	const struct message_header *header = &message->header;

	for (unsigned int i = 0; i < CONTROL_CALLS_MAX; i++) {
		struct control_call *call = &control->calls[i];

		if (!call->wait || call->is_done || call->sequence != header->sequence ||
		    call->type != header->type)
			continue;
		call->wait->header = *header;
		memcpy(call->wait->payload, message->payload, header->bytes);
		call->is_done = true;
		pthread_cond_signal(&call->changed);
		return true;
	}
	return false;
}

int control_receive(struct control *control, struct link_message *ret_message)
{
	int error;

	pthread_mutex_lock(&control->lock);
	do {
		error = link_receive(&control->link, ret_message);
		if (error)
			break;
		if (!(ret_message->header.flags & MESSAGE_REPLY))
			break;
		if (!control_deliver(control, ret_message))
			break;
		link_message_done(ret_message);
	} while (true);
	pthread_mutex_unlock(&control->lock);
	return error;
}

int control_flush(struct control *control, bool *ret_wants_write)
{
	int error;

	pthread_mutex_lock(&control->lock);
	error = link_flush(&control->link);
	*ret_wants_write = error == -EAGAIN;
	pthread_mutex_unlock(&control->lock);
	return error == -EAGAIN ? 0 : error;
}

static void control_close_locked(struct control *control)
{
	control->is_closed = true;
	control_wake_callers_locked(control);
}

void control_close(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	control_close_locked(control);
	pthread_mutex_unlock(&control->lock);
}

static bool next_is_reply(const struct control *control)
{
	uint8_t bytes[MESSAGE_HEADER_BYTES];
	struct message_header header;
	ssize_t got = recv(control->link.fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

	return got == sizeof(bytes) && !message_header_decode(bytes, sizeof(bytes), &header) &&
	       (header.flags & MESSAGE_REPLY);
}

bool control_take_reply(struct control *control)
{
	struct link_message message;

	if (!next_is_reply(control))
		return false;
	if (link_receive(&control->link, &message)) {
		control_close_locked(control);
		return true;
	}
	/* Nobody waits: whoever did gave up. */
	control_deliver(control, &message);
	link_message_done(&message);
	return true;
}
