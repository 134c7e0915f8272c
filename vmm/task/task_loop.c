/*
 * The control thread: receives from hostd once there is something to hear (listener.h), watches the
 * pager's socket, and sees the task's end through. It never waits but in epoll_wait.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "call.h"
#include "memory_cell.h"
#include "space.h"
#include "task.h"
#include "wait.h"

/* How long the end waits for threads to leave the guest and calls to be answered, and then for
 * hostd to take note. */
#define END_STOP_MS   2000
#define END_REPORT_MS 5000

enum { EVENT_CONTROL, EVENT_WAKE, EVENT_PAGER, EVENT_COUNT };

struct loop {
	struct task *task;
	int events_fd;		   /* epoll */
	bool is_watching_write;	   /* of hostd's socket */
	uint64_t deadline_ns;	   /* of the task's end; WAIT_FOREVER while it lives */
	uint64_t wait_deadline_ns; /* of the next call that is parked */
	bool is_over;
};

static void loop_answer(struct loop *loop, struct link_message *message)
{
	struct task *task = loop->task;
	int error;

	memory_cell_follow(atomic_load(&task->memory_cell));
	if (call_is_quick(message->header.type)) {
		worker_answer_received(task, message, task->control_arena);
		return;
	}
	error = workers_submit(&task->workers, &message->header, message->payload);
	if (error)
		worker_refuse(task, &message->header, KERN_RESOURCE_SHORTAGE,
			      "too many calls to this task wait to be answered: try again");
}

/* Return: 0, -EPIPE when hostd is gone, -EBADMSG, -EPROTO. */
static int loop_receive(struct loop *loop)
{
	struct link_message message;
	int error;

	while (!loop->is_over) {
		error = control_receive(&loop->task->control, &message);
		if (error)
			return error == -EAGAIN ? 0 : error;
		if (!(message.header.flags & MESSAGE_REPLY))
			loop_answer(loop, &message);
		else if (message.header.type == MESSAGE_vmm_ended)
			loop->is_over = true;
		link_message_done(&message);
	}
	return 0;
}

int task_pager_lost(struct task *task)
{
	int error;

	task->is_pager_lost = true;
	log_line(LOG_ERROR, "task=0x%x the pager is gone: pages that other hosts hold are lost",
		 task->name);
	error = space_pager_lost(task->space);
	if (error && task_life_now(task) < TASK_ASSIGNED)
		return error;
	if (error)
		task_end(task, TASK_STATE_KILLED, -1,
			 "the pager is gone and its pages could not be marked as lost: %s",
			 strerror(-error));
	return 0;
}

static int end_report(struct task *task)
{
	struct vmm_ended_request request = {.state = task->end.state, .status = task->end.status};
	const struct message_header header = {.type = MESSAGE_vmm_ended, .uid = task->owner_uid};
	uint8_t payload[sizeof(request) + 8];
	struct wire_writer writer;

	memcpy(request.text, task->end.text, sizeof(request.text));
	wire_writer_init(&writer, payload, sizeof(payload));
	vmm_ended_request_encode(&writer, &request);
	log_line(LOG_DEBUG, "task=0x%x ended status=%d %s", task->name, request.status,
		 request.text);
	return control_request(&task->control, &header, payload, writer.used);
}

/* Moves a task that has ended on: threads out of the guest and workers idle, then tell hostd, then
 * leave. Return: 0, -EPIPE and others. */
static int loop_end(struct loop *loop)
{
	struct task *task = loop->task;
	enum task_life life;
	unsigned int running;

	pthread_mutex_lock(&task->lock);
	life = task->life;
	running = threads_running_locked(task);
	pthread_mutex_unlock(&task->lock);
	if (life < TASK_ENDING)
		return 0;
	if (loop->deadline_ns == WAIT_FOREVER)
		loop->deadline_ns = wait_deadline_ms(END_STOP_MS);
	bool is_late = clock_now_ns() >= loop->deadline_ns;
	if (life == TASK_REPORTED) {
		loop->is_over |= is_late;
		return 0;
	}
	/* Calls that are being answered get their answer first: norma_run_start of a short program,
	 * say. */
	if ((running || !workers_are_idle(&task->workers)) && !is_late)
		return 0;
	pthread_mutex_lock(&task->lock);
	task_life_set(task, TASK_REPORTED);
	pthread_mutex_unlock(&task->lock);
	loop->deadline_ns = wait_deadline_ms(END_REPORT_MS);
	return end_report(task);
}

static int loop_timeout_ms(const struct loop *loop)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t deadline_ns =
	    loop->deadline_ns < loop->wait_deadline_ns ? loop->deadline_ns : loop->wait_deadline_ns;

	if (deadline_ns == WAIT_FOREVER)
		return -1;
	if (deadline_ns <= now_ns)
		return 0;
	uint64_t wait_ms = (deadline_ns - now_ns) / NS_PER_MS + 1;
	return wait_ms < INT_MAX ? (int)wait_ms : INT_MAX;
}

static int events_set(const struct loop *loop, int operation, int which, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = which};

	return epoll_ctl(loop->events_fd, operation, fd, &event) < 0 ? -errno : 0;
}

/* Sends what is queued. Return: 0, -errno. */
static int loop_flush(struct loop *loop)
{
	struct control *control = &loop->task->control;
	bool wants_write;
	int error = control_flush(control, &wants_write);

	if (error || wants_write == loop->is_watching_write)
		return error;
	loop->is_watching_write = wants_write;
	return events_set(loop, EPOLL_CTL_MOD, EVENT_CONTROL, control->link.fd,
			  EPOLLIN | (wants_write ? EPOLLOUT : 0));
}

static int loop_handle(struct loop *loop, int which)
{
	uint64_t wakes;

	switch (which) {
	case EVENT_CONTROL:
		return loop_receive(loop);
	case EVENT_PAGER:
		epoll_ctl(loop->events_fd, EPOLL_CTL_DEL, space_pager_fd(loop->task->space), NULL);
		return task_pager_lost(loop->task);
	default:
		(void)!read(loop->task->control.wake_fd, &wakes, sizeof(wakes));
		return 0;
	}
}

static int loop_round(struct loop *loop)
{
	struct task *task = loop->task;
	struct epoll_event events[EVENT_COUNT];
	int count, error = loop_flush(loop);

	if (error)
		return error;
	count = epoll_wait(loop->events_fd, events, EVENT_COUNT, loop_timeout_ms(loop));
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count && !error; i++)
		error = loop_handle(loop, events[i].data.fd);
	if (error)
		return error;
	loop->wait_deadline_ns = exception_waits_serve(task);
	return loop_end(loop);
}

static int loop_open(struct loop *loop)
{
	struct task *task = loop->task;
	int pager_fd = task->is_pager_lost ? -1 : space_pager_fd(task->space);
	int error;

	loop->events_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->events_fd < 0)
		return -errno;
	error = events_set(loop, EPOLL_CTL_ADD, EVENT_WAKE, task->control.wake_fd, EPOLLIN);
	if (!error)
		error =
		    events_set(loop, EPOLL_CTL_ADD, EVENT_CONTROL, task->control.link.fd, EPOLLIN);
	if (!error && pager_fd >= 0)
		error = events_set(loop, EPOLL_CTL_ADD, EVENT_PAGER, pager_fd, EPOLLRDHUP);
	return error;
}

int task_control_loop(struct task *task)
{
	struct loop loop = {
	    .task = task,
	    .deadline_ns = WAIT_FOREVER,
	    .wait_deadline_ns = WAIT_FOREVER,
	};
	int error = loop_open(&loop);

	while (!error && !loop.is_over)
		error = loop_round(&loop);
	control_close(&task->control);
	return error == -EPIPE ? 0 : error;
}
