/*
 * One call being answered: the request as decoded from, and the reply as encoded to, somebody's
 * buffers. The same for a guest's hypercall and for a request that hostd forwards.
 */
#ifndef TASK_CALL_H
#define TASK_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "mach/kern_return.h"
#include "message/message.h"

struct task;
struct thread;

/* In place of a result: somebody has taken the call and answers it later; not a Mach return code.
 */
#define CALL_PARKED (-1)

/*
 * The memory a call needs, reused from call to call. Owned by the thread that answers calls (a
 * worker, a runner, the control thread). A guest reads and writes whole messages, so requests and
 * replies have room for their header.
 */
struct call_arena {
	/* Descriptors: of the request, borrowed, what is taken becomes -1; of the reply, closed
	 * once it is sent. */
	int *request_fds;
	uint32_t request_fd_count;
	uint32_t reply_fd_count;
	int reply_fds[MESSAGE_MAX_FDS];
	_Alignas(16) uint8_t decoded[MESSAGE_MAX_SCRATCH];
	uint8_t request[MESSAGE_MAX_BYTES];
	uint8_t reply[MESSAGE_MAX_BYTES];
	uint8_t data[MESSAGE_MAX_DATA]; /* what a BYTES field of the reply points to */
};

struct call {
	struct task *task;
	struct thread *caller; /* the guest thread that called, NULL when hostd forwarded it */
	struct message_header header;
	struct wire_reader request;
	struct wire_writer reply;
	struct call_arena *arena;
	struct failure failure; /* of a refused call: why, in a sentence */
};

/* Return: a zeroed arena (free() it), NULL without memory. */
struct call_arena *call_arena_new(void);

/*
 * Answers the request of `header` and payload[header->bytes] (which may lie in arena->request).
 * Afterwards arena->reply + MESSAGE_HEADER_BYTES holds call_reply_bytes() bytes of reply payload, a
 * `failure` when the result is not KERN_SUCCESS. Return: the result; CALL_PARKED (never for a
 * caller): there is no reply now.
 */
kern_return_t call_serve(struct task *task, struct thread *caller,
			 const struct message_header *header, const uint8_t *payload,
			 struct call_arena *arena, uint32_t *ret_reply_bytes);

/* Puts a `failure` as reply payload into the arena. Return: its bytes. */
uint32_t call_failure_encode(struct call_arena *arena, const struct failure *failure);

/* Sets the failure's sentence. Return: code. */
kern_return_t call_fail(struct call *call, kern_return_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A sentence about a range of memory, for the codes that the space functions return. Return: code.
 */
kern_return_t call_fail_range(struct call *call, kern_return_t code, uint64_t address,
			      uint64_t bytes);

/* What a code of a space function means for a range of memory, as part of a sentence. */
const char *call_range_reason(kern_return_t code);

/* Return: true when this call is quick and never waits: the control thread answers it itself. */
bool call_is_quick(uint16_t type);

#endif
