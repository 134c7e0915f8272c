/*
 * How much memory this host has left for tasks, by the newest snapshot of the inventory, and what
 * its tasks are promised: a task counts with what it was promised when it was made, or with what it
 * holds, whichever is more. What a task holds is counted where `[limits] memory_bytes` asks for it;
 * elsewhere a promise counts until a snapshot shows what became of it. Children that one parent has
 * sent here map the same objects: the promise is made once, and goes on to the next of them.
 * Nothing here waits.
 */
#ifndef DAEMON_ROOM_H
#define DAEMON_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "inventory/snapshot.h"
#include "message/message.h"
#include "placement/placement.h"

struct hostd;
struct task;

/* Part of struct hostd. */
struct room {
	uint64_t taken_ns;	 /* of the snapshot that the sums are of; 0: they are out of date */
	uint64_t used_bytes;	 /* held or promised */
	uint64_t promised_bytes; /* and not held yet */
	uint64_t cell_promised_bytes[SNAPSHOT_MAX_CELLS]; /* by the snapshot's order of cells */
};

/*
 * What a child of this task may need besides what it shares. On another host: a VMM, and a copy of
 * all the parent has. Here: a VMM, and such a copy only by norma_task_create from memory that is
 * shared already; what is frozen for a child is shared until one of them writes.
 */
uint64_t room_of_child_elsewhere(struct task *parent, enum export_mode mode);
uint64_t room_of_child_here(struct task *parent, enum export_mode mode);

/* This host's figures, as placement wants them. */
void room_describe(struct hostd *hostd, struct placement_node *ret_node);
/* Those in a summary of another host. */
void room_describe_other(const struct peer_node_summary_reply *summary, int node,
			 struct placement_node *ret_node);
void room_summary_fill(struct hostd *hostd, struct peer_node_summary_reply *summary);

/* May a child of `parent` be made here that needs so much? Return: 0, or KERN_RESOURCE_SHORTAGE
 * with the figures in `error`. */
int32_t room_admit(struct hostd *hostd, uint32_t parent, uint64_t need_bytes,
		   char error[MESSAGE_MAX_TEXT]);

/*
 * The NUMA cell for a new child of `parent` that needs so much (placement/cell.h). Return: it, or
 * PLACEMENT_CELL_ANY; always that on a host whose cells' figures do not add up.
 */
int room_choose_cell(struct hostd *hostd, uint32_t parent, uint64_t need_bytes);

/* The task was made, and is promised that; and it ended. */
void room_promise(struct task *task, uint64_t need_bytes);
void room_release(struct task *task);

#endif
