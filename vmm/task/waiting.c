/*
 * The main thread while the process waits to become a task, and how it becomes a runner then: what
 * it received last it carries out itself. Who hears hostd's next message: listener.h.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "call.h"
#include "listener.h"
#include "space.h"
#include "task.h"

static bool task_is_waiting(struct task *task)
{
	return task_life_now(task) < TASK_ASSIGNED;
}

/* Return: 0, -EPIPE when hostd is gone, -EBADMSG, -EPROTO. */
static int waiting_receive(struct task *task)
{
	struct link_message message;
	int error;

	while (task_is_waiting(task)) {
		error = control_receive(&task->control, &message);
		if (error)
			return error == -EAGAIN ? 0 : error;
		/* Everything but vmm_prepare and vmm_become is refused, and that quickly. */
		if (!(message.header.flags & MESSAGE_REPLY))
			worker_answer_received(task, &message, task->runners[0].arena);
		link_message_done(&message);
	}
	return 0;
}

static int waiting_round(struct task *task)
{
	struct pollfd polls[] = {
	    {.fd = task->control.link.fd},
	    {.fd = task->is_pager_lost ? -1 : space_pager_fd(task->space), .events = POLLRDHUP},
	};
	bool wants_write;
	int error = control_flush(&task->control, &wants_write);

	if (error)
		return error;
	polls[0].events = (short)(POLLIN | (wants_write ? POLLOUT : 0));
	if (poll(polls, 2, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (polls[1].revents)
		error = task_pager_lost(task);
	return error ? error : waiting_receive(task);
}

_Noreturn void task_run(struct task *task)
{
	int error = 0;

	/* Memory that the answer to vmm_become goes through. */
	memset(task->runners[0].arena->reply, 0, MESSAGE_HEADER_BYTES);
	while (!error && task_is_waiting(task))
		error = waiting_round(task);
	if (error && error != -EPIPE)
		log_line(LOG_ERROR, "task=0x%x norma-hostd does not speak the protocol: %s",
			 task->name, strerror(-error));
	if (error)
		_exit(error == -EPIPE ? 0 : 1);
	listener_begin(task);
	runner_run(&task->runners[0]);
}
