/*
 * Making a task on this host, for whatever reason: a clone from here or from another host, or a
 * program to be loaded. Name and VMM, vmm_become, then perhaps one more call that loads something.
 * Either all of it succeeds or, when `done` is told of the failure, nothing of it exists any more.
 */
#ifndef DAEMON_CHILD_H
#define DAEMON_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "cpu/host_cpu.h"
#include "message/message.h"

struct channel;
struct hostd;
struct link_message;
struct task;
struct vmm_pool;

/* result: a kern_return_t; `text` says why it is not 0. Never called from child_create(). */
typedef void (*child_done_fn)(void *context, int32_t result, uint32_t name, const char *text);

/* Regions, and the files of those whose objects are among the windows (vmm_become). */
struct child_memory {
	const struct region_entry *regions;
	uint32_t region_count;
	const struct object_window *windows;
	const int *fds; /* one for each window; borrowed */
	uint32_t window_count;
	int *forked_fds; /* FORKED_FDS, taken: the VMM that has it mapped; NULL: any will do */
	struct vmm_pool *pool; /* VMMs that have it mapped, maybe; or NULL */
};

/* A thread that runs as soon as the task is made. */
struct child_thread {
	uint32_t flavor; /* 0: none */
	uint32_t number; /* its register rdi */
	struct wire_span state;
};

struct child_setup {
	uint32_t parent; /* may be the null name */
	uint32_t owner_uid;
	uint32_t state; /* enum task_state once it is made */
	const char *image;
	const struct task_properties *properties; /* copied */
	bool shares_memory;			  /* with its parent, all of it */
	uint64_t need_bytes;			  /* of memory (room.h) */
	struct cpu_claim cpu;			  /* borrowed */
	const struct child_memory *memory;	  /* not used after child_create(); NULL: none */
	struct child_thread thread;
	const void *run; /* payload of a norma_run_begin that follows, copied; NULL: none does */
	size_t run_bytes;
	uint64_t deadline_ns;
	child_done_fn done;
	void *context;
};

/* Return: 0, or a kern_return_t with a sentence in `error`; then nothing was begun. */
int32_t child_create(struct hostd *hostd, const struct child_setup *setup,
		     char error[MESSAGE_MAX_TEXT]);

/* The VMM of a task in TASK_BUILDING is reaped; frees the task. */
void child_vmm_gone(struct task *task, const char *cause);

/* peer_create_child of another host. */
void child_request(struct channel *channel, struct link_message *message);

#endif
