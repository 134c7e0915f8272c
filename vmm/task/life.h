/*
 * The states of a thread and of a task, and which follows which. Pure tables: who may change a
 * state, and under which lock, is said in thread.h and task.h.
 */
#ifndef TASK_LIFE_H
#define TASK_LIFE_H

#include <stdbool.h>

/*
 * A thread. Only the host thread that carries it leaves RUNNING, SERVED and HELD; "stopped" for
 * thread_suspend() exports and all others means any state but RUNNING.
 */
enum thread_life {
	THREAD_FREE,	/* the index is unused; its last name, if it had one, is dead */
	THREAD_STOPPED, /* not allowed to run (suspended, paused, the task ends): waits to be */
	THREAD_RUNNING, /* inside vcpu_run: guest code runs */
	THREAD_SERVED,	/* out of the guest: the VMM answers a call or a fault, maybe waiting for
			   long */
	THREAD_HELD,	/* stands at an exception until somebody lets it go on: exceptions.h */
	THREAD_NUM_LIVES,
};

/* The process as a task. Calls are refused before ASSIGNED and from ENDING on. */
enum task_life {
	TASK_WAITING,  /* machine made, no name yet: vmm_prepare and vmm_become are answered */
	TASK_BECOMING, /* that is being answered; it goes back to WAITING when it fails */
	TASK_ASSIGNED, /* has a name: every call is answered */
	TASK_ENDING,   /* its end is recorded (the first wins); threads are being stopped */
	TASK_REPORTED, /* vmm_ended is sent; the process leaves after the answer */
	TASK_NUM_LIVES,
};

const char *thread_life_name(enum thread_life life);
const char *task_life_name(enum task_life life);

bool thread_life_may_follow(enum thread_life from, enum thread_life to);
bool task_life_may_follow(enum task_life from, enum task_life to);

#endif
