/*
 * Calls about a task: an address space in which threads run.
 *
 * Every call here and in vm.h, thread_act.h and norma.h may besides return
 *   KERN_INVALID_ARGUMENT     the name is null or not of a living task (thread, ...);
 *   KERN_INVALID_TASK         the task belongs to another user;
 *   KERN_NODE_DOWN            the task's node cannot be reached;
 *   KERN_OPERATION_TIMED_OUT  the node did not answer in time: the call may have happened;
 *   KERN_FAILURE              no answer could be got (a client: no connection to the daemon).
 * Results (ret_ and other out parameters) are written on KERN_SUCCESS only.
 */
#ifndef MACH_TASK_H
#define MACH_TASK_H

#include <mach/boolean.h>
#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/task_info.h>

/*
 * Makes a child task on the parent's node. inherit_memory TRUE: the child gets the parent's memory
 * as the inheritance of each region says (vm_inherit), as of the moment of the call; FALSE: none.
 * The child has no threads and is not suspended. ledgers[ledger_count] would name other limits than
 * the parent's; this system has none to name, so ledger_count must be 0 (ledgers may then be NULL)
 * and the child gets copies of the parent's limits. Return: KERN_SUCCESS with the child's name in
 * *child; KERN_INVALID_ARGUMENT when the parent is not a task or ledger_count is not 0;
 * KERN_RESOURCE_SHORTAGE when there is no memory or a limit is reached.
 */
kern_return_t task_create(task_t parent, ledger_port_array_t ledgers, int ledger_count,
			  boolean_t inherit_memory, task_t *child);

/*
 * Ends a task and all its threads. Memory that other tasks share stays with them. A task may end
 * itself; the call then does not return.
 * Return: KERN_SUCCESS.
 */
kern_return_t task_terminate(task_t task);

/* Adds 1 to the suspend count; no thread of the task runs while it is above 0. */
kern_return_t task_suspend(task_t task);

/* Takes 1 off the suspend count. Return: KERN_SUCCESS; KERN_FAILURE when it is 0 already. */
kern_return_t task_resume(task_t task);

/*
 * Facts about a task. flavor TASK_BASIC_INFO: info points to a struct task_basic_info; *info_count
 * is its room in natural_t units, at least TASK_BASIC_INFO_COUNT, and is set to what was written.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT for another flavor or too little room.
 */
kern_return_t task_info(task_t task, task_flavor_t flavor, task_info_t info,
			mach_msg_type_number_t *info_count);

/*
 * Lists the task's threads: *ret_threads is an array of *ret_count names, NULL when there are none.
 * Free it with vm_deallocate(mach_task_self(), (vm_address_t)threads, count * sizeof(*threads)), in
 * a guest and in a client. Return: KERN_SUCCESS; KERN_RESOURCE_SHORTAGE when there is no memory for
 * the array.
 */
kern_return_t task_threads(task_t task, thread_act_array_t *ret_threads,
			   mach_msg_type_number_t *ret_count);

#endif
