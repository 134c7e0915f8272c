/*
 * What guest programs have besides the Mach calls (mach/mach.h): starting threads, and Linux system
 * calls for programs without a C library. A program that is not run as a task is ended by the first
 * call, since its hypercall instruction is a general protection fault there.
 */
#ifndef GUESTLIB_NORMA_GUEST_H
#define GUESTLIB_NORMA_GUEST_H

#include <mach/mach.h>

/* Of a thread's stack, the uppermost bytes that hold its thread-local variables. */
#define NORMA_THREAD_BLOCK_BYTES 4096
/* The least stack for a thread that makes Mach calls. */
#define NORMA_THREAD_STACK_BYTES 32768

/*
 * Makes a thread in `task`, which must have this program's code at the same addresses (the caller's
 * own task, or a child with inherited memory), and lets it run entry(argument). stack_top is the
 * end of memory of that task, at least NORMA_THREAD_STACK_BYTES long; nothing else may use it, and
 * it must stay until the thread has ended. When entry returns the thread ends; its task stays.
 *
 * The thread has its own thread-local variables with their initial values, errno among them, but
 * the C library does not know of it: no pthread functions there, and malloc and stdio only while no
 * other thread that has the same memory (the parent of a clone, too) uses them.
 *
 * Return: KERN_SUCCESS with the thread's name in *ret_thread (may be NULL);
 * KERN_RESOURCE_SHORTAGE when the task has 64 threads, or the program more thread-local variables
 * than a block holds; or what thread_create, vm_write, thread_set_state or thread_resume returned.
 * After a failure there is no new thread.
 */
kern_return_t norma_thread_start(task_t task, void (*entry)(void *argument), void *argument,
				 void *stack_top, thread_act_t *ret_thread);

/* A Linux system call. Return: its result, or -errno. */
static inline long norma_system_call(long number, long first, long second, long third)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(first), "S"(second), "d"(third)
			 : "rcx", "r11", "memory");
	return result;
}

#endif
