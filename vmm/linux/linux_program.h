/*
 * Puts a Linux program into a task's memory: segments, stack, registers.
 */
#ifndef LINUX_LINUX_PROGRAM_H
#define LINUX_LINUX_PROGRAM_H

#include "elf_plan.h"
#include "linux_host.h"
#include "thread_state.h"

/* Everything of a small program lies in the first 64 MiB, so that it needs one memory slot. */
#define LINUX_PIE_BASE	  UINT64_C(0x400000)
#define LINUX_STACK_TOP	  UINT64_C(0x4000000)
#define LINUX_STACK_BYTES UINT64_C(0x800000)
/* Left free below the stack, so that running out of stack is a fault. */
#define LINUX_STACK_GUARD_BYTES UINT64_C(0x100000)
/* How far the heap may grow when the program lies above the stack. */
#define LINUX_HEAP_BYTES UINT64_C(0x40000000)

struct linux_program {
	const uint8_t *file; /* the ELF file's bytes; must not change meanwhile */
	size_t bytes;
	const char *const *arguments;
	const char *const *environment;
};

struct linux_program_loaded {
	struct thread_state state;     /* of the first thread */
	uint64_t brk_start, brk_limit; /* for linux_task_init */
	uint64_t stack_bottom, stack_bytes;
};

/* Load through host->map, protect, copy_out and random. The task's memory must be empty where the
 * program goes. Return: 0, -ENOEXEC and other -errno with a clause in why that reads on after the
 * program's name. */
int linux_program_load(const struct linux_program *program, const struct linux_host *host,
		       struct linux_program_loaded *ret_loaded, char why[static ELF_WHY_BYTES]);

#endif
