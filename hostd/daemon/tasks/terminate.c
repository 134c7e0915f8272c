/*
 * Ending tasks and waiting for that. To take a VM and its memory apart costs the kernel as much as
 * to make them, so nobody waits for it who need not.
 */
#include "terminate.h"

#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "child.h"
#include "consoles.h"
#include "export_turn.h"
#include "hostd.h"
#include "properties.h"

enum waiter_kind { WAITER_WAIT, WAITER_TERMINATE };

struct task_waiter {
	LIST_ENTRY(task_waiter) entry;
	struct task *task;
	struct request *request;
	enum waiter_kind kind;
	struct timer timer;
};

static void reply_state(struct request *request, const struct task *task)
{
	struct norma_task_wait_reply reply = {.state = task->state, .status = task->status};

	memcpy(reply.text, task->text, sizeof(reply.text));
	request_reply_with(request, norma_task_wait, &reply);
}

/* Return: the waiter's request; the waiter is gone. */
static struct request *waiter_take(struct task_waiter *waiter)
{
	struct request *request = waiter->request;

	LIST_REMOVE(waiter, entry);
	timer_cancel(&waiter->task->hostd->loop, &waiter->timer);
	free(waiter);
	return request;
}

static void waiter_abandoned(struct request *request)
{
	request_free(waiter_take(request->holder));
}

static void waiter_expired(struct timer *timer)
{
	struct task_waiter *waiter = container_of(timer, struct task_waiter, timer);
	enum waiter_kind kind = waiter->kind;
	struct task *task = waiter->task;
	struct request *request = waiter_take(waiter);

	/* One that is ending has its outcome, but it has not ended until its VMM is gone. */
	if (kind == WAITER_WAIT)
		request_reply_with(
		    request, norma_task_wait,
		    &((struct norma_task_wait_reply){
			.state = task->phase == TASK_ENDING ? TASK_STATE_RUNNING : task->state}));
	else
		request_refuse(request, KERN_OPERATION_TIMED_OUT,
			       "the VMM of task 0x%08x was killed but is still there", task->name);
}

static void waiter_add(struct request *request, struct task *task, enum waiter_kind kind,
		       uint64_t timeout_ms)
{
	struct task_waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter) {
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	*waiter = (struct task_waiter){.task = task, .request = request, .kind = kind};
	waiter->timer.expired = waiter_expired;
	LIST_INSERT_HEAD(&task->waiters, waiter, entry);
	request->holder = waiter;
	request->abandoned = waiter_abandoned;
	timer_arm(&task->hostd->loop, &waiter->timer, hostd_deadline(timeout_ms));
}

void wait_request(struct request *request, struct task *task, uint32_t timeout_ms)
{
	if (task->phase == TASK_ENDED)
		reply_state(request, task);
	else
		waiter_add(request, task, WAITER_WAIT, timeout_ms);
}

static void set_outcome(struct task *task, uint32_t state, int32_t status, const char *text)
{
	task->state = state;
	task->status = status;
	snprintf(task->text, sizeof(task->text), "%s", text);
}

/* Has the program ended by itself or been killed before, that outcome stands. */
void task_end(struct task *task, const char *why)
{
	if (task->phase == TASK_ENDED)
		return;
	if (task->phase == TASK_ALIVE) {
		task->phase = TASK_ENDING;
		set_outcome(task, TASK_STATE_KILLED, 128 + 9, why);
	}
	vmm_kill(task->vmm);
}

static void leave_vmm(struct task *task)
{
	if (task->phase == TASK_ENDING && vmm_leave(task->vmm))
		task_vmm_gone(task, task->text);
}

void task_told_ended(struct task *task, const struct vmm_ended_request *ended)
{
	if (task->phase == TASK_ALIVE) {
		task->phase = TASK_ENDING;
		set_outcome(task, ended->state, ended->status, ended->text);
	}
	vmm_kill(task->vmm);
	leave_vmm(task);
}

void terminate_request(struct request *request, struct task *task)
{
	char why[MESSAGE_MAX_TEXT];
	struct hostd *hostd = task->hostd;

	if (task->phase == TASK_ENDED) {
		request_refuse(request, KERN_INVALID_ARGUMENT, "task 0x%08x has ended", task->name);
		return;
	}
	if (task->phase == TASK_ENDING) {
		request_refuse(request, KERN_FAILURE, "task 0x%08x is ending", task->name);
		return;
	}
	snprintf(why, sizeof(why), "terminated by task_terminate of user %u", request->uid);
	waiter_add(request, task, WAITER_TERMINATE, (uint64_t)hostd->config.call_deadline_ms);
	task_end(task, why);
	leave_vmm(task);
}

static void release_waiters(struct task *task)
{
	struct task_waiter *waiter;

	while ((waiter = LIST_FIRST(&task->waiters))) {
		enum waiter_kind kind = waiter->kind;
		struct request *request = waiter_take(waiter);

		if (kind == WAITER_WAIT)
			reply_state(request, task);
		else
			request_reply(request, NULL, 0);
	}
}

void task_vmm_gone(struct task *task, const char *cause)
{
	task->vmm = NULL;
	if (task->phase == TASK_BUILDING) {
		child_vmm_gone(task, cause);
		return;
	}
	if (task->phase == TASK_ALIVE)
		set_outcome(task, TASK_STATE_KILLED, 128 + 9, cause);
	log_line(LOG_INFO, "task=0x%08x step=ended state=%u status=%d text=\"%s\"", task->name,
		 task->state, task->status, task->text);
	/* Retired first: what the waiters do next already finds the task ended. */
	task_retire(task);
	template_drop(task);
	export_turns_task_ended(task);
	properties_task_ended(task);
	consoles_task_ended(task);
	release_waiters(task);
}
