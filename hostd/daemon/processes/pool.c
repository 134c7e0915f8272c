/*
 * The VMMs that wait for a task, any task's or one template's children. How many is learned from
 * demand: one that finds its pool empty adds to it, up to a limit for all, and what was not used
 * for a while ends again. They are made when nobody waits: a clone that was just asked for goes
 * first.
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
/* Templates that have a pool: one that is used in turns with more than so many others has none. */
#define POOLS_MAX 4
/* Short lives of the zygote in a row after which nothing is said of a moment any more. */
#define HOPELESS_FAILURES 3
/* What a waiting VMM costs, the kernel's part included, and how much of the memory that is
 * available may be theirs: 1/MEMORY_SHARE. */
#define WAITING_BYTES (UINT64_C(1) << 20)
#define MEMORY_SHARE  16

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

/* What was ordered before comes first, as tasks may wait for it; the last answer asks again. */
static void refill_due(struct timer *timer)
{
	struct vmm_set *set = container_of(timer, struct vmm_set, refill_timer);

	if (!set->ordered_count)
		vmms_refill(set);
}

static bool can_order(const struct vmm_set *set)
{
	return !set->hostd->is_stopping && helper_is_up(&set->hostd->pager) &&
	       helper_is_up(&set->hostd->zygote);
}

unsigned int vmms_wanted(const struct vmm_set *set)
{
	const struct vmm_pool *pool;
	unsigned int sum = 0;

	TAILQ_FOREACH (pool, &set->pools, entry)
		sum += pool->wanted;
	return sum;
}

unsigned int vmms_waiting(const struct vmm_set *set)
{
	const struct vmm_pool *pool;
	unsigned int sum = 0;

	TAILQ_FOREACH (pool, &set->pools, entry)
		sum += pool->count;
	return sum;
}

/* Return: 0, -errno. */
static int pool_fill(struct vmm_set *set, struct vmm_pool *pool)
{
	struct vmm *vmm;
	int error = 0;

	while (!error && can_order(set) && pool->count < pool->wanted) {
		error = vmm_order(set, pool, &vmm);
		if (!error && pool->memory)
			vmm_prepare(vmm);
	}
	return error;
}

void vmms_refill(struct vmm_set *set)
{
	struct vmm_pool *pool;
	int error = 0;

	TAILQ_FOREACH (pool, &set->pools, entry) {
		error = pool_fill(set, pool);
		if (error)
			break;
	}
	if (!error)
		return;
	set->failures++;
	log_line(LOG_ERROR, "step=order err=\"no VMM can be ordered: %s\"", strerror(-error));
	vmms_refill_later(set);
}

static void pool_kill_all(struct vmm_pool *pool)
{
	struct vmm *vmm;

	while ((vmm = TAILQ_FIRST(&pool->waiting)))
		vmm_kill(vmm);
}

void vmms_replace_waiting(struct vmm_set *set)
{
	struct vmm_pool *pool;

	TAILQ_FOREACH (pool, &set->pools, entry)
		pool_kill_all(pool);
}

static unsigned int wanted_least(const struct vmm_set *set)
{
	return (unsigned int)set->hostd->config.waiting_vmms;
}

/* In all pools; what the host has free decides as well, as far as that is known. */
static unsigned int wanted_most(const struct vmm_set *set)
{
	const struct inventory_snapshot *snapshot = inventory_current(set->hostd->inventory);
	uint64_t most = (uint64_t)set->hostd->config.waiting_vmms_most;
	uint64_t fit = snapshot->memory.available_bytes / MEMORY_SHARE / WAITING_BYTES;

	if (snapshot->memory.available_bytes && most > fit)
		most = fit;
	return most > wanted_least(set) ? (unsigned int)most : wanted_least(set);
}

static bool is_shrinkable(const struct vmm_set *set)
{
	const struct vmm_pool *pool;

	TAILQ_FOREACH (pool, &set->pools, entry)
		if (pool->wanted > wanted_least(set))
			return true;
	return false;
}

static void shrink_later(struct vmm_set *set)
{
	if (is_shrinkable(set) && !set->shrink_timer.is_armed)
		timer_arm(&set->hostd->loop, &set->shrink_timer, hostd_deadline(SHRINK_MS));
}

/* Half of those that nobody needed since the last look. */
static void pool_shrink(struct vmm_pool *pool, unsigned int least)
{
	unsigned int spare = (pool->least + 1) / 2;

	if (pool->wanted <= least)
		return;
	pool->wanted = pool->wanted - least > spare ? pool->wanted - spare : least;
	while (pool->count > pool->wanted)
		vmm_kill(TAILQ_LAST(&pool->waiting, vmm_list));
	pool->least = pool->count;
}

static void shrink_due(struct timer *timer)
{
	struct vmm_set *set = container_of(timer, struct vmm_set, shrink_timer);
	struct vmm_pool *pool;

	TAILQ_FOREACH (pool, &set->pools, entry)
		pool_shrink(pool, wanted_least(set));
	shrink_later(set);
}

/* There was none: a burst, or calls that come faster than they are made. Each that finds none adds
 * one, so that the next burst of that size finds enough. */
static void pool_grow(struct vmm_set *set, struct vmm_pool *pool)
{
	unsigned int others = vmms_wanted(set) - pool->wanted;
	unsigned int most = wanted_most(set);

	if (pool->wanted + others < most)
		pool->wanted++;
	shrink_later(set);
}

void vmm_pool_init(struct vmm_pool *pool, const struct child_memory *memory)
{
	*pool = (struct vmm_pool){.memory = memory};
	TAILQ_INIT(&pool->waiting);
}

void vmm_pool_use(struct vmm_set *set, struct vmm_pool *pool)
{
	if (pool->is_refused)
		return;
	if (pool->is_known)
		TAILQ_REMOVE(&set->pools, pool, entry);
	else if (set->pool_count == POOLS_MAX)
		vmm_pool_end(set, TAILQ_LAST(&set->pools, vmm_pools));
	if (!pool->is_known) {
		pool->is_known = true;
		pool->wanted = wanted_least(set);
		set->pool_count++;
	}
	TAILQ_INSERT_AFTER(&set->pools, &set->any, pool, entry);
}

void vmm_pool_end(struct vmm_set *set, struct vmm_pool *pool)
{
	if (!pool->is_known)
		return;
	pool->is_known = false;
	TAILQ_REMOVE(&set->pools, pool, entry);
	set->pool_count--;
	pool_kill_all(pool);
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
	else if (hostd->zygote.failures >= HOPELESS_FAILURES)
		snprintf(
		    error, MESSAGE_MAX_TEXT,
		    "the process that new tasks of node %d are copied from ends whenever it is "
		    "started: its log says why, and `norma doctor` there what to do",
		    (int)hostd->config.node);
	else
		snprintf(error, MESSAGE_MAX_TEXT,
			 "the process that new tasks of node %d are copied from is not running; "
			 "it is started again in a moment",
			 (int)hostd->config.node);
	return -EAGAIN;
}

/* Return: one that is ready, or NULL. */
static struct vmm *pool_first(const struct vmm_pool *pool)
{
	struct vmm *vmm;

	TAILQ_FOREACH (vmm, &pool->waiting, entry)
		if (vmm->is_prepared || !pool->memory)
			return vmm;
	return NULL;
}

static struct vmm *take_waiting(struct vmm_set *set, struct vmm_pool *pool)
{
	struct vmm *vmm = pool_first(pool);

	return vmm ? vmm : pool_first(&set->any);
}

int vmm_take(struct vmm_set *set, struct vmm_pool *pool, struct task *task,
	     char error[MESSAGE_MAX_TEXT])
{
	struct vmm_pool *asked = pool && pool->is_known ? pool : &set->any;
	struct vmm *vmm = take_waiting(set, asked);
	int failure;

	if (!helper_is_up(&set->hostd->pager) || (!vmm && !can_order(set)))
		return take_refused(set, error);
	if (!vmm || vmm->pool != asked)
		pool_grow(set, asked);
	if (!vmm) {
		failure = vmm_order(set, &set->any, &vmm);
		if (failure) {
			snprintf(error, MESSAGE_MAX_TEXT, "no process can be made for it: %s",
				 strerror(-failure));
			return failure;
		}
	}
	vmm_give(vmm, task);
	if (asked->count < asked->least)
		asked->least = asked->count;
	vmms_refill_later(set);
	return 0;
}

void vmm_set_init(struct vmm_set *set, struct hostd *hostd)
{
	*set = (struct vmm_set){.hostd = hostd};
	TAILQ_INIT(&set->pools);
	TAILQ_INIT(&set->taken);
	vmm_pool_init(&set->any, NULL);
	set->any.is_known = true;
	set->any.wanted = wanted_least(set);
	TAILQ_INSERT_HEAD(&set->pools, &set->any, entry);
	set->refill_timer.expired = refill_due;
	set->shrink_timer.expired = shrink_due;
}

void vmm_set_done(struct vmm_set *set)
{
	timer_cancel(&set->hostd->loop, &set->refill_timer);
	timer_cancel(&set->hostd->loop, &set->shrink_timer);
	vmms_end(set);
}
