/*
 * Templates: what a task that stands still gave its last child on this host, kept with the task, so
 * that the next ones are made without a word to its VMM.
 *
 * It holds as long as nothing can have changed the task: its VMM said that no thread runs or will
 * by itself (vmm_export), and hostd is the only one who can change that. So every call that goes to
 * the VMM drops the template first, but for those that only look; and none is kept of an export
 * during which such a call was under way.
 */
#ifndef DAEMON_TEMPLATE_H
#define DAEMON_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "child.h"

struct task;

/* More files than this are not kept open for a task. */
#define TEMPLATE_MAX_FILES 32u

struct template;

/* Of each task. */
struct template_state {
	struct template *kept; /* or NULL */
	uint64_t changes;      /* calls that may have changed the task */
	uint32_t open;	       /* of these, those that its VMM has not answered, maybe never will */
};

/*
 * What the next child gets, or NULL; valid until the next call to the task. From the first time on
 * that it is asked for, VMMs are kept waiting that have that memory mapped already; `thread` is how
 * their threads are likely to begin.
 */
const struct child_memory *template_use(struct task *task, const struct child_thread *thread);
bool template_is_kept(const struct task *task);

/* The export that was just asked for is the only call under way. Return: what template_keep wants
 * to know about it; 0: nothing can be kept of it. */
uint64_t template_mark(const struct task *task);
/* Keeps what an export gave, if nothing changed since `mark`. Copies all, descriptors too. */
void template_keep(struct task *task, uint64_t mark, const struct child_memory *memory);

/* A call of this type goes to the task's VMM. Return: true when template_call_answered() is due
 * once the VMM has answered. */
bool template_call_begins(struct task *task, uint16_t type);
void template_call_answered(struct task *task);

void template_drop(struct task *task);

#endif
