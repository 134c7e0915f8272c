/*
 * The other end of a libnorma connection, in a thread of the test: it answers the calls that the
 * tests make from a few variables, and keeps what it was sent.
 */
#ifndef TESTS_UNIT_PROTOCOL_FAKE_DAEMON_H
#define TESTS_UNIT_PROTOCOL_FAKE_DAEMON_H

#include <stdint.h>

#include "message/message.h"

#define FAKE_NODE	  3
#define FAKE_TASK	  0x40c00040u
#define FAKE_MEMORY_START 0x10000u
#define FAKE_MEMORY_BYTES (1024u * 1024u)
#define FAKE_SENTENCE	  "the fake daemon refuses this on purpose"

enum fake_behavior {
	FAKE_ANSWERS,
	FAKE_OTHER_VERSION,   /* its header is of the next version */
	FAKE_CLOSES_AT_ONCE,  /* accepts and closes */
	FAKE_CLOSES_ON_ALLOC, /* closes instead of answering vm_allocate */
};

struct fake_daemon {
	enum fake_behavior behavior;
	uint16_t refuse_type; /* this call is refused with KERN_NO_SPACE and FAKE_SENTENCE */
	uint64_t refuse_from; /* vm_read, vm_write: only from this address on */
	uint8_t memory[FAKE_MEMORY_BYTES];  /* of the task, from FAKE_MEMORY_START on */
	uint64_t check_address, check_size; /* of the last vm_write */
	uint64_t last_deallocated;
	uint8_t image[FAKE_MEMORY_BYTES];
	uint64_t image_bytes, image_received;
	uint8_t strings[256]; /* the arguments of norma_run */
	uint32_t strings_bytes;
	uint8_t state[4096]; /* of a thread */
	uint32_t state_bytes;
	unsigned int calls[200]; /* how often each type was called */
	/* A call that is answered with these bytes, and what it asked. */
	uint16_t scripted_type;
	uint8_t scripted_reply[512], scripted_request[512];
	size_t scripted_reply_bytes, scripted_request_bytes;
};

/* The daemon's variables; read them between calls. */
extern struct fake_daemon fake;
/* Its socket's path. */
extern char fake_path[64];

/* Starts to listen; fails the test when that does not work. */
void fake_start(enum fake_behavior behavior);
/* Waits for the thread to see the connection's end, and removes the socket. */
void fake_stop(void);

#endif
