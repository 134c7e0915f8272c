/*
 * Calls about a thread. A thread of a task is a virtual CPU: at most 64 per task. The general
 * return codes are in task.h; here KERN_TERMINATED besides: the thread has ended.
 */
#ifndef MACH_THREAD_ACT_H
#define MACH_THREAD_ACT_H

#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/thread_info.h>
#include <mach/thread_status.h>

/*
 * Makes a thread. Its suspend count is 1: it runs after thread_set_state (rip and rsp at least) and
 * thread_resume.
 * Return: KERN_SUCCESS with its name in *child_act; KERN_RESOURCE_SHORTAGE when the task has 64.
 */
kern_return_t thread_create(task_t parent_task, thread_act_t *child_act);

/*
 * Sets registers. new_state points to the flavor's struct, which is count natural_t long
 * (x86_THREAD_STATE64_COUNT; for x86_FLOAT_STATE64 what thread_get_state gave).
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT for another flavor or count, for values that no
 * program may have (see thread_status.h), and for the calling thread itself.
 */
kern_return_t thread_set_state(thread_act_t target_act, thread_state_flavor_t flavor,
			       thread_state_t new_state, mach_msg_type_number_t count);

/*
 * Reads registers; a running thread is stopped for a moment. *count is the room in natural_t, and
 * is set to what was written. Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT for another flavor, too
 * little room, and for the calling thread itself.
 */
kern_return_t thread_get_state(thread_act_t target_act, thread_state_flavor_t flavor,
			       thread_state_t old_state, mach_msg_type_number_t *count);

/* Takes 1 off the suspend count. Return: KERN_SUCCESS; KERN_FAILURE when it is 0 already. */
kern_return_t thread_resume(thread_act_t target_act);

/* Adds 1 to the suspend count; the thread stands still when this returns (unless it is the caller).
 */
kern_return_t thread_suspend(thread_act_t target_act);

/* Ends a thread. A thread may end itself; the call then does not return. */
kern_return_t thread_terminate(thread_act_t target_act);

/*
 * Facts about a thread. flavor THREAD_BASIC_INFO: info points to a struct thread_basic_info;
 * *info_count is its room in natural_t units, at least THREAD_BASIC_INFO_COUNT, and is set to what
 * was written. Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT for another flavor or too little room.
 */
kern_return_t thread_info(thread_act_t target_act, thread_flavor_t flavor, thread_info_t info,
			  mach_msg_type_number_t *info_count);

#endif
