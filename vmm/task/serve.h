/*
 * What happens when a thread comes out of the guest: calls, system calls, faults.
 */
#ifndef TASK_SERVE_H
#define TASK_SERVE_H

struct exception_record;
struct thread;
struct vcpu_exit;

/* The runner, with its thread SERVED. run_error: what vcpu_run returned. Afterwards the thread goes
 * on, unless it or the task has ended meanwhile. */
void serve_exit(struct thread *thread, const struct vcpu_exit *exit, int run_error);

#endif
