/*
 * A queue per task; its first entry has the turn.
 */
#include "export_turn.h"

#include <mach/kern_return.h>

#include "channel.h"
#include "hostd.h"

enum export_outcome export_outcome_of(const struct answer *answer)
{
	return !answer->result || answer->result == KERN_OPERATION_TIMED_OUT ? EXPORT_MADE
									     : EXPORT_NOT_MADE;
}

static void grant_next(struct task *task)
{
	struct export_turn *turn = TAILQ_FIRST(&task->exports);

	if (!turn || turn->is_granted || !task_is_reachable(task))
		return;
	turn->is_granted = true;
	turn->granted(turn);
}

void export_turn_wait(struct export_turn *turn, struct task *task)
{
	if (!task_is_reachable(task)) {
		turn->task_ended(turn);
		return;
	}
	turn->task = task;
	turn->is_granted = false;
	TAILQ_INSERT_TAIL(&task->exports, turn, entry);
	grant_next(task);
}

static void turn_leave(struct export_turn *turn)
{
	struct task *task = turn->task;

	if (!task)
		return;
	TAILQ_REMOVE(&task->exports, turn, entry);
	turn->task = NULL;
	grant_next(task);
}

static void export_taken_back(void *context, const struct answer *answer)
{
	struct export_turn *turn = context;

	call_told(NULL, answer);
	turn_leave(turn);
	turn->taken_back(turn);
}

/* turn: NULL when nobody waits for the answer; otherwise it is refused. */
static void tell_vmm(const struct task *task, struct export_turn *turn)
{
	struct vmm_export_end_request request = {.refused = turn != NULL};
	struct hostd *hostd = task->hostd;

	call_start(hostd, task->vmm->channel,
		   &(struct call_setup){
		       .type = MESSAGE_vmm_export_end,
		       .uid = task->owner_uid,
		       .payload = hostd->payload,
		       .bytes = hostd_encode(hostd, vmm_export_end_request, &request),
		       .deadline_ns = hostd_deadline((uint64_t)hostd->config.call_deadline_ms),
		       .done = turn ? export_taken_back : call_told,
		       .context = turn,
		   });
}

void export_turn_end(struct export_turn *turn, enum export_outcome outcome)
{
	struct task *task = turn->task;

	if (task && outcome == EXPORT_MADE && task_is_reachable(task))
		tell_vmm(task, NULL);
	turn_leave(turn);
}

void export_turn_refuse(struct export_turn *turn)
{
	if (turn->task && task_is_reachable(turn->task)) {
		tell_vmm(turn->task, turn);
		return;
	}
	turn_leave(turn);
	turn->taken_back(turn);
}

void export_turns_task_ended(struct task *task)
{
	struct export_turn *turn;

	while ((turn = TAILQ_FIRST(&task->exports))) {
		TAILQ_REMOVE(&task->exports, turn, entry);
		turn->task = NULL;
		if (!turn->is_granted)
			turn->task_ended(turn);
	}
}
