/*
 * A norma-vmm process and its two sockets, from hostd's side.
 */
#include "task_harness.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "mach/thread_status.h"

/* ---- the pager's end ---- */

/* Numbers for as many objects as there are windows. Return: bytes of the reply. */
static size_t pager_publish(struct harness_pager *pager, const struct link_message *message,
			    struct wire_writer *writer)
{
	static struct object_window windows[MESSAGE_MAX_FDS];
	static struct object_id ids[MESSAGE_MAX_FDS];
	struct object_publish_request request;
	struct object_publish_reply reply = {.objects = ids};
	struct wire_reader reader;

	wire_reader_init(&reader, message->payload, message->header.bytes, windows,
			 sizeof(windows));
	object_publish_request_decode(&reader, &request);
	ck_assert_int_eq(wire_reader_end(&reader), 0);
	ck_assert_uint_eq(request.windows_count, message->fd_count);
	for (; reply.objects_count < request.windows_count; reply.objects_count++)
		ids[reply.objects_count].id = ++pager->object_last;
	object_publish_reply_encode(writer, &reply);
	return writer->used;
}

static void pager_answer(struct harness_pager *pager, struct link *link,
			 struct link_message *message)
{
	static uint8_t bytes[MESSAGE_MAX_PAYLOAD];
	struct message_header reply = message->header;
	struct wire_writer writer;
	size_t used = 0;

	reply.flags = MESSAGE_REPLY;
	wire_writer_init(&writer, bytes, sizeof(bytes));
	if (message->header.type == MESSAGE_object_publish)
		used = pager_publish(pager, message, &writer);
	link_send(link, &reply, bytes, used, NULL, 0);
	link_message_done(message);
}

static void *pager_main(void *context)
{
	struct harness_pager *pager = context;
	struct link link;
	struct link_message message;
	int error;

	ck_assert_int_eq(link_init(&link, pager->fd, LINK_PACKET), 0);
	while (true) {
		struct pollfd poll_fd = {.fd = link.fd, .events = POLLIN};

		poll(&poll_fd, 1, -1);
		error = link_receive(&link, &message);
		if (!error)
			pager_answer(pager, &link, &message);
		else if (error != -EAGAIN)
			break;
	}
	link_done(&link);
	return NULL;
}

/* ---- the process ---- */

static void pair(int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
}

static void vmm_exec(int control_fd, int pager_fd)
{
	char control[16], pager[16];

	snprintf(control, sizeof(control), "%d", control_fd);
	snprintf(pager, sizeof(pager), "%d", pager_fd);
	fcntl(control_fd, F_SETFD, 0);
	fcntl(pager_fd, F_SETFD, 0);
	execl(NORMA_VMM_PATH, "norma-vmm", "--control", control, "--pager", pager, NULL);
	_exit(127);
}

struct task_harness *harness_start(void)
{
	struct task_harness *harness = calloc(1, sizeof(*harness));
	int control[2], pager[2];

	ck_assert_ptr_nonnull(harness);
	pair(control);
	pair(pager);
	harness->pid = fork();
	ck_assert_int_ge(harness->pid, 0);
	if (harness->pid == 0)
		vmm_exec(control[1], pager[1]);
	close(control[1]);
	close(pager[1]);
	harness->pager.fd = pager[0];
	ck_assert_int_eq(pthread_create(&harness->pager.pthread, NULL, pager_main, &harness->pager),
			 0);
	ck_assert_int_eq(link_init(&harness->link, control[0], LINK_PACKET), 0);
	return harness;
}

void harness_assign(struct task_harness *harness)
{
	static const uint8_t seed[32] = {1, 2, 3};
	static const struct task_properties properties;
	struct vmm_become_request request = {
	    .task = TASK_NAME,
	    .node = TASK_NODE,
	    .owner_uid = 1000,
	    .generation = 1,
	    .seed = {seed, sizeof(seed)},
	    .properties = &properties,
	    .properties_count = 1,
	    .memory_cell = -1,
	};
	struct vmm_become_reply reply;

	HARNESS_EXPECT(0, harness, vmm_become, &request, &reply);
}

struct task_harness *harness_task(void)
{
	struct task_harness *harness = harness_start();

	harness_assign(harness);
	return harness;
}

int harness_wait_exit(struct task_harness *harness)
{
	int pidfd = pidfd_open(harness->pid, 0);
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
	int status;

	ck_assert_int_ge(pidfd, 0);
	ck_assert_msg(poll(&poll_fd, 1, TASK_WAIT_MS) == 1, "norma-vmm %d does not leave",
		      harness->pid);
	close(pidfd);
	ck_assert_int_eq(waitpid(harness->pid, &status, 0), harness->pid);
	harness->pid = -1;
	ck_assert_msg(WIFEXITED(status), "norma-vmm died of signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

void harness_lose_pager(struct task_harness *harness)
{
	shutdown(harness->pager.fd, SHUT_RDWR);
	pthread_join(harness->pager.pthread, NULL);
	harness->pager.is_joined = true;
}

void harness_stop(struct task_harness *harness)
{
	link_done(&harness->link);
	if (harness->pid > 0)
		ck_assert_int_eq(harness_wait_exit(harness), 0);
	if (!harness->pager.is_joined)
		pthread_join(harness->pager.pthread, NULL);
	free(harness);
}

/* ---- messages ---- */

static void answer(struct task_harness *harness, const struct message_header *request)
{
	struct message_header reply = *request;

	reply.flags = MESSAGE_REPLY;
	reply.result = 0;
	ck_assert_int_eq(link_send(&harness->link, &reply, NULL, 0, NULL, 0), 0);
}

static void take_output(struct task_harness *harness, const struct link_message *message)
{
	struct vmm_console_output_request request = {0};
	struct wire_reader reader;

	wire_reader_init(&reader, message->payload, message->header.bytes, NULL, 0);
	vmm_console_output_request_decode(&reader, &request);
	ck_assert_int_eq(wire_reader_end(&reader), 0);
	ck_assert_uint_le(harness->output_bytes + request.data.bytes, OUTPUT_BYTES);
	memcpy(harness->output + harness->output_bytes, request.data.data, request.data.bytes);
	harness->output_bytes += request.data.bytes;
	if (!harness->is_output_held) {
		answer(harness, &message->header);
		return;
	}
	harness->held = message->header;
	harness->held_count++;
}

static void take_request(struct task_harness *harness, const struct link_message *message)
{
	struct wire_reader reader;

	switch (message->header.type) {
	case MESSAGE_vmm_console_output:
		take_output(harness, message);
		return;
	case MESSAGE_vmm_ended:
		ck_assert_uint_eq(harness->ended.state, 0);
		wire_reader_init(&reader, message->payload, message->header.bytes, NULL, 0);
		vmm_ended_request_decode(&reader, &harness->ended);
		ck_assert_int_eq(wire_reader_end(&reader), 0);
		answer(harness, &message->header);
		return;
	default:
		/* A guest's call: left unanswered, the tests want to see it wait. */
		harness->forwarded = message->header;
		return;
	}
}

static void take_reply(struct task_harness *harness, const struct link_message *message)
{
	struct wire_reader reader;

	memcpy(harness->reply_bytes, message->payload, message->header.bytes);
	if (!message->header.result)
		return;
	wire_reader_init(&reader, message->payload, message->header.bytes, NULL, 0);
	failure_decode(&reader, &harness->failure);
	ck_assert_int_eq(wire_reader_end(&reader), 0);
	ck_assert_msg(harness->failure.text[0], "a refusal without a sentence");
}

static void fail_gone(struct task_harness *harness, int error)
{
	int status = 0;

	kill(harness->pid, SIGKILL);
	waitpid(harness->pid, &status, 0);
	ck_abort_msg("norma-vmm's socket: %s (exited %d with %d, signal %d)", strerror(-error),
		     WIFEXITED(status), WEXITSTATUS(status), WTERMSIG(status));
}

/* Takes one message. Return: true when it is the reply to `sequence` (its header in *ret_header).
 */
static bool serve_one(struct task_harness *harness, uint64_t sequence,
		      struct message_header *ret_header)
{
	struct pollfd poll_fd = {.fd = harness->link.fd, .events = POLLIN};
	struct link_message message;
	int error = link_receive(&harness->link, &message);

	if (error == -EAGAIN) {
		poll_fd.events |= link_wants_write(&harness->link) ? POLLOUT : 0;
		ck_assert_msg(poll(&poll_fd, 1, TASK_WAIT_MS) > 0,
			      "norma-vmm says nothing for %d ms", TASK_WAIT_MS);
		link_flush(&harness->link);
		return false;
	}
	if (error)
		fail_gone(harness, error);
	bool is_reply = message.header.flags & MESSAGE_REPLY;
	if (is_reply)
		take_reply(harness, &message);
	else
		take_request(harness, &message);
	*ret_header = message.header;
	link_message_done(&message);
	return is_reply && message.header.sequence == sequence;
}

uint64_t harness_post(struct task_harness *harness, uint16_t type, const void *payload,
		      size_t bytes)
{
	struct message_header header = {.type = type, .sequence = ++harness->sequence, .uid = 1000};

	ck_assert_int_eq(
	    link_send(&harness->link, &header, payload, bytes, harness->fds, harness->fd_count), 0);
	harness->fd_count = 0;
	return header.sequence;
}

int32_t harness_await(struct task_harness *harness, uint64_t sequence, uint32_t *ret_payload_bytes)
{
	struct message_header reply;

	while (!serve_one(harness, sequence, &reply))
		;
	*ret_payload_bytes = reply.bytes;
	return reply.result;
}

int32_t harness_call_raw(struct task_harness *harness, uint16_t type, const void *payload,
			 size_t bytes, uint32_t *ret_payload_bytes)
{
	return harness_await(harness, harness_post(harness, type, payload, bytes),
			     ret_payload_bytes);
}

void harness_send_raw(struct task_harness *harness, const void *data, size_t bytes)
{
	ck_assert_int_eq(send(harness->link.fd, data, bytes, MSG_NOSIGNAL), (ssize_t)bytes);
}

void harness_await_end(struct task_harness *harness)
{
	struct message_header header;

	while (!harness->ended.state)
		serve_one(harness, 0, &header);
}

void harness_await_output(struct task_harness *harness, size_t bytes)
{
	struct message_header header;

	while (harness->output_bytes < bytes)
		serve_one(harness, 0, &header);
}

void harness_await_forwarded(struct task_harness *harness)
{
	struct message_header header;

	while (!harness->forwarded.type)
		serve_one(harness, 0, &header);
}

void harness_release_output(struct task_harness *harness)
{
	harness->is_output_held = false;
	answer(harness, &harness->held);
}
