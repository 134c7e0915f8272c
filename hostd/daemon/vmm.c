/*
 * The VMM pool. A VMM is gone when its process is reaped; the end of its channel alone only starts
 * a timer, because the exit status says better why.
 */
#include "vmm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "channel.h"
#include "hostd.h"
#include "terminate.h"
#include "vmm_requests.h"

#define EXIT_TIMEOUT_MS	   2000
#define REFILL_DELAY_MS	   10u /* after a take: the task that took it goes first */
#define REFILL_RETRY_MS	   200u
#define REFILL_MAX_DOUBLES 6

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

	if (!vmm->is_waiting)
		return;
	TAILQ_REMOVE(&set->waiting, vmm, entry);
	set->waiting_count--;
	TAILQ_INSERT_TAIL(&set->taken, vmm, entry);
	set->taken_count++;
	vmm->is_waiting = false;
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

void vmm_worked(struct vmm *vmm)
{
	vmm->hostd->vmms.failures = 0;
}

static uint64_t refill_delay_ms(const struct vmm_set *set)
{
	unsigned int doubles =
	    set->failures < REFILL_MAX_DOUBLES ? set->failures : REFILL_MAX_DOUBLES;

	return set->failures ? REFILL_RETRY_MS << doubles : REFILL_DELAY_MS;
}

static void refill_later(struct vmm_set *set)
{
	if (!set->hostd->is_stopping && !set->refill_timer.is_armed)
		timer_arm(&set->hostd->loop, &set->refill_timer,
			  hostd_deadline(refill_delay_ms(set)));
}

static void refill_due(struct timer *timer)
{
	vmms_refill(container_of(timer, struct vmm_set, refill_timer));
}

/* What the end of its process means: to its task, or to the pool. */
static void vmm_gone(struct vmm *vmm, const char *how)
{
	struct vmm_set *set = &vmm->hostd->vmms;
	struct task *task = vmm->task;
	char cause[MESSAGE_MAX_TEXT];

	snprintf(cause, sizeof(cause), "its VMM %s", how);
	if (!task && !vmm->is_killed) {
		set->failures++;
		log_line(LOG_ERROR, "step=wait err=\"a waiting VMM %s; see its lines above\"", how);
	}
	list_remove(vmm);
	free(vmm);
	refill_later(set);
	if (task)
		task_vmm_gone(task, cause);
}

/* Its process is reaped. Its last words may still be in the socket. */
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

/* Starts the process. Return: 0, -errno; the ends that are not the child's are in ret_fds. */
static int vmm_start_process(struct hostd *hostd, struct process *process, int *ret_control_fd,
			     int *ret_pager_fd)
{
	char *argv[] = {hostd->config.vmm_path, "--control",	  "3", "--pager", "4",
			"--cpu-clear",		hostd->cpu.clear, NULL};
	int control[2], pager[2];
	int error;

	error = socket_pair(control);
	if (error)
		return error;
	error = socket_pair(pager);
	if (error) {
		close(control[0]);
		close(control[1]);
		return error;
	}
	error = process_start(process, argv, (int[]){control[1], pager[1]}, 2);
	close(control[1]);
	close(pager[1]);
	if (error) {
		close(control[0]);
		close(pager[0]);
		return error;
	}
	*ret_control_fd = control[0];
	*ret_pager_fd = pager[0];
	return 0;
}

/* The process runs: from here on its end is noticed by `exited`. Return: 0, -errno. */
static int vmm_watch(struct vmm *vmm, int take_control_fd)
{
	struct channel_setup setup = {
	    .kind = CHANNEL_VMM,
	    .link_kind = LINK_PACKET,
	    .handlers = &vmm_handlers,
	    .owner = vmm,
	};
	int error;

	error = channel_new(vmm->hostd, take_control_fd, &setup, &vmm->channel,
			    "the waiting VMM (process %d)", vmm->process.pid);
	if (error)
		return error;
	vmm->exited = (struct source){.fd = vmm->process.pidfd, .ready = vmm_exited};
	return loop_add(&vmm->hostd->loop, &vmm->exited, EPOLLIN);
}

static void vmm_give(struct vmm *vmm, struct task *task)
{
	list_move_to_taken(vmm);
	vmm->task = task;
	task->vmm = vmm;
	vmm->channel->uid = task->owner_uid;
	snprintf(vmm->channel->label, sizeof(vmm->channel->label),
		 "task 0x%08x (its VMM, process %d)", task->name, vmm->process.pid);
}

/* Kills and reaps it; a process that was killed is gone in a bounded time. */
static void process_end(struct process *process)
{
	process_kill(process, SIGKILL);
	process_wait(process);
}

/*
 * Takes a process, which is ended on failure, and the descriptors. Return: 0 with a VMM in the
 * waiting list, -errno.
 */
static int vmm_new(struct vmm_set *set, struct process *take_process, int take_control_fd,
		   int take_pager_fd, struct vmm **ret_vmm)
{
	_cleanup_close_ int pager_fd = take_pager_fd;
	struct vmm *vmm = calloc(1, sizeof(*vmm));
	int error;

	if (!vmm) {
		close(take_control_fd);
		process_end(take_process);
		return -ENOMEM;
	}
	vmm->hostd = set->hostd;
	vmm->process = *take_process;
	vmm->exit_timer.expired = exit_overdue;
	TAILQ_INSERT_TAIL(&set->waiting, vmm, entry);
	set->waiting_count++;
	vmm->is_waiting = true;
	error = vmm_watch(vmm, take_control_fd);
	if (error) {
		vmm->is_killed = true;
		process_end(&vmm->process);
		if (vmm->channel)
			channel_close(vmm->channel, "it cannot be watched");
		list_remove(vmm);
		free(vmm);
		return error;
	}
	pager_introduce(&set->hostd->pager, pager_fd);
	*ret_vmm = vmm;
	return 0;
}

/* Return: 0 with a VMM in the waiting list, -errno. */
static int vmm_start(struct vmm_set *set, struct vmm **ret_vmm)
{
	struct process process;
	int control_fd, pager_fd;
	int error = vmm_start_process(set->hostd, &process, &control_fd, &pager_fd);

	return error ? error : vmm_new(set, &process, control_fd, pager_fd, ret_vmm);
}

static bool is_known_process(const struct hostd *hostd, pid_t pid)
{
	const struct vmm *vmm;

	TAILQ_FOREACH (vmm, &hostd->vmms.waiting, entry)
		if (vmm->process.pid == pid)
			return true;
	TAILQ_FOREACH (vmm, &hostd->vmms.taken, entry)
		if (vmm->process.pid == pid)
			return true;
	return hostd->pager.process.pid == pid;
}

/* Return: 0 with a process that may become a VMM, -errno. */
static int process_adopt_new(const struct hostd *hostd, int take_pidfd, struct process *ret_process)
{
	int error = process_adopt(ret_process, take_pidfd);

	if (error)
		return error;
	if (is_known_process(hostd, ret_process->pid)) {
		close(ret_process->pidfd);
		return -EEXIST;
	}
	if (pager_is_up(&hostd->pager) && !hostd->is_stopping)
		return 0;
	process_end(ret_process);
	return -EAGAIN;
}

int vmm_adopt(struct vmm_set *set, struct vmm_adoption take, struct task *task,
	      struct vmm **ret_vmm)
{
	struct process process;
	int error = process_adopt_new(set->hostd, take.pidfd, &process);

	if (error) {
		close(take.control_fd);
		close(take.pager_fd);
		return error;
	}
	error = vmm_new(set, &process, take.control_fd, take.pager_fd, ret_vmm);
	if (!error && task)
		vmm_give(*ret_vmm, task);
	return error;
}

void vmms_refill(struct vmm_set *set)
{
	struct vmm *vmm;
	int error;

	while (!set->hostd->is_stopping && pager_is_up(&set->hostd->pager) &&
	       set->waiting_count < set->hostd->config.waiting_vmms) {
		error = vmm_start(set, &vmm);
		if (!error)
			continue;
		set->failures++;
		log_line(LOG_ERROR, "step=start err=\"%s cannot be started: %s\"",
			 set->hostd->config.vmm_path, strerror(-error));
		refill_later(set);
		return;
	}
}

void vmms_replace_waiting(struct vmm_set *set)
{
	struct vmm *vmm;

	while ((vmm = TAILQ_FIRST(&set->waiting)))
		vmm_kill(vmm);
}

int vmm_take(struct vmm_set *set, struct task *task, char error[MESSAGE_MAX_TEXT])
{
	struct vmm *vmm = TAILQ_FIRST(&set->waiting);
	int failure = 0;

	if (!pager_is_up(&set->hostd->pager)) {
		snprintf(error, MESSAGE_MAX_TEXT,
			 "the pager of node %d is not running; it is started again in a moment",
			 (int)set->hostd->config.node);
		return -EAGAIN;
	}
	if (!vmm)
		failure = vmm_start(set, &vmm);
	if (failure) {
		snprintf(error, MESSAGE_MAX_TEXT, "%.160s cannot be started: %s",
			 set->hostd->config.vmm_path, strerror(-failure));
		return failure;
	}
	vmm_give(vmm, task);
	refill_later(set);
	return 0;
}

void vmm_set_init(struct vmm_set *set, struct hostd *hostd)
{
	*set = (struct vmm_set){.hostd = hostd};
	TAILQ_INIT(&set->waiting);
	TAILQ_INIT(&set->taken);
	set->refill_timer.expired = refill_due;
}

void vmm_set_done(struct vmm_set *set)
{
	struct vmm *vmm;

	timer_cancel(&set->hostd->loop, &set->refill_timer);
	vmms_replace_waiting(set);
	while ((vmm = TAILQ_FIRST(&set->taken))) {
		vmm_kill(vmm);
		loop_remove(&set->hostd->loop, &vmm->exited);
		process_wait(&vmm->process);
		vmm_end(vmm, "was ended with its host");
	}
}
