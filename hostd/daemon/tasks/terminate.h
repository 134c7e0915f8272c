/*
 * The end of a task: why, who waits for it, and what stays of it. A task has ended when its VMM is
 * reaped. Only one that was terminated has ended before, when its VMM is killed: none of its
 * threads runs any more, its name means nothing, and what is left is the kernel's work.
 */
#ifndef DAEMON_TERMINATE_H
#define DAEMON_TERMINATE_H

#include <stdint.h>

#include "request.h"
#include "tasks.h"

/* Kills the task's VMM; `why` becomes its text unless it ended by itself before. */
void task_end(struct task *task, const char *why);

/* The VMM told that the program ended: its threads have left the guest, and no words are to come.
 */
void task_told_ended(struct task *task, const struct vmm_ended_request *ended);

/* The VMM is reaped, or left. `cause` says how that process ended. The task may be freed. */
void task_vmm_gone(struct task *task, const char *cause);

/* Handlers of calls. */
void terminate_request(struct request *request, struct task *task);
void wait_request(struct request *request, struct task *task, uint32_t timeout_ms);

#endif
