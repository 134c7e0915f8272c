/*
 * Hosts for tests: real daemons' state (struct hostd) in this process, driven step by step, with
 * fake VMM and pager programs, real sockets and real processes. Every wait has a deadline.
 */
#ifndef HOSTD_HARNESS_H
#define HOSTD_HARNESS_H

#include <stdbool.h>

#include "channel.h"
#include "hostd.h"
#include "link/link.h"
#include "tasks.h"

#define HARNESS_MAX_HOSTS 3

struct harness {
	char directory[64];
	struct hostd *hosts[HARNESS_MAX_HOSTS]; /* NULL: down */
	struct config configs[HARNESS_MAX_HOSTS];
	unsigned int host_count;
	int first_fds; /* open before it began */
	int held_fd;   /* keeps a fake program from answering; -1: none */
};

/* Prepares configurations of host_count hosts that know each other; starts none. */
void harness_begin(struct harness *harness, unsigned int host_count);
/* Stops what runs; fails when a descriptor or a process is left. */
void harness_end(struct harness *harness);

void harness_start(struct harness *harness, unsigned int host);
void harness_stop(struct harness *harness, unsigned int host);

/* What fake programs do from now on: lines of "message_name action". */
void harness_script(struct harness *harness, const char *script);

/*
 * Until a fake program holds an answer back: only then may the script change, since programs read
 * it when the request has reached them.
 */
void harness_until_held(struct harness *harness);
/* Lets it go on. */
void harness_release(struct harness *harness);

/* Lets all hosts do what there is to do, for at most some milliseconds. */
void harness_step(struct harness *harness);
/* Until fact(context) or a deadline of 30 s, when the test fails with `what`. */
void harness_until(struct harness *harness, bool (*fact)(void *context), void *context,
		   const char *what);

/* Everything is as if nothing had been asked: no building tasks, no calls, the pool full. */
void harness_settle(struct harness *harness);
/* Return: the open descriptors of this process, settled. */
int harness_fds(struct harness *harness);

/* A client connected to a host. */
void client_open(struct harness *harness, unsigned int host, struct link *client);

/* Sends a call. Return: its sequence number. */
uint64_t client_send(struct link *client, uint16_t type, const void *payload, size_t bytes);
/* Waits for the next reply. */
void client_receive(struct harness *harness, struct link *client, struct link_message *reply);
/* Both. Return: the result; *ret_reply borrows the client. */
int32_t client_call(struct harness *harness, struct link *client, uint16_t type,
		    const void *payload, size_t bytes, struct link_message *ret_reply);

/* Encodes struct NAME_request {...} and calls. Value: the result. */
#define CALL_HOST(harness, client, name, reply, ...)                                               \
	({                                                                                         \
		uint8_t buffer_[4096];                                                             \
		struct wire_writer writer_;                                                        \
		struct name##_request request_ = {__VA_ARGS__};                                    \
		wire_writer_init(&writer_, buffer_, sizeof(buffer_));                              \
		name##_request_encode(&writer_, &request_);                                        \
		client_call(harness, client, MESSAGE_##name, buffer_, writer_.used, reply);        \
	})
#define SEND_HOST(client, name, ...)                                                               \
	({                                                                                         \
		uint8_t buffer_[4096];                                                             \
		struct wire_writer writer_;                                                        \
		struct name##_request request_ = {__VA_ARGS__};                                    \
		wire_writer_init(&writer_, buffer_, sizeof(buffer_));                              \
		name##_request_encode(&writer_, &request_);                                        \
		client_send(client, MESSAGE_##name, buffer_, writer_.used);                        \
	})
/* Decodes a reply; fails the test when it is malformed. */
#define REPLY_OF(name, reply, value)                                                               \
	do {                                                                                       \
		static uint8_t scratch_[128 * 1024] __attribute__((aligned(8)));                   \
		struct wire_reader reader_;                                                        \
		wire_reader_init(&reader_, (reply)->payload, (reply)->header.bytes, scratch_,      \
				 sizeof(scratch_));                                                \
		name##_reply_decode(&reader_, value);                                              \
		ck_assert_int_eq(wire_reader_end(&reader_), 0);                                    \
	} while (0)

/* The sentence of a refusal. */
const char *refusal(const struct link_message *reply);

/* Begins, loads and starts a fake program. Return: the task. */
uint32_t run_program(struct harness *harness, struct link *client, int node, const char *program);
/* Return: live tasks of a host, those being built included. */
unsigned int live_tasks(const struct harness *harness, unsigned int host);

#endif
