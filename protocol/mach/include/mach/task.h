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
#include <mach/task_special_ports.h>

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
 * Facts about a task. flavor TASK_BASIC_INFO: info points to a struct task_basic_info;
 * TASK_SECURITY_TOKEN: to a security_token_t. *info_count is its room in natural_t units, at least
 * the flavor's _COUNT, and is set to what was written.
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

/*
 * A special port of the task: which is TASK_KERNEL_PORT (at first the task's own name) or
 * TASK_BOOTSTRAP_PORT (at first MACH_PORT_NULL).
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT for another `which`; KERN_FAILURE when the task has
 * ended.
 */
kern_return_t task_get_special_port(task_t task, int which, mach_port_t *ret_port);

/*
 * Sets a special port: the name of a task or a host, or MACH_PORT_NULL. The kernel port only
 * changes what task_get_special_port answers. Children that are made later get a copy of the
 * bootstrap port. Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT for another `which`, or a port that
 * is no such name; KERN_FAILURE when the task has ended.
 */
kern_return_t task_set_special_port(task_t task, int which, mach_port_t port);

/*
 * Replaces the task's registered ports by ports[count], names of tasks and hosts; slots that are
 * left over become MACH_PORT_NULL. Children that are made later get copies.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT when count is above TASK_PORT_REGISTER_MAX, or a port
 * is no such name.
 */
kern_return_t mach_ports_register(task_t task, mach_port_array_t ports,
				  mach_msg_type_number_t count);

/*
 * Lists the registered ports: *ret_ports is an array of *ret_count names, which is always
 * TASK_PORT_REGISTER_MAX, null ones included. Free it with vm_deallocate(mach_task_self(),
 * (vm_address_t)ports, count * sizeof(*ports)), in a guest and in a client.
 * Return: KERN_SUCCESS; KERN_RESOURCE_SHORTAGE when there is no memory for the array.
 */
kern_return_t mach_ports_lookup(task_t task, mach_port_array_t *ret_ports,
				mach_msg_type_number_t *ret_count);

/*
 * Sets the priority of the threads that the task will make, and with change_threads TRUE also of
 * those it has: 0 is the best, 127 the worst. Children get it.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT for a priority out of that range.
 */
kern_return_t task_priority(task_t task, int priority, boolean_t change_threads);

#endif
