/*
 * Plays norma-hostd for one real norma-vmm: starts it, speaks on its control socket, takes its
 * console output and its end. The pager's end is a thread that answers pager_hello, gives numbers
 * to published objects and keeps none.
 */
#ifndef TESTS_TASK_HARNESS_H
#define TESTS_TASK_HARNESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/link.h"
#include "message/message.h"
#include "message/names.h"

#define TASK_NODE     3
#define TASK_NAME     name_of_task(TASK_NODE, 77)
#define TASK_WAIT_MS  20000
#define OUTPUT_BYTES  (1u << 20)
#define SCRATCH_BYTES (EXPORT_MAX_REGIONS * sizeof(struct region_entry))

struct harness_pager {
	pthread_t pthread;
	int fd;
	uint64_t object_last; /* the id that the last published object got */
	bool is_joined;
};

struct task_harness {
	pid_t pid;
	struct link link;
	struct harness_pager pager;
	uint64_t sequence;
	const int *fds; /* go along with the next call */
	unsigned int fd_count;
	struct failure failure;		/* of the last refused call */
	struct vmm_ended_request ended; /* state 0: not yet */
	bool is_output_held;		/* console output is taken but not answered */
	struct message_header held;
	uint32_t held_count;
	size_t output_bytes;
	char output[OUTPUT_BYTES];
	uint8_t scratch[SCRATCH_BYTES];
	uint8_t reply_bytes[MESSAGE_MAX_PAYLOAD]; /* what spans of a reply point to */
	struct message_header forwarded; /* last call of a guest that came here, type 0: none */
};

/* A VMM that waits for vmm_become; harness_assign makes it task TASK_NAME. */
struct task_harness *harness_start(void);
void harness_assign(struct task_harness *harness);
/* start and assign in one */
struct task_harness *harness_task(void);
/* The pager goes away. */
void harness_lose_pager(struct task_harness *harness);
/* Closes everything and checks that the process is gone in time. */
void harness_stop(struct task_harness *harness);
/* Return: the exit status of the VMM process once it has left; fails the test if it does not. */
int harness_wait_exit(struct task_harness *harness);

/* Sends raw bytes as one packet. */
void harness_send_raw(struct task_harness *harness, const void *data, size_t bytes);
/* Sends a request and serves the VMM until its reply is there. Return: result; *ret_payload_bytes
 * of reply_bytes. */
int32_t harness_call_raw(struct task_harness *harness, uint16_t type, const void *payload,
			 size_t bytes, uint32_t *ret_payload_bytes);
/* Sends without waiting. Return: the sequence, for harness_await. */
uint64_t harness_post(struct task_harness *harness, uint16_t type, const void *payload,
		      size_t bytes);
int32_t harness_await(struct task_harness *harness, uint64_t sequence, uint32_t *ret_payload_bytes);
/* Serves the VMM until it has ended. */
void harness_await_end(struct task_harness *harness);
/* Serves the VMM until `bytes` bytes of output are there. */
void harness_await_output(struct task_harness *harness, size_t bytes);
/* Serves the VMM until a guest's call has arrived here; it is answered with KERN_SUCCESS and no
 * fields, or left unanswered. */
void harness_await_forwarded(struct task_harness *harness);
/* Answers the output held back by is_output_held. */
void harness_release_output(struct task_harness *harness);

/* Sends NAME_request and decodes NAME_reply. Value: the result. */
#define HARNESS_CALL(harness, name, request, reply)                                                \
	({                                                                                         \
		uint8_t bytes_[MESSAGE_MAX_PAYLOAD];                                               \
		struct wire_writer writer_;                                                        \
		uint32_t got_;                                                                     \
		wire_writer_init(&writer_, bytes_, sizeof(bytes_));                                \
		name##_request_encode(&writer_, (request));                                        \
		ck_assert_int_eq(writer_.error, 0);                                                \
		int32_t result_ =                                                                  \
		    harness_call_raw((harness), MESSAGE_##name, bytes_, writer_.used, &got_);      \
		if (!result_) {                                                                    \
			struct wire_reader reader_;                                                \
			wire_reader_init(&reader_, (harness)->reply_bytes, got_,                   \
					 (harness)->scratch, SCRATCH_BYTES);                       \
			name##_reply_decode(&reader_, (reply));                                    \
			ck_assert_int_eq(wire_reader_end(&reader_), 0);                            \
		}                                                                                  \
		result_;                                                                           \
	})

/* The same, and the result is `expected`. */
#define HARNESS_EXPECT(expected, harness, name, request, reply)                                    \
	do {                                                                                       \
		int32_t got_result_ = HARNESS_CALL(harness, name, request, reply);                 \
		ck_assert_msg(got_result_ == (expected), "%s: %d instead of %d: %s", #name,        \
			      got_result_, (int)(expected),                                        \
			      got_result_ ? (harness)->failure.text : "");                         \
	} while (0)

/* ---- ready-made steps ---- */

uint64_t harness_allocate(struct task_harness *harness, uint64_t address, uint64_t bytes);
void harness_write(struct task_harness *harness, uint64_t address, const void *data, size_t bytes);
uint64_t harness_read_u64(struct task_harness *harness, uint64_t address);
/* A thread that will start at rip, suspended once. */
uint32_t harness_thread(struct task_harness *harness, uint64_t rip, uint64_t rsp);
int32_t harness_thread_set(struct task_harness *harness, uint32_t thread, uint64_t rip,
			   uint64_t rsp);
int32_t harness_thread_call(struct task_harness *harness, uint16_t type, uint32_t thread);
int32_t harness_task_call(struct task_harness *harness, uint16_t type);
/* Loads a program from a file. Return: the result of norma_run_start. */
int32_t harness_run(struct task_harness *harness, const char *path, const char *arguments,
		    size_t arguments_bytes);

/* Tells the task its properties. */
void harness_properties(struct task_harness *harness, const struct task_properties *properties);

#endif
