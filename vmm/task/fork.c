/*
 * The parent's side: sockets, locks, the fork. The child's side: it puts the parent's things away,
 * makes a machine over the mappings it kept, and waits for vmm_become like any other VMM.
 */
#include "fork.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "orphan.h"
#include "task.h"

uint64_t task_fork_pages_min(void)
{
	const char *text = getenv("NORMA_VMM_FORK_PAGES");
	char *end;

	if (!text || !*text)
		return SPACE_FORK_PAGES_MIN;
	errno = 0;
	uint64_t pages = strtoull(text, &end, 10);
	return errno || *end ? SPACE_FORK_PAGES_MIN : pages;
}

static int pair_make(int *ret_theirs, int *ret_ours)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	*ret_theirs = fds[0];
	*ret_ours = fds[1];
	return 0;
}

static int fork_prepare(struct task_fork *fork)
{
	int ret = pair_make(&fork->hostd_control_fd, &fork->control_fd);

	if (!ret)
		ret = pair_make(&fork->hostd_pager_fd, &fork->pager_fd);
	if (ret)
		return ret;
	fork->stack = orphan_stack_new();
	return fork->stack ? 0 : -ENOMEM;
}

static void locks_take(struct task *task)
{
	pthread_mutex_lock(&task->machine.lock);
	pthread_mutex_lock(&task->workers.lock);
	pthread_mutex_lock(&task->control.lock);
}

static void locks_release(struct task *task)
{
	pthread_mutex_unlock(&task->control.lock);
	pthread_mutex_unlock(&task->workers.lock);
	pthread_mutex_unlock(&task->machine.lock);
}

static int fork_process(void *context, space_child_fn first, void *first_context)
{
	struct task_fork *fork = context;
	int ret = fork_prepare(fork);

	if (ret)
		return ret;
	locks_take(fork->task);
	ret = orphan_fork(fork->stack, first, first_context, &fork->pidfd);
	locks_release(fork->task);
	orphan_stack_free(take_ptr(fork->stack));
	close(take_fd(&fork->control_fd));
	close(take_fd(&fork->pager_fd));
	return ret;
}

__attribute__((noreturn)) static void fork_child(void *context)
{
	struct task_fork *fork = context;

	/* *fork lies on the stack of a thread that this process does not have. */
	task_run_after_fork(fork->task, &(struct task_renewal){
					    .control_fd = fork->control_fd,
					    .pager_fd = fork->pager_fd,
					    .stack = fork->stack,
					});
}

struct space_forker task_fork_init(struct task_fork *fork, struct task *task)
{
	*fork = (struct task_fork){
	    .task = task,
	    .pidfd = -1,
	    .hostd_control_fd = -1,
	    .hostd_pager_fd = -1,
	    .control_fd = -1,
	    .pager_fd = -1,
	};
	return (struct space_forker){
	    .fork = fork_process,
	    .child = fork_child,
	    .context = fork,
	    .pages_min = task->fork_pages_min,
	};
}

uint32_t task_fork_take(struct task_fork *fork, int *ret_fds)
{
	ret_fds[FORKED_PIDFD] = take_fd(&fork->pidfd);
	ret_fds[FORKED_CONTROL] = take_fd(&fork->hostd_control_fd);
	ret_fds[FORKED_PAGER] = take_fd(&fork->hostd_pager_fd);
	return FORKED_FDS;
}

void task_fork_done(struct task_fork *fork)
{
	cleanup_close(&fork->pidfd);
	cleanup_close(&fork->hostd_control_fd);
	cleanup_close(&fork->hostd_pager_fd);
	cleanup_close(&fork->control_fd);
	cleanup_close(&fork->pager_fd);
	orphan_stack_free(take_ptr(fork->stack));
}
