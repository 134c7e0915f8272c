/*
 * struct broker for its two files.
 */
#ifndef TESTS_MEMORY_BROKER_INTERNAL_H
#define TESTS_MEMORY_BROKER_INTERNAL_H

#include <pthread.h>

#include "link/link.h"
#include "mach/kern_return.h"
#include "memory_broker.h"

#define OBJECTS_MAX  8192u
#define MAPPINGS_MAX 8192u
#define CLIENTS_MAX  192u
#define SCRATCH	     (256u * 1024u)

struct broker_object {
	int fd;
	struct object_window window;
	uint32_t holders[CLIENTS_MAX];
};

struct broker_mapping {
	uint32_t client;
	struct object_mapping at;
	int copy_fd; /* the memfd mapped there; BROKER_REMOTE: filled on demand */
	bool is_served;
};

struct broker_client {
	struct link link;
	int uffd;
	bool is_open;
};

struct broker {
	enum broker_mode mode;
	pthread_t thread;
	pthread_mutex_t lock; /* all below; the thread holds it while it works */
	int wake_fd;
	bool is_stopping;
	struct broker_client clients[CLIENTS_MAX];
	uint32_t client_count;
	struct broker_object objects[OBJECTS_MAX]; /* id is the index + 1 */
	uint32_t object_count;
	struct broker_mapping mappings[MAPPINGS_MAX];
	uint32_t mapping_count;
	int copies[OBJECTS_MAX]; /* BROKER_REMOTE: the other host's memfd; -1: none yet */
	uint32_t refuse_nth[512];
	uint64_t lost_offset;
	bool is_stalled;
	bool has_stalled; /* a fault was taken since */
	pthread_cond_t stalled;
	uint32_t pages_supplied;
	char broken_rule[160]; /* by a client; empty: none */
	uint8_t scratch[SCRATCH];
	uint8_t payload[MESSAGE_MAX_PAYLOAD];
};

struct answer {
	struct wire_writer writer;
	int fds[MESSAGE_MAX_FDS];
	uint32_t fd_count;
};

typedef kern_return_t (*broker_do_fn)(struct broker *, uint32_t, struct wire_reader *,
				      struct link_message *, struct answer *);

/* What answers a message of this type; NULL when it is not for a pager. */
broker_do_fn broker_do(uint16_t type);
/* A client broke a rule if is_kept is false; broker_free tells. */
void broker_rule(struct broker *broker, bool is_kept, const char *what);
/* Frees an object that nobody holds any more. */
void broker_close_unheld(struct broker *broker, uint64_t id);
bool broker_mapping_overlaps(const struct broker_mapping *mapping, uint32_t client, uint64_t start,
			     uint64_t end);

#endif
