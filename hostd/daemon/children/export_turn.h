/*
 * The exports of a task's memory, for clones and for vm_remap. A VMM has one export at a time
 * (vmm_export_end says no more than "the export"), so who wants one waits for the task's turn:
 *
 *   export_turn_wait()   joins the queue
 *   granted()            the VMM may be asked for vmm_export or vmm_export_range
 *   export_turn_end()    the VMM may let go of what it exported; the next one's turn
 *   export_turn_refuse() the same, when nobody took it: nothing is shared that was not before
 *
 * The turn is embedded in what it belongs to.
 */
#ifndef DAEMON_EXPORT_TURN_H
#define DAEMON_EXPORT_TURN_H

#include <stdbool.h>
#include <sys/queue.h>

struct answer;
struct task;

struct export_turn {
	TAILQ_ENTRY(export_turn) entry;
	struct task *task; /* NULL: not in a queue, or the task ended */
	bool is_granted;
	void (*granted)(struct export_turn *turn);
	/* The task ended before the turn came. (Later the VMM's answer says so.) */
	void (*task_ended)(struct export_turn *turn);
	/* After export_turn_refuse(): the VMM has taken back what it gave, or cannot be asked. */
	void (*taken_back)(struct export_turn *turn);
};

enum export_outcome {
	EXPORT_NOT_MADE, /* the VMM was not asked, or refused: it holds nothing */
	EXPORT_MADE,	 /* it was, or may still be */
};

/* Return: what an answer to vmm_export or vmm_export_range means: one that took too long may still
 * come about. */
enum export_outcome export_outcome_of(const struct answer *answer);

/* Set `granted` and `task_ended` before; either may be called at once. */
void export_turn_wait(struct export_turn *turn, struct task *task);

/* Leaves the queue, wherever it stands. Accepts one that is in none. */
void export_turn_end(struct export_turn *turn, enum export_outcome outcome);

/* For one that was granted and made; `taken_back` may be called at once. The next one's turn comes
 * only then: the VMM takes back its last export. */
void export_turn_refuse(struct export_turn *turn);

/* The task ended. */
void export_turns_task_ended(struct task *task);

#endif
