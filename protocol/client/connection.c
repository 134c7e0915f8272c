/*
 * A thread's connection to the daemon: making it, the sentences when that fails, and the transport
 * under the call stubs. After a timeout or a broken message the link is closed, because a late
 * reply could be taken for the next call's.
 */
#include "connection.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "link/link.h"
#include "mach/transport.h"
#include "message/names.h"
#include "norma.h"

/* The daemon has deadlines of its own that are shorter; this one is for a daemon that hangs. */
#define CALL_TIMEOUT_MS	   60000u
#define CONNECT_TIMEOUT_MS 5000u

struct client_connection {
	struct link link; /* fd -1 after it broke */
	uint64_t next_sequence;
	uint64_t timeout_ms; /* of the next call */
	task_t self_task;
	int node;
	uint8_t room[MESSAGE_MAX_BYTES];
	uint64_t scratch[MESSAGE_MAX_SCRATCH / sizeof(uint64_t)];
};

static _Thread_local struct client_connection *client_current;
static _Thread_local char client_error[MESSAGE_MAX_TEXT + 256];

void client_error_set(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(client_error, sizeof(client_error), format, args);
	va_end(args);
}

const char *norma_last_error(void)
{
	return client_error;
}

static void explain_connect(const char *path, int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		client_error_set("no norma-hostd answers at %s: start it, or name its socket in "
				 "NORMA_SOCKET",
				 path);
		break;
	case EACCES:
	case EPERM:
		client_error_set("no permission to use norma-hostd's socket %s: run as a user who "
				 "may, for instance a member of the socket's group",
				 path);
		break;
	case EAGAIN:
	case ETIMEDOUT:
		client_error_set("norma-hostd at %s did not answer within %u s: it hangs or is "
				 "overloaded",
				 path, CONNECT_TIMEOUT_MS / 1000);
		break;
	case EPROTO:
		client_error_set("norma-hostd at %s does not speak version %u of the protocol: "
				 "install libnorma and norma-hostd of the same release",
				 path, MESSAGE_VERSION);
		break;
	case EPIPE:
	case EBADMSG:
		client_error_set("what listens at %s does not answer like this release's "
				 "norma-hostd: check the path and that both are of one release",
				 path);
		break;
	default:
		client_error_set("cannot connect to norma-hostd at %s: %s", path, strerror(error));
		break;
	}
}

/* Return: a connected socket, -errno. */
static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_MS / 1000};
	int fd, error = 0;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Bounds connect(2), which waits while the daemon's queue is full. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		error = -errno;
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

/* The first call: proves that the other side speaks this protocol. Return: 0, -errno. */
static int greet(struct client_connection *connection)
{
	struct message_header header = {.type = MESSAGE_norma_node_self};
	struct norma_node_self_reply self;
	struct link_message reply;
	struct wire_reader reader;
	int error = link_call(&connection->link, &header, NULL, 0, NULL, 0,
			      clock_now_ns() + CONNECT_TIMEOUT_MS * NS_PER_MS, &reply);

	if (error)
		return error;
	link_message_done(&reply);
	if (reply.header.result)
		return -EPROTO;
	wire_reader_init(&reader, reply.payload, reply.header.bytes, NULL, 0);
	norma_node_self_reply_decode(&reader, &self);
	connection->node = self.node;
	return wire_reader_end(&reader);
}

static int connection_open(const char *path, struct client_connection *connection)
{
	int fd = open_socket(path);
	int error;

	if (fd < 0)
		return fd;
	error = link_init(&connection->link, fd, LINK_PACKET);
	if (error)
		return error;
	connection->next_sequence = 1;
	connection->timeout_ms = CALL_TIMEOUT_MS;
	error = greet(connection);
	if (error)
		link_done(&connection->link);
	return error;
}

int norma_connect(const char *path)
{
	struct client_connection *connection;
	int error;

	norma_disconnect();
	if (!path)
		path = getenv("NORMA_SOCKET");
	if (!path || !*path)
		path = NORMA_DEFAULT_SOCKET;
	connection = calloc(1, sizeof(*connection));
	error = connection ? connection_open(path, connection) : -ENOMEM;
	if (error) {
		explain_connect(path, -error);
		free(connection);
		return error == -EAGAIN ? -ETIMEDOUT : error;
	}
	client_current = connection;
	return 0;
}

void norma_disconnect(void)
{
	if (client_current)
		link_done(&client_current->link);
	free(client_current);
	client_current = NULL;
}

void norma_set_self_task(task_t task)
{
	if (client_current)
		client_current->self_task = task;
}

task_t mach_task_self(void)
{
	return client_current ? client_current->self_task : TASK_NULL;
}

thread_act_t mach_thread_self(void)
{
	return THREAD_NULL;
}

host_t mach_host_self(void)
{
	return client_current ? name_of_host(client_current->node) : HOST_NULL;
}

/* Return: KERN_SUCCESS; KERN_FAILURE with a sentence. */
static kern_return_t check_connected(void)
{
	if (client_current && client_current->link.fd >= 0)
		return KERN_SUCCESS;
	client_error_set(client_current
			     ? "the connection to norma-hostd was lost by an earlier "
			       "call: connect again"
			     : "not connected to norma-hostd: norma_connect comes first");
	return KERN_FAILURE;
}

kern_return_t client_room_get(struct mach_room *ret_room)
{
	kern_return_t result = check_connected();

	if (result == KERN_SUCCESS)
		*ret_room = (struct mach_room){
		    .bytes = client_current->room,
		    .capacity = sizeof(client_current->room),
		    .scratch = client_current->scratch,
		    .scratch_bytes = sizeof(client_current->scratch),
		};
	return result;
}

void norma_transport_extend_deadline(unsigned int milliseconds)
{
	if (client_current)
		client_current->timeout_ms = CALL_TIMEOUT_MS + milliseconds;
}

/* The link broke: says why and closes it. Return: what the call returns. */
static kern_return_t call_broken(uint16_t type, uint64_t timeout_ms, int error)
{
	const char *name = message_type_name(type);

	link_done(&client_current->link);
	if (error == -ETIMEDOUT) {
		client_error_set("%s: norma-hostd did not answer within %llu s: it hangs or is "
				 "overloaded; the connection was closed",
				 name, (unsigned long long)timeout_ms / 1000);
		return KERN_OPERATION_TIMED_OUT;
	}
	if (error == -EPIPE)
		client_error_set(
		    "%s: norma-hostd closed the connection: it ended, or was restarted", name);
	else
		client_error_set("%s: the connection to norma-hostd broke: %s", name,
				 strerror(-error));
	return KERN_FAILURE;
}

static kern_return_t call_refused(const struct link_message *reply)
{
	struct wire_reader reader;
	struct failure failure;

	wire_reader_init(&reader, reply->payload, reply->header.bytes, NULL, 0);
	failure_decode(&reader, &failure);
	if (wire_reader_end(&reader) || !failure.text[0])
		client_error_set("%s: %s", message_type_name(reply->header.type),
				 mach_error_string(reply->header.result));
	else
		client_error_set("%s", failure.text);
	return reply->header.result;
}

kern_return_t norma_transport_call(uint16_t type, uint8_t *buffer, size_t request_bytes,
				   size_t capacity, size_t *ret_reply_bytes)
{
	struct message_header header = {.type = type};
	struct link_message reply;
	uint64_t timeout_ms;
	int error;

	if (check_connected() != KERN_SUCCESS)
		return KERN_FAILURE;
	timeout_ms = client_current->timeout_ms;
	client_current->timeout_ms = CALL_TIMEOUT_MS;
	header.sequence = client_current->next_sequence++;
	error = link_call(&client_current->link, &header, buffer + MESSAGE_HEADER_BYTES,
			  request_bytes, NULL, 0, clock_now_ns() + timeout_ms * NS_PER_MS, &reply);
	if (error)
		return call_broken(type, timeout_ms, error);
	link_message_done(&reply); /* no reply to a client has descriptors */
	if (reply.header.result)
		return call_refused(&reply);
	if (reply.header.bytes > capacity - MESSAGE_HEADER_BYTES)
		return call_broken(type, timeout_ms, -EBADMSG);
	if (reply.header.bytes)
		memcpy(buffer + MESSAGE_HEADER_BYTES, reply.payload, reply.header.bytes);
	*ret_reply_bytes = reply.header.bytes;
	return KERN_SUCCESS;
}
