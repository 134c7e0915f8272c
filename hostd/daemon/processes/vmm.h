/*
 * VMM processes: copied from the zygote ahead of need and kept waiting, taken for a task, killed
 * and reaped. Each has a control channel to us and a socket to the pager.
 *
 * Theory of operation. A VMM is usable from the moment it is ordered: its sockets exist, and what
 * is sent waits in them until the process reads it. Nothing here waits for a process to be made or
 * to end; the zygote's answer brings the process number, a pidfd tells the end. Whoever takes a
 * VMM finds one in the waiting list, or orders one and goes on.
 */
#ifndef DAEMON_VMM_H
#define DAEMON_VMM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "loop.h"
#include "message/message.h"
#include "process.h"
#include "wire/wire.h"

struct channel;
struct child_memory;
struct hostd;
struct task;
struct vmm;

/*
 * VMMs that wait for the same thing (pool.c): for any task, or for children of one template, whose
 * memory they have mapped already. How many are to wait is learned from demand.
 */
struct vmm_pool {
	TAILQ_HEAD(vmm_list, vmm) waiting;
	unsigned int count;
	unsigned int wanted;		   /* how many are to wait: grows with demand */
	unsigned int least;		   /* how few waited since the last look */
	bool is_known;			   /* among the set's pools */
	bool is_refused;		   /* a VMM could not be prepared: there will be none */
	const struct child_memory *memory; /* of a template; NULL: for any task */
	struct wire_span thread_state; /* how its last child's thread began, x86_THREAD_STATE64 */
	TAILQ_ENTRY(vmm_pool) entry;
};

struct vmm {
	struct hostd *hostd;
	struct process process; /* none while is_ordered */
	struct source exited;
	struct channel *channel; /* NULL once closed */
	struct task *task;	 /* NULL while it waits, and when its task never came to be */
	bool is_ordered;	 /* the zygote has not answered */
	struct vmm_pool *pool;	 /* where it waits; NULL once taken or killed */
	bool is_prepared;	 /* it has the memory of its pool's template */
	bool is_killed;
	bool is_left;		 /* vmm_leave() */
	struct timer exit_timer; /* killed when it has not exited by then */
	TAILQ_ENTRY(vmm) entry;
};

struct vmm_set {
	struct hostd *hostd;
	TAILQ_HEAD(vmm_pools, vmm_pool)
	pools;			 /* `any` first, then templates', the last used one first */
	unsigned int pool_count; /* of templates */
	struct vmm_pool any;
	TAILQ_HEAD(, vmm) taken; /* also those that only wait to be reaped */
	unsigned int taken_count;
	unsigned int ordered_count; /* of both */
	unsigned int left_count;
	unsigned int failures; /* waiting ones that ended by themselves, in a row */
	struct timer refill_timer, shrink_timer;
};

/* ---- one VMM (vmm.c) ---- */

/* A process that another one of ours forked, and our ends of its sockets. */
struct vmm_adoption {
	int pidfd; /* from that other process: checked */
	int control_fd;
	int pager_fd; /* its other end is introduced to the pager */
};

/*
 * Makes such a process a VMM like those that were ordered here: watched, reaped, killed. All three
 * descriptors are taken. With a task it is the task's VMM, else it waits for one.
 * Return: 0; -errno, and the process is killed and reaped if it is ours: -ECHILD when we are not
 * its parent (see process_adopt), -EEXIST when it is one that we know, -EAGAIN without a pager.
 */
int vmm_adopt(struct vmm_set *set, struct vmm_adoption take, struct task *task,
	      struct vmm **ret_vmm);

/* Orders one of the zygote. Return: 0 with a VMM that waits in the pool, -errno. */
int vmm_order(struct vmm_set *set, struct vmm_pool *pool, struct vmm **ret_vmm);
/* Has a new one map the memory of its pool's template (prepare.c). */
void vmm_prepare(struct vmm *vmm);
/* Makes a waiting one the task's. */
void vmm_give(struct vmm *vmm, struct task *task);

/* Kills it; task_vmm_gone() follows when it is reaped. */
void vmm_kill(struct vmm *vmm);
/*
 * Parts a killed VMM from its task, which need not wait for the kernel to take its memory and its
 * VM apart. No thread of it runs the program any more: SIGKILL has interrupted those that did.
 * Return: true with `task->vmm` NULL and the channel closed. False when the task has to wait: there
 * is no process yet, or as many are being taken apart that tasks must not be made any faster.
 */
bool vmm_leave(struct vmm *vmm);
/* It said that it exits; killed if it does not. */
void vmm_expect_exit(struct vmm *vmm);
/* A task was made with it: what makes VMMs fail is over. */
void vmm_worked(struct vmm *vmm);
/* Ends and reaps all; their tasks have ended then. */
void vmms_end(struct vmm_set *set);
/* Return: whether this process is one of the VMMs. */
bool vmms_know(const struct vmm_set *set, pid_t pid);

/* ---- the pool of those that wait (pool.c) ---- */

void vmm_set_init(struct vmm_set *set, struct hostd *hostd);
void vmm_set_done(struct vmm_set *set);

/* Orders waiting VMMs until there are as many as wanted. */
void vmms_refill(struct vmm_set *set);
/* The same in a while: what was just asked goes first. */
void vmms_refill_later(struct vmm_set *set);
/* Ends the waiting ones; others take their place (a new pager). */
void vmms_replace_waiting(struct vmm_set *set);

/*
 * Gives a VMM to a task: one that waits in the template's pool (NULL: there is none) and is
 * prepared, one that waits for any task, or a new one. The task's `vmm` is set.
 * Return: 0, -errno with a sentence in `error`.
 */
int vmm_take(struct vmm_set *set, struct vmm_pool *pool, struct task *task,
	     char error[MESSAGE_MAX_TEXT]);

/* A template's pool, empty and unknown to the set. */
void vmm_pool_init(struct vmm_pool *pool, const struct child_memory *memory);
/* The template is used: its pool is filled from now on, until POOLS_MAX others have been used
 * since.
 */
void vmm_pool_use(struct vmm_set *set, struct vmm_pool *pool);
/* Ends what waits in it, and forgets it. */
void vmm_pool_end(struct vmm_set *set, struct vmm_pool *pool);
/* Return: how many VMMs are to wait, and do, in all pools. */
unsigned int vmms_wanted(const struct vmm_set *set);
unsigned int vmms_waiting(const struct vmm_set *set);

#endif
