/*
 * One VMM from its order to its end. It is gone when its process is reaped; the end of its channel
 * alone only starts a timer, because the exit status says better why. Who had it killed may leave
 * it before (vmm_leave).
 */
#include "vmm.h"

#include <errno.h>
#include <mach/kern_return.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "channel.h"
#include "hostd.h"
#include "terminate.h"
#include "vmm_requests.h"

#define EXIT_TIMEOUT_MS 2000
/* They use memory and processes that no limit of ours counts, so a few. */
#define LEFT_MAX 4

static void vmm_closed(struct channel *channel, const char *why)
{
	struct vmm *vmm = channel->owner;

	(void)why; /* the exit status says more */
	vmm->channel = NULL;
	if (!vmm->is_killed)
		vmm_expect_exit(vmm);
}

static const struct channel_handlers vmm_handlers = {
    .request = vmm_request,
    .closed = vmm_closed,
};

static void list_move_to_taken(struct vmm *vmm)
{
	struct vmm_set *set = &vmm->hostd->vmms;

	if (!vmm->pool)
		return;
	TAILQ_REMOVE(&vmm->pool->waiting, vmm, entry);
	vmm->pool->count--;
	TAILQ_INSERT_TAIL(&set->taken, vmm, entry);
	set->taken_count++;
	vmm->pool = NULL;
}

static void list_remove(struct vmm *vmm)
{
	struct vmm_set *set = &vmm->hostd->vmms;

	list_move_to_taken(vmm);
	TAILQ_REMOVE(&set->taken, vmm, entry);
	set->taken_count--;
}

static void exit_overdue(struct timer *timer)
{
	struct vmm *vmm = container_of(timer, struct vmm, exit_timer);

	log_line(LOG_WARNING, "vmm=%d step=exit err=\"it did not exit within %d ms, killing it\"",
		 vmm->process.pid, EXIT_TIMEOUT_MS);
	vmm_kill(vmm);
}

void vmm_expect_exit(struct vmm *vmm)
{
	list_move_to_taken(vmm);
	timer_arm(&vmm->hostd->loop, &vmm->exit_timer, hostd_deadline(EXIT_TIMEOUT_MS));
}

void vmm_kill(struct vmm *vmm)
{
	list_move_to_taken(vmm);
	if (!vmm->is_killed)
		process_kill(&vmm->process, SIGKILL);
	vmm->is_killed = true;
	timer_cancel(&vmm->hostd->loop, &vmm->exit_timer);
}

bool vmm_leave(struct vmm *vmm)
{
	struct vmm_set *set = &vmm->hostd->vmms;

	if (!vmm->is_killed || vmm->process.pidfd < 0 || set->left_count >= LEFT_MAX)
		return false;
	vmm->is_left = true;
	set->left_count++;
	vmm->task->vmm = NULL;
	vmm->task = NULL;
	/* What it sent and nobody read yet, it was not told to have arrived. */
	if (vmm->channel)
		channel_close(vmm->channel, "its task was terminated");
	return true;
}

void vmm_worked(struct vmm *vmm)
{
	vmm->hostd->vmms.failures = 0;
}

/* Kills and reaps it; a process that was killed is gone in a bounded time. */
static void process_end(struct process *process)
{
	process_kill(process, SIGKILL);
	process_wait(process);
}

/* What the end of its process means: to its task, or to the pool. */
static void vmm_gone(struct vmm *vmm, const char *how)
{
	struct vmm_set *set = &vmm->hostd->vmms;
	struct task *task = vmm->task;
	char cause[MESSAGE_MAX_TEXT];

	snprintf(cause, sizeof(cause), "its VMM %.220s", how);
	if (!task && !vmm->is_killed) {
		set->failures++;
		log_line(LOG_ERROR, "step=wait err=\"a waiting VMM %s; see its lines above\"", how);
	}
	list_remove(vmm);
	set->left_count -= vmm->is_left;
	free(vmm);
	vmms_refill_later(set);
	if (task)
		task_vmm_gone(task, cause);
}

/* Its process is reaped, or never came to be. Its last words may still be in the socket. */
static void vmm_end(struct vmm *vmm, const char *how)
{
	if (vmm->channel)
		channel_drain(vmm->channel);
	if (vmm->channel)
		channel_close(vmm->channel, "its process ended");
	timer_cancel(&vmm->hostd->loop, &vmm->exit_timer);
	vmm_gone(vmm, how);
}

static void vmm_exited(struct source *source, uint32_t events)
{
	struct vmm *vmm = container_of(source, struct vmm, exited);
	pid_t pid = vmm->process.pid;
	char how[128], text[160];

	(void)events;
	loop_remove(&vmm->hostd->loop, &vmm->exited);
	if (process_reap(&vmm->process, how, sizeof(how))) {
		loop_add(&vmm->hostd->loop, &vmm->exited, EPOLLIN);
		return;
	}
	snprintf(text, sizeof(text), "(process %d) %s", pid, how);
	vmm_end(vmm, text);
}

static void vmm_label(struct vmm *vmm)
{
	struct channel *channel = vmm->channel;

	if (!channel)
		return;
	if (vmm->task)
		snprintf(channel->label, sizeof(channel->label),
			 "task 0x%08x (its VMM, process %d)", vmm->task->name, vmm->process.pid);
	else
		snprintf(channel->label, sizeof(channel->label), "the waiting VMM (process %d)",
			 vmm->process.pid);
}

/* Takes the process, which is ended on failure. Return: 0: from here on `exited` notices its end;
 * -errno. */
static int vmm_watch(struct vmm *vmm, struct process *take_process)
{
	int error;

	vmm->process = *take_process;
	vmm->exited = (struct source){.fd = vmm->process.pidfd, .ready = vmm_exited};
	error = loop_add(&vmm->hostd->loop, &vmm->exited, EPOLLIN);
	if (error)
		process_end(&vmm->process);
	vmm_label(vmm);
	return error;
}

/* Return: 0 with a VMM that waits in the pool and has no process yet, -errno. Takes the socket. */
static int vmm_new(struct vmm_set *set, struct vmm_pool *pool, int take_control_fd,
		   struct vmm **ret_vmm)
{
	struct vmm *vmm = calloc(1, sizeof(*vmm));
	struct channel_setup setup = {
	    .kind = CHANNEL_VMM,
	    .link_kind = LINK_PACKET,
	    .handlers = &vmm_handlers,
	    .owner = vmm,
	};
	int error;

	if (!vmm) {
		close(take_control_fd);
		return -ENOMEM;
	}
	error = channel_new(set->hostd, take_control_fd, &setup, &vmm->channel,
			    "a VMM that is being made");
	if (error) {
		free(vmm);
		return error;
	}
	vmm->hostd = set->hostd;
	vmm->process.pidfd = -1;
	vmm->exit_timer.expired = exit_overdue;
	TAILQ_INSERT_TAIL(&pool->waiting, vmm, entry);
	pool->count++;
	vmm->pool = pool;
	*ret_vmm = vmm;
	return 0;
}

void vmm_give(struct vmm *vmm, struct task *task)
{
	list_move_to_taken(vmm);
	vmm->task = task;
	task->vmm = vmm;
	vmm->channel->uid = task->owner_uid;
	vmm_label(vmm);
}

/* The zygote's answer. Return: 0 when its process is watched, -errno. */
static int take_answer(struct vmm *vmm, const struct answer *answer)
{
	struct process process;
	pid_t pid = zygote_answer_pid(vmm->hostd, answer);
	/* The number is good: it is our child, and nobody but us reaps it. */
	int pidfd = pid < 0 ? pid : pidfd_open(pid, 0);
	int error = pidfd < 0 ? (pid < 0 ? pid : -errno) : process_adopt(&process, pidfd);

	return error ? error : vmm_watch(vmm, &process);
}

/* Has it made a process all the same, that one finds its sockets closed. */
static void order_failed(struct vmm *vmm, const char *why)
{
	struct hostd *hostd = vmm->hostd;
	char text[MESSAGE_MAX_TEXT];

	snprintf(text, sizeof(text), "could not be made: %.200s", why);
	vmm_end(vmm, text);
	hostd_reap_strangers(hostd);
}

static void order_answered(void *context, const struct answer *answer)
{
	struct vmm *vmm = context;
	char text[MESSAGE_MAX_TEXT];
	int error;

	vmm->is_ordered = false;
	if (!--vmm->hostd->vmms.ordered_count)
		vmms_refill_later(&vmm->hostd->vmms);
	if (answer->result) {
		answer_text(answer, text);
		if (answer->result == KERN_OPERATION_TIMED_OUT)
			process_kill(&vmm->hostd->zygote.process, SIGKILL);
		order_failed(vmm, text);
		return;
	}
	error = take_answer(vmm, answer);
	if (error)
		order_failed(vmm, strerror(-error));
	else if (vmm->is_killed)
		process_kill(&vmm->process, SIGKILL);
}

/* Return: 0 with both pairs open, -errno. */
static int open_sockets(int control[2], int pager[2])
{
	int error = socket_pair(control);

	if (error)
		return error;
	error = socket_pair(pager);
	if (error) {
		close(control[0]);
		close(control[1]);
	}
	return error;
}

int vmm_order(struct vmm_set *set, struct vmm_pool *pool, struct vmm **ret_vmm)
{
	struct hostd *hostd = set->hostd;
	int control[2], pager[2];
	int error = open_sockets(control, pager);

	if (error)
		return error;
	error = vmm_new(set, pool, control[0], ret_vmm);
	if (!error) {
		(*ret_vmm)->is_ordered = true;
		set->ordered_count++;
		zygote_order(&hostd->zygote, control[1], pager[1], order_answered, *ret_vmm);
		pager_introduce(&hostd->pager, pager[0]);
	}
	close(control[1]);
	close(pager[0]);
	close(pager[1]);
	return error;
}

bool vmms_know(const struct vmm_set *set, pid_t pid)
{
	const struct vmm_pool *pool;
	const struct vmm *vmm;

	TAILQ_FOREACH (pool, &set->pools, entry)
		TAILQ_FOREACH (vmm, &pool->waiting, entry)
			if (vmm->process.pid == pid)
				return true;
	TAILQ_FOREACH (vmm, &set->taken, entry)
		if (vmm->process.pid == pid)
			return true;
	return false;
}

/* Return: 0 with a process that may become a VMM, -errno. */
static int adopt_process(struct hostd *hostd, int take_pidfd, struct process *ret_process)
{
	int error = process_adopt(ret_process, take_pidfd);

	if (error)
		return error;
	if (hostd_knows_process(hostd, ret_process->pid)) {
		close(ret_process->pidfd);
		return -EEXIST;
	}
	if (helper_is_up(&hostd->pager) && !hostd->is_stopping)
		return 0;
	process_end(ret_process);
	return -EAGAIN;
}

int vmm_adopt(struct vmm_set *set, struct vmm_adoption take, struct task *task,
	      struct vmm **ret_vmm)
{
	_cleanup_close_ int pager_fd = take.pager_fd;
	struct process process;
	struct vmm *vmm;
	int error = adopt_process(set->hostd, take.pidfd, &process);

	if (error) {
		close(take.control_fd);
		return error;
	}
	error = vmm_new(set, &set->any, take.control_fd, &vmm);
	if (error) {
		process_end(&process);
		return error;
	}
	error = vmm_watch(vmm, &process);
	if (error) {
		vmm->is_killed = true;
		vmm_end(vmm, "cannot be watched");
		return error;
	}
	pager_introduce(&set->hostd->pager, pager_fd);
	if (task)
		vmm_give(vmm, task);
	*ret_vmm = vmm;
	return 0;
}

void vmms_end(struct vmm_set *set)
{
	struct vmm *vmm;

	vmms_replace_waiting(set);
	while ((vmm = TAILQ_FIRST(&set->taken))) {
		vmm_kill(vmm);
		loop_remove(&set->hostd->loop, &vmm->exited);
		process_wait(&vmm->process);
		vmm_end(vmm, "was ended with its host");
	}
}
