/*
 * A test double of what a pager does on its own host: it keeps published objects and hands them to
 * those who attach, and checks what it is told. In BROKER_REMOTE it plays another host as well: an
 * attached object starts as an empty memfd, and a thread supplies pages from the published one on
 * demand.
 */
#ifndef TESTS_MEMORY_BROKER_H
#define TESTS_MEMORY_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "message/message.h"

enum broker_mode { BROKER_LOCAL, BROKER_REMOTE };

struct broker;

struct broker *broker_new(enum broker_mode mode);
/* Stops the thread and closes everything, as a pager's death would. Fails the test if a client
 * broke a rule. */
void broker_free(struct broker *broker);

/* A new client's socket. */
int broker_client(struct broker *broker);

/* Keeps the broker's thread out of everything (an allocator's lock, say) while the test forks. */
void broker_hold(struct broker *broker);
void broker_let_go(struct broker *broker);

/* Refuses the nth message of this type from now on (1: the next); 0: none. */
void broker_refuse(struct broker *broker, enum message_type type, uint32_t nth);
/* From now on this page of any object is lost: who asks for it is told so. UINT64_MAX: none. */
void broker_lose_offset(struct broker *broker, uint64_t offset);

/* From now on it takes page faults and answers none. */
void broker_stall(struct broker *broker);
/* Waits until it has taken one since. */
void broker_wait_stalled(struct broker *broker);

struct broker_counts {
	uint32_t objects;  /* somebody holds */
	uint32_t mappings; /* somebody has */
	uint32_t attached_memfds;
	uint32_t pages_supplied;
};

/* Waits until the broker has nothing more to do for anybody, then counts. */
struct broker_counts broker_count(struct broker *broker);

#endif
