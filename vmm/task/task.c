/*
 * Making the task's process, and recording its end.
 */
#include "task.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "call.h"
#include "cpu_clear.h"
#include "fork.h"
#include "listener.h"
#include "memory_cell.h"
#include "space.h"
#include "system_image.h"
#include "vcpu.h"
#include "wait.h"

static int pauser_pause(void *context, uint64_t deadline_ns)
{
	return threads_pause(context, deadline_ns);
}

static void pauser_resume(void *context)
{
	threads_resume(context);
}

/* Memory objects are descriptors; the limit most hosts start with is too low for a task with many.
 */
static int descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

static int task_machine_start(struct task *task, const char *cpu_clear, const char **ret_step)
{
	struct kvm_cpuid2 *cpuid = &task->machine_host.cpuid.head;
	int error = 0;

	*ret_step = "taking features out of the CPUID table";
	if (cpu_clear && cpu_clear[0])
		error = cpu_clear_apply(cpu_clear, cpuid->entries, cpuid->nent);
	if (!error)
		error = machine_init(&task->machine, &task->machine_host, ret_step);
	return error ? error : runner_prepare(task, ret_step);
}

static int task_space_start(struct task *task, int pager_fd, const char **ret_step)
{
	const struct space_pauser pauser = {
	    .pause = pauser_pause,
	    .resume = pauser_resume,
	    .context = task,
	};
	int error;

	*ret_step = "making the address space";
	error = space_new(&task->machine, &pauser, &task->space);
	if (error)
		return error;
	error = space_pager_connect(task->space, pager_fd);
	if (error)
		log_line(LOG_WARNING,
			 "going on without a pager, so that this task can have no children: %s",
			 strerror(-error));
	return 0;
}

/* The kernel's part of what is the same for every task of a host. */
static int task_host_open(struct task *task, int system_fd, const char **ret_step)
{
	int error;

	*ret_step = "raising the limit of open files";
	error = descriptors_raise();
	if (error)
		return error;
	*ret_step = "installing signal handlers";
	error = vcpu_signals_install();
	if (!error)
		error = listener_signal_install();
	if (error)
		return error;
	*ret_step = "making the system area";
	task->system_image_fd = system_fd >= 0 ? system_fd : system_image_create();
	if (task->system_image_fd < 0)
		return task->system_image_fd;
	return machine_host_open(&task->machine_host, task->system_image_fd, ret_step);
}

void task_init(struct task *task)
{
	pthread_mutex_init(&task->lock, NULL);
	pthread_mutex_init(&task->create_lock, NULL);
	wait_cond_init(&task->settled);
	task->life = TASK_WAITING;
	atomic_store(&task->memory_cell, MEMORY_CELL_ANY);
	threads_init(task);
	console_input_init(&task->input);
	run_init(&task->run);
	workers_init(task);
}

int task_prepare(struct task *task, int system_fd, const char **ret_step)
{
	task->fork_pages_min = task_fork_pages_min();
	task_init(task);
	return task_host_open(task, system_fd, ret_step);
}

/* Ends the process: not exit(), as runners and workers still use everything, and one that waits for
 * a page of a host that is gone could not be waited for. The kernel takes threads, machine and
 * memory in one go. */
static void *control_main(void *context)
{
	struct task *task = context;
	int error = task_control_loop(task);

	if (error)
		log_line(LOG_ERROR, "task=0x%x norma-hostd does not speak the protocol: %s",
			 task->name, strerror(-error));
	_exit(error ? 1 : 0);
}

int task_control_start(struct task *task)
{
	pthread_t control;
	int error;

	task->control_arena = call_arena_new();
	if (!task->control_arena)
		return -ENOMEM;
	error = pthread_create(&control, NULL, control_main, task);
	if (!error)
		pthread_detach(control);
	return -error;
}

int task_personality_start(struct task *task, const char **ret_step)
{
	*ret_step = "setting up the Linux personality";
	return personality_init(task);
}

int task_start(struct task *task, const struct task_start *start, const char **ret_step)
{
	int error;

	*ret_step = "setting up the control socket";
	error = control_init(&task->control, start->control_fd);
	if (!error)
		error = task_machine_start(task, start->cpu_clear, ret_step);
	if (!error)
		error = task_space_start(task, start->pager_fd, ret_step);
	return error ? error : task_personality_start(task, ret_step);
}

enum task_life task_life_now(struct task *task)
{
	enum task_life life;

	pthread_mutex_lock(&task->lock);
	life = task->life;
	pthread_mutex_unlock(&task->lock);
	return life;
}

void task_life_set(struct task *task, enum task_life life)
{
	assert(task_life_may_follow(task->life, life));
	log_line(LOG_DEBUG, "task=0x%x %s -> %s", task->name, task_life_name(task->life),
		 task_life_name(life));
	task->life = life;
}

void task_end(struct task *task, enum task_state state, int32_t status, const char *format, ...)
{
	va_list arguments;

	pthread_mutex_lock(&task->lock);
	if (task->life == TASK_ASSIGNED) {
		task->end.state = state;
		task->end.status = status;
		va_start(arguments, format);
		vsnprintf(task->end.text, sizeof(task->end.text), format, arguments);
		va_end(arguments);
		task_life_set(task, TASK_ENDING);
		threads_kick_locked(task);
	}
	pthread_mutex_unlock(&task->lock);
	control_wake(&task->control);
}
