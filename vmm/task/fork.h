/*
 * Forking this process for a child of its task: how vmm_export gets from a dirty parent to a second
 * process that is a waiting VMM with the parent's private pages.
 */
#ifndef TASK_FORK_H
#define TASK_FORK_H

#include <stdint.h>

#include "space.h"

struct task;

/* One fork, from vmm_export's side. */
struct task_fork {
	struct task *task;
	int pidfd; /* -1 until there is a process */
	/* Ends of two socket pairs: hostd's, and the new process's own. */
	int hostd_control_fd, hostd_pager_fd;
	int control_fd, pager_fd;
	void *stack; /* the new process's only thread runs on it */
};

/*
 * Makes *fork what space_export calls. *fork must live until task_fork_done.
 *
 * Locks. The space's is held by the exporter. Taken here, because the child frees or reads what
 * they guard: the machine's (a vCPU that is half made would leave its mapping behind), the workers'
 * queue's and the control socket's. malloc's and stdio's are taken by fork(3). No other is needed:
 * the child makes all of them, and all they guard, anew.
 */
struct space_forker task_fork_init(struct task_fork *fork, struct task *task);
/* Hands the new process over: writes its FORKED_FDS descriptors for hostd. Return: how many. */
uint32_t task_fork_take(struct task_fork *fork, int *ret_fds);
/* Closes what was not handed on. */
void task_fork_done(struct task_fork *fork);

/* What the new process has of its own. */
struct task_renewal {
	int control_fd;
	int pager_fd;
	void *stack;
};

/* The new process's life, as main() has it for others: lets go of what was the parent's, makes its
 * machine, waits for vmm_become. */
_Noreturn void task_run_after_fork(struct task *task, const struct task_renewal *renewal);

/* Return: from how many pages on a fork is chosen: NORMA_VMM_FORK_PAGES of the environment (0:
 * always, for tests), or what measurements say. */
uint64_t task_fork_pages_min(void);

#endif
