/*
 * The tasks of this host by name. A task that ended keeps its entry, so that its status and its
 * console can still be asked for, until ENDED_MAX others have ended after it.
 */
#ifndef DAEMON_TASKS_H
#define DAEMON_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "console.h"
#include "message/message.h"
#include "message/names.h"
#include "template.h"

struct attachment;
struct child;
struct cpu_identity;
struct console_output;
struct console_read;
struct export_turn;
struct hostd;
struct property_change;
struct task_waiter;
struct vmm;

#define TASKS_ENDED_MAX		  1024u
#define TASKS_ENDED_CONSOLE_BYTES (32u * 1024u * 1024u)
#define TASK_IMAGE_BYTES	  64

enum task_phase {
	TASK_BUILDING, /* nobody knows its name */
	TASK_ALIVE,
	TASK_ENDING, /* its VMM is told to end, or said that it does */
	TASK_ENDED,  /* no VMM; state, status and text are final */
	TASK_NUM_PHASES,
};

struct task {
	struct hostd *hostd;
	uint32_t name;
	uint32_t parent; /* null name when there is none */
	uint32_t owner_uid;
	char image[TASK_IMAGE_BYTES];
	uint64_t created_ns;
	bool shares_memory;	 /* made by norma_task_clone, or the parent in one */
	uint64_t promised_bytes; /* of this host's memory (room.h) */
	uint64_t held_bytes;	 /* when it was looked at, at held_ns (0: never) */
	uint64_t held_ns;
	int memory_cell; /* that it takes it from, or PLACEMENT_CELL_ANY */
	enum task_phase phase;
	struct vmm *vmm;     /* NULL once ended */
	struct child *child; /* while TASK_BUILDING */

	struct task_properties properties; /* what children get copies of (properties.h) */
	TAILQ_HEAD(, property_change) changes;
	struct cpu_identity *cpu; /* what its program may use of a CPU; NULL: not known */
	uint32_t kernel_port;	  /* what TASK_KERNEL_PORT answers; no child gets it */

	/* What norma_task_wait answers. */
	uint32_t state; /* enum task_state */
	int32_t status;
	char text[MESSAGE_MAX_TEXT];
	LIST_HEAD(, task_waiter) waiters;

	struct console console;
	TAILQ_HEAD(, console_output) outputs; /* for which there is no room */
	LIST_HEAD(, console_read) reads;      /* for which there is no output */
	LIST_HEAD(, attachment) attachments;

	struct template_state template;
	TAILQ_HEAD(, export_turn) exports; /* the first is under way (export_turn.h) */
	TAILQ_ENTRY(task) entry;
};

struct task_table {
	struct hostd *hostd;
	int node;
	struct task **by_serial; /* NAME_MAX_SERIAL + 1 */
	uint32_t last_serial;
	TAILQ_HEAD(task_list, task) live; /* not TASK_ENDED, oldest first */
	TAILQ_HEAD(, task) ended;	  /* oldest first */
	unsigned int live_count, ended_count;
	size_t ended_console_bytes;
};

int task_table_init(struct task_table *table, struct hostd *hostd, int node);
/* Frees every entry; their VMMs must be gone. Accepts a zeroed table. */
void task_table_done(struct task_table *table);

struct task_setup {
	uint32_t parent;
	uint32_t owner_uid;
	uint32_t state;
	const char *image;
	const struct task_properties *properties;
	struct cpu_identity *take_cpu; /* on success; may be NULL */
};

/*
 * Makes an entry in TASK_BUILDING with a name that was unused longest.
 * Return: 0, or KERN_RESOURCE_SHORTAGE with a sentence in `error`.
 */
int32_t task_new(struct task_table *table, const struct task_setup *setup, struct task **ret_task,
		 char error[MESSAGE_MAX_TEXT]);

/* Forgets an entry that nobody knows (TASK_BUILDING), or drops an ended one. */
void task_forget(struct task *task);

/* Moves an entry to the ended ones; the oldest of those may go. */
void task_retire(struct task *task);

/* Return: true when its VMM can be asked something. */
bool task_is_reachable(const struct task *task);

/* Return: the entry, in whatever phase, or NULL. */
struct task *tasks_find(const struct task_table *table, uint32_t name);

#endif
