/*
 * A process that vmm_export forked, from its first instruction on. Order matters: first everything
 * that was the parent's goes, its descriptors last, as some were in the hands of threads that do
 * not exist here; only then is anything of its own opened.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "call.h"
#include "fork.h"
#include "orphan.h"
#include "task.h"

/* What the parent's threads had allocated and the task knows of. */
static void parent_threads_free(struct task *task)
{
	struct workers *workers = &task->workers;

	for (uint32_t i = 0; i < workers->used; i++)
		free(workers->jobs[(workers->head + i) % WORKER_JOBS_MAX].payload);
	for (uint32_t i = 0; i < WORKER_COUNT; i++)
		free(workers->workers[i].arena);
	for (uint32_t i = 0; i < NAME_THREADS; i++)
		free(task->runners[i].arena);
	free(task->control_arena);
}

static void parent_forget(struct task *task)
{
	parent_threads_free(task);
	link_done(&task->control.link);
	close(task->control.wake_fd);
	run_strings_done(&task->run.arguments);
	run_strings_done(&task->run.environment);
	if (task->run.image_fd >= 0)
		close(task->run.image_fd);
	orphan_stack_free(task->main_stack);
}

static int fd_compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes everything above standard error but fds[count], which this sorts. */
static void descriptors_close_others(int *fds, size_t count)
{
	unsigned int from = STDERR_FILENO + 1;

	qsort(fds, count, sizeof(*fds), fd_compare);
	for (size_t i = 0; i < count; i++) {
		unsigned int fd = (unsigned int)fds[i];

		if (fd > from)
			close_range(from, fd - 1, 0);
		from = fd + 1;
	}
	close_range(from, ~0u, 0);
}

/* The ring of the console's input needs no clearing, and is large. */
static void task_clear(struct task *task)
{
	size_t begin = offsetof(struct task, lock);
	size_t input = offsetof(struct task, input);
	size_t behind = input + sizeof(task->input);

	task->name = 0;
	task->node = 0;
	task->owner_uid = 0;
	task->is_prepared = false;
	memset((uint8_t *)task + begin, 0, input - begin);
	memset((uint8_t *)task + behind, 0, offsetof(struct task, machine_host) - behind);
}

static int machine_renew(struct task *task, const struct task_renewal *renewal,
			 const char **ret_step)
{
	int ret = machine_renew_after_fork(&task->machine, ret_step);
	int keep[] = {renewal->control_fd, renewal->pager_fd, task->system_image_fd,
		      task->machine_host.kvm_fd, task->machine.vm_fd};

	if (!ret)
		descriptors_close_others(keep, sizeof(keep) / sizeof(keep[0]));
	return ret;
}

/* The pager's answer comes only after hostd adopted this process, so that hostd is its parent then:
 * before, the death of the parent would be that of the process in the middle (orphan.c). */
static int renewed_meet_others(struct task *task, int take_pager_fd, const char **ret_step)
{
	int ret = space_renew_after_fork(task->space);

	*ret_step = "making the address space anew";
	if (ret)
		return ret;
	*ret_step = "meeting the pager";
	ret = space_pager_connect(task->space, take_pager_fd);
	if (!ret)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return ret;
}

static int task_renew(struct task *task, const struct task_renewal *renewal, const char **ret_step)
{
	int ret;

	parent_forget(task);
	ret = machine_renew(task, renewal, ret_step);
	if (ret)
		return ret;
	task_clear(task);
	task->main_stack = renewal->stack;
	task_init(task);
	*ret_step = "setting up the control socket";
	ret = control_init(&task->control, renewal->control_fd);
	if (!ret)
		ret = runner_prepare(task, ret_step);
	if (!ret)
		ret = renewed_meet_others(task, renewal->pager_fd, ret_step);
	return ret ? ret : task_personality_start(task, ret_step);
}

_Noreturn void task_run_after_fork(struct task *task, const struct task_renewal *renewal)
{
	const char *step;
	int ret = task_renew(task, renewal, &step);

	if (ret) {
		log_line(LOG_ERROR, "%s failed after a fork: %s", step, strerror(-ret));
		_exit(1);
	}
	task_run(task);
}
