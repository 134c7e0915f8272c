/*
 * Short pieces of guest code, linked into the test programs as data and copied into a task. Each is
 * position independent. SNIPPET(name) ... END(name) gives snippet_name and snippet_name_end.
 */
#include "norma_abi.h"

#define SNIPPET(name) .global snippet_##name; .global snippet_##name##_end; .balign 16; snippet_##name:
#define END(name) snippet_##name##_end:

	.section .rodata
	.code64

SNIPPET(hypercall)
	movl $0x1234, %edi
	movl $8, %esi
	movl $0x5678, %edx
	movl $16, %r10d
	out %al, $NORMA_PORT_HYPERCALL
	movq %rax, %rbx
	out %al, $NORMA_PORT_HYPERCALL
END(hypercall)

SNIPPET(syscall)
	movl $39, %eax
	movl $1, %edi
	movl $2, %esi
	movl $3, %edx
	movl $4, %r10d
	movl $5, %r8d
	movl $6, %r9d
	syscall
	movq %rax, %rbx
	out %al, $NORMA_PORT_HYPERCALL
END(syscall)

/* rdi: address; rax: what was read */
SNIPPET(load)
	movq (%rdi), %rax
	out %al, $NORMA_PORT_HYPERCALL
END(load)

SNIPPET(store)
	movq %rsi, (%rdi)
	out %al, $NORMA_PORT_HYPERCALL
END(store)

SNIPPET(add)
	lock addq %rsi, (%rdi)
	out %al, $NORMA_PORT_HYPERCALL
END(add)

SNIPPET(avx_store)
	vpcmpeqd %ymm0, %ymm0, %ymm0
	vmovdqu %ymm0, (%rdi)
	vzeroupper
	out %al, $NORMA_PORT_HYPERCALL
END(avx_store)

SNIPPET(sse_load)
	movups (%rdi), %xmm3
	movq %xmm3, %rax
	out %al, $NORMA_PORT_HYPERCALL
END(sse_load)

SNIPPET(sse_store)
	pcmpeqd %xmm3, %xmm3
	movups %xmm3, (%rdi)
	out %al, $NORMA_PORT_HYPERCALL
END(sse_store)

SNIPPET(rep_movsb)
	rep movsb
	out %al, $NORMA_PORT_HYPERCALL
END(rep_movsb)

SNIPPET(jump)
	jmp *%rdi
END(jump)

SNIPPET(push)
	movq %rdi, %rsp
	pushq %rsi
	out %al, $NORMA_PORT_HYPERCALL
END(push)

SNIPPET(call)
	movq %rdi, %rsp
	call 1f
1:	out %al, $NORMA_PORT_HYPERCALL
END(call)

SNIPPET(ret)
	movq %rdi, %rsp
	ret
END(ret)

SNIPPET(divide)
	xorl %ecx, %ecx
	movl $1, %eax
	xorl %edx, %edx
	divl %ecx
	out %al, $NORMA_PORT_HYPERCALL
END(divide)

SNIPPET(divide_again)
	divl %ecx
	out %al, $NORMA_PORT_HYPERCALL
END(divide_again)

SNIPPET(ud2)
	ud2
END(ud2)

SNIPPET(hlt)
	hlt
END(hlt)

SNIPPET(cli)
	cli
	out %al, $NORMA_PORT_HYPERCALL
END(cli)

SNIPPET(mov_cr3)
	movq %rdi, %cr3
END(mov_cr3)

SNIPPET(wrmsr)
	xorl %ecx, %ecx
	wrmsr
END(wrmsr)

SNIPPET(int3)
	nop
	int3
	out %al, $NORMA_PORT_HYPERCALL
END(int3)

SNIPPET(int80)
	int $0x80
END(int80)

SNIPPET(int14)
	int $14
END(int14)

SNIPPET(int3_long)
	.byte 0xcd, 3
END(int3_long)

SNIPPET(int4)
	int $4
END(int4)

SNIPPET(out_exception)
	out %al, $NORMA_PORT_EXCEPTION
END(out_exception)

SNIPPET(out_syscall)
	out %al, $NORMA_PORT_SYSCALL
END(out_syscall)

SNIPPET(out_other)
	out %al, $0x80
END(out_other)

SNIPPET(in_hypercall)
	in $NORMA_PORT_HYPERCALL, %al
END(in_hypercall)

SNIPPET(outsb)
	movl $NORMA_PORT_HYPERCALL, %edx
	rep outsb
END(outsb)

SNIPPET(sgdt)
	sgdt (%rdi)
	out %al, $NORMA_PORT_HYPERCALL
END(sgdt)

SNIPPET(single_step)
	pushfq
	orl $0x100, (%rsp)
	popfq
	nop
	nop
	out %al, $NORMA_PORT_HYPERCALL
END(single_step)

SNIPPET(alignment)
	pushfq
	orl $0x40000, (%rsp)
	popfq
	movl 1(%rsp), %eax
	out %al, $NORMA_PORT_HYPERCALL
END(alignment)

SNIPPET(x87)
	fninit
	pushq $0x340
	fldcw (%rsp)
	fldz
	fld1
	fdivp
	fwait
	out %al, $NORMA_PORT_HYPERCALL
END(x87)

SNIPPET(simd)
	subq $8, %rsp
	movl $0x1d80, (%rsp)
	ldmxcsr (%rsp)
	xorps %xmm0, %xmm0
	movl $0x3f800000, (%rsp)
	movss (%rsp), %xmm1
	divss %xmm0, %xmm1
	out %al, $NORMA_PORT_HYPERCALL
END(simd)

/* Far jump to the old 32-bit segment number. */
SNIPPET(far_jump)
	pushq $0x1b
	leaq 1f(%rip), %rax
	pushq %rax
	lretq
1:	nop
END(far_jump)

/* rdi: counter, rsi: rounds */
SNIPPET(count)
1:	lock incq (%rdi)
	decq %rsi
	jnz 1b
	out %al, $NORMA_PORT_HYPERCALL
END(count)

SNIPPET(spin)
1:	incq (%rdi)
	jmp 1b
END(spin)

/* With the return address, as norma_hypercall() does it. */
SNIPPET(hypercall_fast)
	leaq 1f(%rip), %rcx
	out %al, $NORMA_PORT_HYPERCALL
1:	movq %rax, %rbx
	leaq 2f(%rip), %rcx
	out %al, $NORMA_PORT_HYPERCALL
2:	out %al, $NORMA_PORT_HYPERCALL
END(hypercall_fast)

SNIPPET(hypercalls_fast)
	leaq 2f(%rip), %rcx
1:	out %al, $NORMA_PORT_HYPERCALL
2:	jmp 1b
END(hypercalls_fast)

SNIPPET(hypercalls)
1:	out %al, $NORMA_PORT_HYPERCALL
	jmp 1b
END(hypercalls)

SNIPPET(syscalls)
1:	syscall
	jmp 1b
END(syscalls)

SNIPPET(exceptions)
	ud2
END(exceptions)

/* rdi: table of four dwords' base; gathers with indices 0, 1, 2 and the one in esi */
SNIPPET(gather)
	vpxor %xmm1, %xmm1, %xmm1
	movl $1, %eax
	vpinsrd $1, %eax, %xmm1, %xmm1
	movl $2, %eax
	vpinsrd $2, %eax, %xmm1, %xmm1
	vpinsrd $3, %esi, %xmm1, %xmm1
	vpcmpeqd %xmm2, %xmm2, %xmm2
	vpgatherdd %xmm2, (%rdi, %xmm1, 4), %xmm0
	out %al, $NORMA_PORT_HYPERCALL
END(gather)

SNIPPET(vectors)
	movq %rdi, %xmm5
	vpbroadcastq %xmm5, %ymm5
	out %al, $NORMA_PORT_HYPERCALL
	vextracti128 $1, %ymm5, %xmm6
	movq %xmm6, %rbx
	rdfsbase %r12
	rdgsbase %r13
	out %al, $NORMA_PORT_HYPERCALL
END(vectors)

	.section .note.GNU-stack, "", @progbits
