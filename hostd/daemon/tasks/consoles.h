/*
 * Console calls: output comes from VMMs and is answered when it has a place; reads are answered
 * when there is output. Both can wait for the other.
 */
#ifndef DAEMON_CONSOLES_H
#define DAEMON_CONSOLES_H

#include "request.h"
#include "tasks.h"

struct link_message;

/* vmm_console_output of this task's VMM. */
void consoles_output(struct task *task, struct channel *channel, struct link_message *message);

/* norma_console_read. */
void consoles_read(struct request *request, struct task *task,
		   const struct norma_console_read_request *read);

/* Somebody read on or went away: output that waits may have room now. */
void consoles_room(struct task *task);

/* No more output will come: answers all reads. */
void consoles_task_ended(struct task *task);

#endif
