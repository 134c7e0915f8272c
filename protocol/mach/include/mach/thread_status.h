/*
 * A thread's registers, in two flavors: x86_THREAD_STATE64 (integer registers and segment bases)
 * and x86_FLOAT_STATE64 (x87, SSE, AVX and so on, as the XSAVE instruction lays them out).
 */
#ifndef MACH_THREAD_STATUS_H
#define MACH_THREAD_STATUS_H

#include <stdint.h>

#include <mach/port.h>
#include <mach/vm_types.h>

typedef int thread_state_flavor_t;
typedef natural_t *thread_state_t; /* points to the flavor's struct; counts are in natural_t */

#define x86_THREAD_STATE64 4
#define x86_FLOAT_STATE64  5

/*
 * rflags: only CF PF AF ZF SF TF DF OF RF AC ID are the program's; the rest is ignored when set.
 * rip, fs_base and gs_base must be below 1 << 47.
 */
struct x86_thread_state64 {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
	uint64_t fs_base, gs_base;
};

/*
 * An XSAVE area in the standard (not compacted) form, at most this long. thread_get_state sets the
 * count to what the host's CPU uses, a multiple of 64 bytes.
 */
#define X86_FLOAT_STATE64_BYTES 4096

struct x86_float_state64 {
	uint8_t xsave[X86_FLOAT_STATE64_BYTES];
};

typedef struct x86_thread_state64 x86_thread_state64_t;
typedef struct x86_float_state64 x86_float_state64_t;

#define x86_THREAD_STATE64_COUNT                                                                   \
	((mach_msg_type_number_t)(sizeof(x86_thread_state64_t) / sizeof(natural_t)))
#define x86_FLOAT_STATE64_COUNT                                                                    \
	((mach_msg_type_number_t)(sizeof(x86_float_state64_t) / sizeof(natural_t)))

#endif
