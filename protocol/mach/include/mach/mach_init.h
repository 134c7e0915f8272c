/*
 * Who am I: the names of the caller's own task, thread and host.
 *
 * In a guest each of these asks the VMM; nothing is cached, because a cached name would be
 * inherited by child tasks, where it is wrong. Keep the answer in a local variable if it is used
 * often.
 *
 * A client program is not a task. There mach_task_self() is the task that norma_set_self_task()
 * last named on this thread's connection (TASK_NULL before), so that code written for a guest acts
 * on that task; mach_thread_self() is THREAD_NULL, mach_host_self() the host of the daemon it talks
 * to.
 */
#ifndef MACH_MACH_INIT_H
#define MACH_MACH_INIT_H

#include <mach/port.h>

/* Return: the caller's task, TASK_NULL when there is none. */
task_t mach_task_self(void);
/* Return: the calling thread, THREAD_NULL when it is not a task's thread. */
thread_act_t mach_thread_self(void);
/* Return: the host where the caller runs, HOST_NULL when it cannot be asked. */
host_t mach_host_self(void);

#endif
