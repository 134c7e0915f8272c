/*
 * The threads that answer hostd's requests, so that a call that waits (for a page of another host,
 * for threads to stop, for the pager) does not keep the control thread from the next one. Calls of
 * one client come one after another because the client waits for each answer; between clients there
 * is no order.
 */
#ifndef TASK_WORKER_H
#define TASK_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "message/header.h"

#define WORKER_COUNT	4
#define WORKER_JOBS_MAX 64

struct call_arena;
struct link_message;
struct task;

/* A request waiting for a worker; payload is a copy and owned by the job. */
struct worker_job {
	struct message_header header;
	uint8_t *payload;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t head;
	uint32_t used;
	uint32_t busy;	  /* workers that answer one */
	uint32_t started; /* workers that there are: made when a request finds none idle, as most
			     tasks are never asked for much and a thread costs 50 KB */
	struct worker_job jobs[WORKER_JOBS_MAX];
	struct worker {
		struct task *task;
		struct call_arena *arena;
		pthread_t pthread;
	} workers[WORKER_COUNT];
};

void workers_init(struct task *task);
/* Control thread: copies the request and queues it, for a new worker when all are busy. Return: 0,
 * -EBUSY when WORKER_JOBS_MAX wait already, -ENOMEM, -EAGAIN (no thread can be made). */
int workers_submit(struct workers *workers, const struct message_header *header,
		   const uint8_t *payload);

/* Return: true when nothing is queued and nothing is being answered. */
bool workers_are_idle(struct workers *workers);

/* Answers one request of hostd on the calling thread. */
void worker_answer(struct task *task, const struct message_header *header, const uint8_t *payload,
		   struct call_arena *arena);
/* The same with the descriptors that came along; of the control thread and who stands in for it. */
void worker_answer_received(struct task *task, struct link_message *message,
			    struct call_arena *arena);
/* Answers a request of hostd that was parked. */
void worker_reply(struct task *task, const struct message_header *header, const void *payload,
		  uint32_t bytes);
/* Answers a request of hostd with a refusal. */
void worker_refuse(struct task *task, const struct message_header *header, int result,
		   const char *text);

#endif
