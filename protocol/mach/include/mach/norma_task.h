/*
 * What norma knows about tasks beyond Mach, for guests and clients alike: threads that are held at
 * an exception, and a task's limits. The general return codes are in task.h.
 */
#ifndef MACH_NORMA_TASK_H
#define MACH_NORMA_TASK_H

#include <mach/boolean.h>
#include <mach/exception.h>
#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/thread_status.h>
#include <mach/vm_types.h>

#define NORMA_EXCEPTION_TEXT_BYTES 240

/* A thread that is held at the instruction that raised an exception. */
struct norma_exception {
	thread_act_t thread; /* THREAD_NULL: none is held; all else is then 0 */
	exception_type_t exception;
	int code; /* of EXC_BAD_ACCESS: a kern_return_t, KERN_INVALID_ADDRESS for one */
	boolean_t address_known; /* FALSE: `address` says nothing */
	vm_address_t address;	 /* what was touched */
	vm_address_t instruction_pointer;
	char text[NORMA_EXCEPTION_TEXT_BYTES]; /* a sentence for people */
};

/*
 * hold TRUE: from now on a thread of the task that raises an exception stops there, at the faulting
 * instruction, until norma_exception_resume; the task lives and its other threads run. (After a
 * store to an address far from all memory the registers are those behind it; its bytes are stored
 * when the thread goes on.) FALSE, as at first: an exception ends the task, and so do threads that
 * are held at this moment. Children get the parent's setting. Return: KERN_SUCCESS.
 */
kern_return_t norma_exception_hold(task_t task, boolean_t hold);

/*
 * Waits until a thread of the task is held that was not reported before, and reports it. After
 * timeout_ms it reports the thread that is held longest, reported before or not, if there is one.
 * Return: KERN_SUCCESS, also after timeout_ms without one, then with thread THREAD_NULL;
 * KERN_RESOURCE_SHORTAGE when 32 calls wait for this task already; KERN_ABORTED when the calling
 * thread of a guest was interrupted.
 */
kern_return_t norma_exception_wait(task_t task, unsigned int timeout_ms,
				   struct norma_exception *ret_exception);

/*
 * Lets a held thread go on with its registers as they are now (thread_set_state may have changed
 * them), that is, at the same instruction unless rip was changed.
 * Return: KERN_SUCCESS; KERN_FAILURE when the thread is not held.
 */
kern_return_t norma_exception_resume(thread_act_t thread);

/* What memory spawned children get. */
#define NORMA_SPAWN_CREATE 1u /* as the regions' inheritance says, like norma_task_create */
#define NORMA_SPAWN_CLONE  2u /* all of it, shared, like norma_task_clone */

#define NORMA_SPAWN_MAX 1024u

struct norma_spawn {
	unsigned int mode;	      /* NORMA_SPAWN_CREATE or NORMA_SPAWN_CLONE */
	int child_node;		      /* or NORMA_NODE_AUTO */
	thread_state_flavor_t flavor; /* x86_THREAD_STATE64 */
	thread_state_t state;
	mach_msg_type_number_t state_count;
	unsigned int count; /* 1..NORMA_SPAWN_MAX */
};

/*
 * Makes `count` children of a task on one node and starts one thread in each, in one call. Each
 * thread begins with the given registers, but rdi is its child's number, from 0 to count - 1. It is
 * answered when every child was told to run. The children are copies of, or share, one and the same
 * state of the parent. All or none: when one cannot be made, those that were are terminated, and
 * norma_last_error() says which step failed on which host.
 *
 * Return: KERN_SUCCESS with the names in children[count], in the order of the numbers;
 *         KERN_INVALID_ARGUMENT  mode, count, flavor or registers; else as norma_task_create.
 */
kern_return_t norma_task_spawn(task_t parent, const struct norma_spawn *spawn, task_t *children);

/* Limits of a task, Mach's ledgers; 0 is no limit. What is beyond one is KERN_RESOURCE_SHORTAGE. */
struct norma_limits {
	vm_size_t memory_bytes; /* of all regions together */
	unsigned int threads;
	unsigned int ports;
};

/*
 * Sets limits, unless new_limits is NULL, and gives those that are in force then, unless ret_limits
 * is NULL. Children get copies. What a task has already beyond a new limit stays. The task's owner
 * may lower a limit, root may also raise it.
 * Return: KERN_SUCCESS; KERN_NO_ACCESS when another than root would raise one (nothing changes).
 */
kern_return_t norma_task_limits(task_t task, const struct norma_limits *new_limits,
				struct norma_limits *ret_limits);

#endif
