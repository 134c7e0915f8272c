/*
 * Commands and replies between a test and its task processes: structs on a socket between a process
 * and its own fork.
 */
#ifndef TESTS_MEMORY_PEER_WIRE_H
#define TESTS_MEMORY_PEER_WIRE_H

#include "memory_peer.h"

/* The longest a command may take: none waits for anything but the broker. */
#define PEER_TIMEOUT_S 30

enum peer_op {
	OP_ALLOCATE,
	OP_DEALLOCATE,
	OP_PROTECT,
	OP_INHERIT,
	OP_REGION,
	OP_READ,
	OP_WRITE,
	OP_COPY_IN,
	OP_MAP,
	OP_DISCARD,
	OP_GROW,
	OP_VIRTUAL,
	OP_RESIDENT,
	OP_FILE_BYTES,
	OP_WAIT_LOST,
	OP_WATCH,
	OP_FAIL_AT,
	OP_EXPORT,
	OP_OFFER_FORK,
	OP_EXPORT_END,
	OP_IMPORT,
	OP_PAUSES,
	OP_MAP_REGION,
	OP_COPY,
	OP_WIRE,
	OP_LOCKED,
	OP_BEHAVIOR,
	OP_LIMIT,
	OP_EXPORT_RANGE,
	OP_IMPORT_RANGE,
	OP_STORE_AT_PAUSE,
	OP_END,
};

union peer_data {
	uint8_t bytes[PEER_DATA_BYTES];
	struct region_entry entries[EXPORT_MAX_REGIONS];
};

struct peer_message {
	int op;
	int code;
	uint64_t n[6];
	struct space_region_info info;
	struct space_map_request map;
	struct space_place_request place;
	struct space_attributes attributes;
	struct failure failure;
	int fds[2];    /* that came along; -1: none */
	uint32_t used; /* bytes of data */
	union peer_data data;
};

#define MESSAGE_HEAD offsetof(struct peer_message, data)

/* Return: whether it went out, or came in, whole. */
bool peer_message_send(int fd, const struct peer_message *message);
bool peer_message_receive(int fd, struct peer_message *message);

/* The same with message->fds, which are borrowed. */
bool peer_message_send_fds(int fd, const struct peer_message *message);

/* The life of a task's process. pager_fd may be -1. */
_Noreturn void peer_task_run(int fd, int pager_fd);

#endif
