/*
 * SIGIO, the wait of a thread that is alone, and how it gets company.
 */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "space.h"
#include "task.h"
#include "vcpu.h"
#include "wait.h"

enum { HEAR_CONTROL, HEAR_PAGER, HEAR_COUNT };

struct task *_Atomic listener_lone_task;

/* Runs in the only thread. What it interrupts may be about to enter the guest. */
static void signal_handler(int signal_number)
{
	struct task *task = atomic_load(&listener_lone_task);
	int error = errno;

	(void)signal_number;
	if (task) {
		atomic_store(&task->has_news, true);
		vcpu_kick(task->runners[0].vcpu);
	}
	errno = error;
}

int listener_signal_install(void)
{
	struct sigaction action = {.sa_handler = signal_handler, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	return sigaction(SIGIO, &action, NULL) ? -errno : 0;
}

static void descriptors_list(const struct task *task, struct pollfd polls[HEAR_COUNT])
{
	polls[HEAR_CONTROL] = (struct pollfd){task->control.link.fd, POLLIN, 0};
	polls[HEAR_PAGER] =
	    (struct pollfd){task->is_pager_lost ? -1 : space_pager_fd(task->space), POLLRDHUP, 0};
}

/* Return: 0, -errno. */
static int descriptor_signal(int fd, bool is_wanted)
{
	struct f_owner_ex owner = {.type = F_OWNER_TID, .pid = (pid_t)syscall(SYS_gettid)};
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (is_wanted && fcntl(fd, F_SETOWN_EX, &owner) < 0))
		return -errno;
	flags = is_wanted ? flags | O_ASYNC : flags & ~O_ASYNC;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

static int descriptors_signal(const struct task *task, bool is_wanted)
{
	struct pollfd polls[HEAR_COUNT];
	int error = 0;

	descriptors_list(task, polls);
	for (int i = 0; i < HEAR_COUNT && !error; i++)
		if (polls[i].fd >= 0)
			error = descriptor_signal(polls[i].fd, is_wanted);
	return error;
}

/* Return: 0 when there is something to hear, -ETIMEDOUT. */
static int descriptors_wait(const struct task *task, uint64_t deadline_ns)
{
	struct pollfd polls[HEAR_COUNT];
	int ready;

	descriptors_list(task, polls);
	do {
		uint64_t now_ns = clock_now_ns();
		uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
		struct timespec timeout = {
		    .tv_sec = (time_t)(left_ns / NS_PER_S),
		    .tv_nsec = (long)(left_ns % NS_PER_S),
		};

		ready =
		    ppoll(polls, HEAR_COUNT, deadline_ns == WAIT_FOREVER ? NULL : &timeout, NULL);
	} while (ready < 0 && errno == EINTR);
	/* Of anything that poll cannot do the control thread's epoll will complain. */
	return ready ? 0 : -ETIMEDOUT;
}

static void start(struct task *task)
{
	int error;

	atomic_store(&listener_lone_task, NULL);
	error = task_control_start(task);
	if (!error)
		return;
	/* Nobody can reach this task any more; hostd says that it was lost. */
	log_line(LOG_ERROR, "task=0x%x step=\"starting the control thread\" err=\"%s\"", task->name,
		 strerror(-error));
	_exit(1);
}

void listener_begin(struct task *task)
{
	bool wants_write;

	atomic_store(&task->has_news, false);
	atomic_store(&listener_lone_task, task);
	/* What came before the signals were asked for raises none. */
	if (space_is_reported(task->space) || control_flush(&task->control, &wants_write) ||
	    wants_write || descriptors_signal(task, true) || !descriptors_wait(task, 0))
		listener_start();
}

void listener_start(void)
{
	struct task *task = atomic_load(&listener_lone_task);

	if (!task)
		return;
	descriptors_signal(task, false);
	start(task);
}

int listener_wait(uint64_t deadline_ns)
{
	struct task *task = atomic_load(&listener_lone_task);
	int error = descriptors_wait(task, deadline_ns);

	if (!error && !control_take_reply(&task->control))
		listener_start();
	return error;
}

void listener_look(void)
{
	struct task *task = atomic_load(&listener_lone_task);

	/* What a signal told of may have been a reply that was taken since. */
	if (task && atomic_exchange(&task->has_news, false) && !descriptors_wait(task, 0))
		listener_start();
}
