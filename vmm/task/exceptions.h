/*
 * Threads that raised an exception. Normally it ends the task. When the task's exceptions are held
 * (norma_exception_hold), the thread stays HELD with its registers as they are at the fault until
 * somebody lets it go on; the rest of the task runs.
 *
 * A fault leaves the thread before its instruction, which starts again. One case is different, and
 * KVM's doing: a store to an address far from all memory (vcpu.h, is_write_pending) is over but for
 * its bytes, and the registers are those behind it; the bytes are stored when the thread goes on.
 */
#ifndef TASK_EXCEPTIONS_H
#define TASK_EXCEPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "mach/kern_return.h"
#include "message/message.h"

struct call;
struct exception_description;
struct task;
struct thread;

/* How many norma_exception_wait of a task may be waiting; each client has one at a time. */
#define EXCEPTION_WAITS_MAX 32

/* A norma_exception_wait of hostd's that is not answered yet. The control thread's own. */
struct exception_wait {
	struct message_header header;
	uint64_t deadline_ns;
	uint64_t since; /* task->held_last when it began */
};

struct exception_waits {
	struct exception_wait waits[EXCEPTION_WAITS_MAX];
	uint32_t count;
};

/*
 * The runner, for its SERVED thread: ends the task, or holds the thread. Returns when the thread
 * may go on with the registers it has then, or ends.
 */
void exception_raise(struct thread *thread, const struct exception_description *exception);

/* Return: KERN_SUCCESS; KERN_FAILURE: the thread is not held. */
kern_return_t exception_resume(struct thread *thread);

/* Exceptions are held no more: the first that is ends the task. */
void exceptions_release(struct task *task);

/*
 * Answers norma_exception_wait: with a thread that is held and was not told of yet, or is held
 * while the call waits; after timeout_ms with the one held longest, whoever was told of it, or with
 * none. So a client that leaves threads held hears of others, and one that comes later of all.
 * Return: KERN_SUCCESS; CALL_PARKED (hostd's: answered by exception_waits_serve);
 * KERN_RESOURCE_SHORTAGE; KERN_ABORTED (a guest's thread was interrupted).
 */
kern_return_t exception_wait(struct call *call, uint32_t timeout_ms,
			     struct norma_exception_wait_reply *reply);

/* Control thread: answers parked calls that can be or whose time is over. Return: when the next
 * deadline is, WAIT_FOREVER without one. */
uint64_t exception_waits_serve(struct task *task);

#endif
