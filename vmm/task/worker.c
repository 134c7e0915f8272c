/*
 * The worker threads and their bounded queue.
 */
#include "worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "call.h"
#include "memory_cell.h"
#include "task.h"
#include "wait.h"

static void worker_send(struct task *task, const struct message_header *request, int32_t result,
			const struct control_body *body)
{
	const struct message_header reply = {
	    .type = request->type,
	    .flags = MESSAGE_REPLY,
	    .sequence = request->sequence,
	    .result = result,
	    .uid = request->uid,
	};
	int error = control_send(&task->control, &reply, body);

	/* -EPIPE: hostd is gone, the control thread ends the process. */
	if (error && error != -EPIPE)
		log_line(LOG_ERROR, "task=0x%x reply to %s not sent: %s", task->name,
			 message_type_name(request->type), strerror(-error));
}

void worker_answer(struct task *task, const struct message_header *header, const uint8_t *payload,
		   struct call_arena *arena)
{
	uint32_t bytes;
	kern_return_t result = call_serve(task, NULL, header, payload, arena, &bytes);

	if (result != CALL_PARKED)
		worker_send(task, header, result,
			    &(struct control_body){
				.payload = arena->reply + MESSAGE_HEADER_BYTES,
				.bytes = bytes,
				.fds = arena->reply_fds,
				.fd_count = result ? 0 : arena->reply_fd_count,
			    });
	for (uint32_t i = 0; i < arena->reply_fd_count; i++)
		close(arena->reply_fds[i]);
	arena->reply_fd_count = 0;
}

void worker_answer_received(struct task *task, struct link_message *message,
			    struct call_arena *arena)
{
	arena->request_fds = message->fds;
	arena->request_fd_count = message->fd_count;
	worker_answer(task, &message->header, message->payload, arena);
	arena->request_fd_count = 0;
}

void worker_reply(struct task *task, const struct message_header *header, const void *payload,
		  uint32_t bytes)
{
	worker_send(task, header, KERN_SUCCESS,
		    &(struct control_body){.payload = payload, .bytes = bytes});
}

void worker_refuse(struct task *task, const struct message_header *header, int result,
		   const char *text)
{
	struct failure failure = {0};
	struct wire_writer writer;
	uint8_t payload[sizeof(failure) + 8];

	snprintf(failure.text, sizeof(failure.text), "%s", text);
	wire_writer_init(&writer, payload, sizeof(payload));
	failure_encode(&writer, &failure);
	worker_send(task, header, result,
		    &(struct control_body){.payload = payload, .bytes = writer.used});
}

static struct worker_job worker_wait_job(struct workers *workers)
{
	struct worker_job job;

	pthread_mutex_lock(&workers->lock);
	while (!workers->used)
		wait_until(&workers->changed, &workers->lock, WAIT_FOREVER);
	job = workers->jobs[workers->head];
	workers->head = (workers->head + 1) % WORKER_JOBS_MAX;
	workers->used--;
	workers->busy++;
	pthread_mutex_unlock(&workers->lock);
	return job;
}

/* The task's end waits for the last answer. */
static void worker_job_done(struct task *task)
{
	bool is_ending;

	pthread_mutex_lock(&task->workers.lock);
	task->workers.busy--;
	pthread_mutex_unlock(&task->workers.lock);
	pthread_mutex_lock(&task->lock);
	is_ending = task->life >= TASK_ENDING;
	pthread_mutex_unlock(&task->lock);
	if (is_ending)
		control_wake(&task->control);
}

bool workers_are_idle(struct workers *workers)
{
	bool is_idle;

	pthread_mutex_lock(&workers->lock);
	is_idle = !workers->used && !workers->busy;
	pthread_mutex_unlock(&workers->lock);
	return is_idle;
}

/* Ends with the process. */
static void *worker_main(void *context)
{
	struct worker *worker = context;

	while (true) {
		struct worker_job job = worker_wait_job(&worker->task->workers);

		memory_cell_follow(atomic_load(&worker->task->memory_cell));
		worker_answer(worker->task, &job.header, job.payload, worker->arena);
		free(job.payload);
		worker_job_done(worker->task);
	}
	return NULL;
}

void workers_init(struct task *task)
{
	struct workers *workers = &task->workers;

	pthread_mutex_init(&workers->lock, NULL);
	wait_cond_init(&workers->changed);
	for (unsigned int i = 0; i < WORKER_COUNT; i++)
		workers->workers[i].task = task;
}

/* Only the control thread does this. Return: 0, -ENOMEM, -EAGAIN. */
static int worker_start(struct workers *workers)
{
	struct worker *worker = &workers->workers[workers->started];
	int error;

	if (!worker->arena)
		worker->arena = call_arena_new();
	if (!worker->arena)
		return -ENOMEM;
	error = pthread_create(&worker->pthread, NULL, worker_main, worker);
	if (!error)
		workers->started++;
	return -error;
}

/* Return: 0, -EBUSY. */
static int workers_queue(struct workers *workers, const struct worker_job *job)
{
	int error = -EBUSY;

	pthread_mutex_lock(&workers->lock);
	if (workers->used < WORKER_JOBS_MAX) {
		workers->jobs[(workers->head + workers->used) % WORKER_JOBS_MAX] = *job;
		workers->used++;
		pthread_cond_signal(&workers->changed);
		error = 0;
	}
	pthread_mutex_unlock(&workers->lock);
	return error;
}

int workers_submit(struct workers *workers, const struct message_header *header,
		   const uint8_t *payload)
{
	struct worker_job job = {.header = *header, .payload = malloc(header->bytes + 1)};
	bool all_are_busy;
	int error = 0;

	if (!job.payload)
		return -ENOMEM;
	memcpy(job.payload, payload, header->bytes);
	pthread_mutex_lock(&workers->lock);
	all_are_busy = workers->busy + workers->used >= workers->started;
	pthread_mutex_unlock(&workers->lock);
	if (all_are_busy && workers->started < WORKER_COUNT)
		error = worker_start(workers);
	/* Without another one those that there are take it in their time. */
	if (!error || workers->started)
		error = workers_queue(workers, &job);
	if (error)
		free(job.payload);
	return error;
}
