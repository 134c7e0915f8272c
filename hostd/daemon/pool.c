/*
 * The VMMs that wait for a task. How many is learned from demand: one that finds the list empty
 * doubles it, up to a limit, and what was not used for a while ends again. They are made when
 * nobody waits: a clone that was just asked for goes first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "hostd.h"

#define REFILL_DELAY_MS	   2u /* the first instructions of a new task are over then */
#define REFILL_RETRY_MS	   200u
#define REFILL_MAX_DOUBLES 6
#define SHRINK_MS	   5000u

static uint64_t refill_delay_ms(const struct vmm_set *set)
{
	unsigned int doubles =
	    set->failures < REFILL_MAX_DOUBLES ? set->failures : REFILL_MAX_DOUBLES;

	return set->failures ? REFILL_RETRY_MS << doubles : REFILL_DELAY_MS;
}

void vmms_refill_later(struct vmm_set *set)
{
	if (!set->hostd->is_stopping && !set->refill_timer.is_armed)
		timer_arm(&set->hostd->loop, &set->refill_timer,
			  hostd_deadline(refill_delay_ms(set)));
}

static void refill_due(struct timer *timer)
{
	vmms_refill(container_of(timer, struct vmm_set, refill_timer));
}

static bool can_order(const struct vmm_set *set)
{
	return !set->hostd->is_stopping && helper_is_up(&set->hostd->pager) &&
	       helper_is_up(&set->hostd->zygote);
}

void vmms_refill(struct vmm_set *set)
{
	struct vmm *vmm;
	int error;

	while (can_order(set) && set->waiting_count < set->wanted) {
		error = vmm_order(set, &vmm);
		if (!error)
			continue;
		set->failures++;
		log_line(LOG_ERROR, "step=order err=\"no VMM can be ordered: %s\"",
			 strerror(-error));
		vmms_refill_later(set);
		return;
	}
}

void vmms_replace_waiting(struct vmm_set *set)
{
	struct vmm *vmm;

	while ((vmm = TAILQ_FIRST(&set->waiting)))
		vmm_kill(vmm);
}

static unsigned int wanted_least(const struct vmm_set *set)
{
	return (unsigned int)set->hostd->config.waiting_vmms;
}

static unsigned int wanted_most(const struct vmm_set *set)
{
	unsigned int most = (unsigned int)set->hostd->config.waiting_vmms_most;

	return most > wanted_least(set) ? most : wanted_least(set);
}

static void shrink_later(struct vmm_set *set)
{
	if (set->wanted > wanted_least(set) && !set->shrink_timer.is_armed)
		timer_arm(&set->hostd->loop, &set->shrink_timer, hostd_deadline(SHRINK_MS));
}

/* Half of those that nobody needed since the last look. */
static void shrink_due(struct timer *timer)
{
	struct vmm_set *set = container_of(timer, struct vmm_set, shrink_timer);
	unsigned int spare = (set->least + 1) / 2;

	set->wanted -= spare;
	if (set->wanted < wanted_least(set))
		set->wanted = wanted_least(set);
	while (set->waiting_count > set->wanted)
		vmm_kill(TAILQ_LAST(&set->waiting, vmm_list));
	set->least = set->waiting_count;
	shrink_later(set);
}

/* There was none: a burst, or calls that come faster than they are made. */
static void grow(struct vmm_set *set)
{
	unsigned int most = wanted_most(set);

	set->wanted = set->wanted ? 2 * set->wanted : 1;
	if (set->wanted > most)
		set->wanted = most;
	shrink_later(set);
}

static int take_refused(const struct vmm_set *set, char error[MESSAGE_MAX_TEXT])
{
	const struct hostd *hostd = set->hostd;

	if (!helper_is_up(&hostd->pager))
		snprintf(error, MESSAGE_MAX_TEXT,
			 "the pager of node %d is not running; it is started again in a moment",
			 (int)hostd->config.node);
	else if (hostd->zygote.start_error)
		snprintf(error, MESSAGE_MAX_TEXT, "%.160s cannot be started: %s",
			 hostd->config.vmm_path, strerror(-hostd->zygote.start_error));
	else
		snprintf(error, MESSAGE_MAX_TEXT,
			 "the process that new tasks of node %d are copied from is not running; "
			 "it is started again in a moment",
			 (int)hostd->config.node);
	return -EAGAIN;
}

int vmm_take(struct vmm_set *set, struct task *task, char error[MESSAGE_MAX_TEXT])
{
	struct vmm *vmm = TAILQ_FIRST(&set->waiting);
	int failure;

	if (!helper_is_up(&set->hostd->pager) || (!vmm && !can_order(set)))
		return take_refused(set, error);
	if (!vmm) {
		grow(set);
		failure = vmm_order(set, &vmm);
		if (failure) {
			snprintf(error, MESSAGE_MAX_TEXT, "no process can be made for it: %s",
				 strerror(-failure));
			return failure;
		}
	}
	vmm_give(vmm, task);
	if (set->waiting_count < set->least)
		set->least = set->waiting_count;
	vmms_refill_later(set);
	return 0;
}

void vmm_set_init(struct vmm_set *set, struct hostd *hostd)
{
	*set = (struct vmm_set){.hostd = hostd};
	TAILQ_INIT(&set->waiting);
	TAILQ_INIT(&set->taken);
	set->wanted = wanted_least(set);
	set->refill_timer.expired = refill_due;
	set->shrink_timer.expired = shrink_due;
}

void vmm_set_done(struct vmm_set *set)
{
	timer_cancel(&set->hostd->loop, &set->refill_timer);
	timer_cancel(&set->hostd->loop, &set->shrink_timer);
	vmms_end(set);
}
