/*
 * A thread's registers as a program and a debugger see them: what thread_get_state and
 * thread_set_state carry.
 */
#ifndef MACHINE_THREAD_STATE_H
#define MACHINE_THREAD_STATE_H

#include <stdint.h>

struct thread_state {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
	uint64_t fs_base, gs_base;
};

/* The flags a program may choose: CF PF AF ZF SF TF DF OF AC ID. */
#define THREAD_RFLAGS_USER UINT64_C(0x240dd5)
/* What the machine adds while the thread runs: the always-one bit and IF. */
#define THREAD_RFLAGS_FIXED UINT64_C(0x202)

/* Addresses above this are not canonical for user code. */
#define THREAD_CANONICAL_END (UINT64_C(1) << 47)

#endif
