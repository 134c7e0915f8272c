/*
 * The Linux personality of a task: answers the system calls of an ordinary static program.
 *
 * A thread's calls are made by the host thread that runs its vCPU; several threads may be in calls
 * at once. No call blocks for ever: linux_thread_interrupt brings a waiting one back.
 */
#ifndef LINUX_LINUX_TASK_H
#define LINUX_LINUX_TASK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "linux_host.h"
#include "thread_state.h"

#define LINUX_CALLS	  512
#define LINUX_SIGNALS	  64
#define LINUX_PATH_BYTES  256
#define LINUX_PID	  1
#define LINUX_THREADS_MAX 64

struct linux_thread;

/* struct kernel_sigaction of x86-64, kept for the program to read back. */
struct linux_sigaction {
	uint64_t handler, flags, restorer, mask;
};

struct linux_task {
	const struct linux_host *host;			 /* borrowed */
	char program_path[LINUX_PATH_BYTES];		 /* what /proc/self/exe names */
	uint64_t brk_start, brk_now, brk_end, brk_limit; /* now: as asked; end: mapped up to here */
	struct linux_sigaction actions[LINUX_SIGNALS + 1];
	uint8_t closed_streams;			 /* bit n: descriptor n was closed */
	atomic_uint unknown_counts[LINUX_CALLS]; /* calls answered with ENOSYS */
	atomic_uint unknown_out_of_range;
	pthread_mutex_t lock; /* guards brk_*, actions, closed_streams, waiters, is_woken */
	struct linux_thread *waiters;
};

/* One per thread; copied bit by bit into a clone after linux_thread_interrupt has brought it back.
 */
struct linux_thread {
	struct linux_task *task;
	uint32_t id; /* Linux's tid: LINUX_PID for the first thread */
	uint64_t clear_child_tid;
	uint64_t signal_mask;
	/* A wait that was interrupted: the call is made again and keeps its deadline. */
	uint64_t restart_rip;
	int64_t restart_deadline_ns;
	/* Waiting, guarded by task->lock. */
	struct linux_thread *next;
	uint64_t wait_address;
	uint32_t wait_bits;
	uint8_t is_woken;
	uint8_t is_interrupted;
	pthread_cond_t wake;
};

enum linux_outcome_kind {
	LINUX_CONTINUE,	    /* run the thread again */
	LINUX_THREAD_ENDED, /* exit */
	LINUX_TASK_ENDED,   /* exit_group, or a signal the program sent to itself */
};

struct linux_outcome {
	enum linux_outcome_kind kind;
	int code;   /* exit status, 0..255 */
	int signal; /* the fatal signal, or 0 */
};

/* brk_start: behind the program; brk_limit: where the heap must stop. Return: 0 or -errno. */
int linux_task_init(struct linux_task *task, const struct linux_host *host,
		    const char *program_path, uint64_t brk_start, uint64_t brk_limit);
void linux_task_done(struct linux_task *task);

/* id 1 is the first thread. */
int linux_thread_init(struct linux_thread *thread, struct linux_task *task, uint32_t id);
void linux_thread_done(struct linux_thread *thread);

/* Answer the system call in *state (VCPU_EXIT_SYSCALL): puts the result in rax. */
struct linux_outcome linux_syscall(struct linux_thread *thread, struct thread_state *state);

/* Bring the thread out of a wait (futex, sleep), any thread may call: its linux_syscall returns
 * soon with the state set so that the call is made again when the thread runs on. If it is in no
 * wait, its next one returns at once, once. Console callbacks are the host's to interrupt. */
void linux_thread_interrupt(struct linux_thread *thread);

/* Name of a system call, "unknown" for a number without one. */
const char *linux_call_name(uint64_t number);

#endif
