/*
 * Real pagers over loopback TCP, and stand-ins for VMMs: a link, a userfaultfd and plain mappings
 * of this process instead of a guest's. Several stand-ins, of several pagers, can live in one
 * process. Everything waits with a deadline and fails the test when it passes.
 */
#ifndef SERVICE_WORLD_H
#define SERVICE_WORLD_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/link.h"

#define WORLD_MAX_HOSTS 3

/* For deadline_ms, where a test makes a host silent: long enough that a busy machine makes none of
 * the others seem so. Elsewhere pagers wait as long as they do by themselves. */
#define SILENT_DEADLINE_MS 2000u

struct world_host {
	pid_t pid; /* 0: not running */
	uint16_t port;
	struct link control;
	uint64_t sequence;
};

struct world {
	unsigned int host_count;
	uint32_t hold_us;     /* 0: as the pager chooses when nobody says */
	uint32_t deadline_ms; /* the same; short for tests that wait for it */
	struct world_host hosts[WORLD_MAX_HOSTS];
};

struct task {
	struct world_host *host;
	struct link link;
	int uffd;
	uint64_t sequence;
	char refusal[MESSAGE_MAX_TEXT]; /* of the last refused call */
};

/* Part of an object, mapped into this process for a task. */
struct view {
	uint8_t *at;
	uint64_t bytes;
};

/* Runs a suite, or says in TAP why it cannot run here. Return: for main. */
int world_main(Suite *suite);

/* A userfaultfd as a VMM has it. Return: it, or -errno. */
int world_open_userfault(void);
/*
 * Sends a request and waits for the reply, whose payload stays valid until the next call on the
 * link. Return: its result.
 */
int world_call(struct link *link, uint64_t *sequence, uint16_t type, struct wire_writer *payload,
	       const int *fds, unsigned int fd_count, struct link_message *ret_reply);

void world_start(struct world *world, unsigned int host_count);
/* Ends all pagers by closing their control links and checks that they end well. */
void world_stop(struct world *world);
void world_start_host(struct world *world, unsigned int node);
void world_kill_host(struct world *world, unsigned int node);
struct pager_statistics_reply world_statistics(struct world *world, unsigned int node);
/* Return: how many descriptors a pager has open. */
unsigned int world_descriptors(const struct world *world, unsigned int node);
/* Waits until a pager has so many objects. */
void world_await_objects(struct world *world, unsigned int node, uint64_t objects);
/* Waits until it has `most` descriptors or fewer: a task's go a little later than its objects. */
void world_await_descriptors(const struct world *world, unsigned int node, unsigned int most);
/* Waits until pagers have a connection to each other: an object can be joined. */
void world_await_links(struct world *world);

void task_open(struct task *task, struct world *world, unsigned int node);
void task_close(struct task *task);
/* Each returns a kern_return_t; the sentence of a refusal is in task->refusal. */
int task_publish(struct task *task, uint32_t kind, int fd, uint64_t offset, uint64_t bytes,
		 uint64_t *ret_id);
/* ret_fd and ret_window may be NULL. */
int task_attach(struct task *task, uint64_t id, int *ret_fd, struct object_window *ret_window);
int task_map(struct task *task, uint64_t id, uint64_t offset, const void *at, uint64_t bytes);
int task_unmap(struct task *task, const void *at, uint64_t bytes);
int task_release(struct task *task, uint64_t id);

/* A memfd of this size. */
int make_memory(uint64_t bytes);
/* Publishes new memory and maps it for the task that owns it. */
struct view task_share(struct task *task, uint32_t kind, int fd, uint64_t bytes, uint64_t *ret_id);
/* Attaches an object and maps all of it, shared or private as its kind says. */
struct view task_use(struct task *task, uint64_t id);
void view_done(struct view *view);
/* Says so to the pager before, as a VMM does that lives on. */
void task_drop(struct task *task, struct view *view);

/* Return: true when reading (writing) a byte raises SIGBUS instead. Set up by world_start. */
bool read_faults(const volatile uint8_t *at);
bool write_faults(volatile uint8_t *at);

#endif
