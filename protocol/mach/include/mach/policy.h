/*
 * Scheduling policies, as task_info() and thread_info() report them.
 */
#ifndef MACH_POLICY_H
#define MACH_POLICY_H

typedef int policy_t;

#define POLICY_NULL	 0
#define POLICY_TIMESHARE 1
#define POLICY_RR	 2
#define POLICY_FIFO	 4

#endif
