/*
 * The one task that this process is: everything it has, and its end.
 *
 * Threads of the process: main waits until hostd makes the process a task (waiting.c), and then is
 * the first of the runners, which carry the task's threads; once there is something to hear
 * (listener.h) the control thread receives from hostd and answers what is quick; workers answer the
 * rest. Locks, in the order in
 * which they may be taken: the space's own, task.lock, control.lock. No lock but the space's is
 * held while waiting for another process.
 */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "console.h"
#include "control.h"
#include "exceptions.h"
#include "life.h"
#include "machine.h"
#include "message/message.h"
#include "message/names.h"
#include "personality.h"
#include "run.h"
#include "thread.h"
#include "worker.h"

struct space;

#define TASK_SEED_BYTES 32

/* How long a thread may take to leave the guest. It leaves at once unless it waits for a page of
 * another host. */
#define TASK_STOP_MS 5000

/* Why the task ended; what vmm_ended and norma_task_wait say. */
struct task_end {
	enum task_state state;
	int32_t status;
	char text[MESSAGE_MAX_TEXT];
};

/* Counters for norma_task_statistics. */
struct task_statistics {
	atomic_uint_fast64_t created_ns; /* CLOCK_REALTIME */
	atomic_uint_fast64_t first_instruction_ns;
	atomic_uint_fast64_t last_pause_ns;
	atomic_uint_fast64_t hypercalls;
	atomic_uint_fast64_t system_calls;
};

struct task {
	/* Set once: before any other thread exists, or by vmm_become before any other call is
	 * answered. */
	uint32_t name;
	int node;
	uint32_t owner_uid;
	atomic_int memory_cell; /* that its threads take memory from (memory_cell.h) */
	struct machine machine;
	struct space *space;
	int system_image_fd;
	bool is_prepared; /* memory came with vmm_prepare; the main thread's until it is a task */
	uint64_t fork_pages_min;
	void *main_stack; /* orphan.h: this process is a fork and its main thread runs there */

	/* From here to machine_host the child of a fork begins anew (fork_child.c). */
	pthread_mutex_t lock;	/* guards what follows, up to the blank line */
	pthread_cond_t settled; /* a thread left the guest or ended */
	enum task_life life;
	uint32_t suspend_count;
	uint32_t pauses;
	uint64_t pause_began_ns;
	uint32_t index_next; /* where the search for a thread index starts */
	struct thread threads[NAME_THREADS];
	struct runner runners[NAME_THREADS];
	struct task_end end;
	struct task_properties properties;
	uint64_t held_last; /* how often a thread was held */

	pthread_mutex_t create_lock; /* one new thread at a time; taken before `lock` */
	struct control control;
	struct workers workers;
	struct console_input input;
	struct run run;
	struct personality personality;
	struct task_statistics statistics;
	struct call_arena *control_arena;	/* once there is a control thread */
	atomic_bool has_news;			/* listener.h: a signal came */
	bool is_pager_lost;			/* of the thread that watches the pager's socket */
	struct exception_waits exception_waits; /* also */
	/* Also set once; last because of the variable array inside. */
	struct machine_host machine_host;
};

/*
 * First step, in a process with one thread: all that is the same for every task of a host, and
 * memory that no task has written yet. A zygote does it once for all its copies, which share it.
 * *task is zeroed; system_fd is taken, -1: the system area is made here.
 * Return: 0, or -errno with *ret_step saying what failed; there is no undo.
 */
int task_prepare(struct task *task, int system_fd, const char **ret_step);

/* What is this task's own. The sockets are taken. */
struct task_start {
	int control_fd;
	int pager_fd;
	const char *cpu_clear; /* features that the task is not shown (cpu_clear.h), or NULL */
};

/*
 * Second step: makes the machine, its first vCPU and the process's threads. task_run() follows.
 * Return: as task_prepare.
 */
int task_start(struct task *task, const struct task_start *start, const char **ret_step);

/* task_start's parts that the child of a fork needs too: everything that starts empty; what is
 * Linux's. */
void task_init(struct task *task);
int task_personality_start(struct task *task, const char **ret_step);

/*
 * The main thread from here on: waits for vmm_become, then carries the task's first thread. One
 * thread does both so that a new task runs without waking up another. Ends with the process.
 */
_Noreturn void task_run(struct task *task);

/* Starts the control thread, which from then on receives from hostd (listener.h). Return: 0,
 * -errno. */
int task_control_start(struct task *task);
/* The pager's socket has hung up. Return: 0, -errno when the process cannot become a task any more.
 */
int task_pager_lost(struct task *task);
/* The control thread's loop, until the task has ended and hostd knows, or hostd is gone.
 * Return: 0, -errno when hostd broke the protocol. */
int task_control_loop(struct task *task);

/* Any thread: records why the task ended, unless that is known already, and has it ended. */
void task_end(struct task *task, enum task_state state, int32_t status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Return: the state as of now; task->lock not held. */
enum task_life task_life_now(struct task *task);
/* Moves the task to another state; task->lock held. */
void task_life_set(struct task *task, enum task_life life);

#endif
