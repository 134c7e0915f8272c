/*
 * Short pieces of code that the cases write into a task and run there (threads.c). Position
 * independent, without a stack. In: rdi, rsi, rdx, rcx as the case says; r8 is the
 * thread's report, which DONE fills: 8(%r8) gets rax, then (%r8) becomes 1.
 */
#define SYS_SCHED_YIELD 24
#define SYS_NANOSLEEP	35

#define CODE(name) .global code_##name; .global code_##name##_end; .balign 16; code_##name:
#define CODE_END(name) code_##name##_end:

/* The thread then sleeps until it is ended: every wake-up is of no interest to anybody. */
.macro DONE
	movq %rax, 8(%r8)
	movq $1, (%r8)
.Lsleep\@:
	leaq .Llong\@(%rip), %rdi
	xorl %esi, %esi
	movl $SYS_NANOSLEEP, %eax
	syscall
	jmp .Lsleep\@
	.balign 8
.Llong\@:
	.quad 1000000, 0
.endm

/* Gives the CPU away: there may be more threads than cores. Keeps all but rax, rcx and r11. */
.macro YIELD
	pause
	movl $SYS_SCHED_YIELD, %eax
	syscall
.endm

	.section .rodata
	.code64

/* *rsi = 100 + rdi */
CODE(store_number)
	leaq 100(%rdi), %rax
	movq %rax, (%rsi)
	DONE
CODE_END(store_number)

/* *rdi = rsi */
CODE(store)
	movq %rsi, (%rdi)
	DONE
CODE_END(store)

/* rax = *rdi */
CODE(load)
	movq (%rdi), %rax
	DONE
CODE_END(load)

/* Runs code at rdi, which comes back with `jmp *%rbx`. */
CODE(jump)
	leaq 1f(%rip), %rbx
	jmp *%rdi
1:
	DONE
CODE_END(jump)

CODE(jump_back)
	movl $77, %eax
	jmp *%rbx
CODE_END(jump_back)

/* *rdi goes up for ever. */
CODE(count_for_ever)
1:
	addq $1, (%rdi)
	jmp 1b
CODE_END(count_for_ever)

/* *rdi = 1, 2, .. rsi */
CODE(count_up)
	xorl %eax, %eax
1:
	incq %rax
	movq %rax, (%rdi)
	cmpq %rsi, %rax
	jne 1b
	DONE
CODE_END(count_up)

/* Reads *rdi until it is rsi. rax: how often it was less than before. */
CODE(watch_count)
	xorl %r12d, %r12d
	xorl %r10d, %r10d
1:
	movq (%rdi), %rbx
	cmpq %r12, %rbx
	jae 2f
	incq %r10
2:
	movq %rbx, %r12
	cmpq %rsi, %rbx
	je 3f
	YIELD
	jmp 1b
3:
	movq %r10, %rax
	DONE
CODE_END(watch_count)

/* rsi times *rdi += 1, not atomic: nobody else writes this word. */
CODE(add_own)
1:
	incq (%rdi)
	decq %rsi
	jnz 1b
	DONE
CODE_END(add_own)

/* rsi times *rdi += 1, atomic. */
CODE(add_atomic)
1:
	lock incq (%rdi)
	decq %rsi
	jnz 1b
	DONE
CODE_END(add_atomic)

/* rdx times: takes the lock at rdi, *rsi += 1 not atomic, gives the lock back. */
CODE(add_locked)
1:
	movl $1, %ebx
	xchgq %rbx, (%rdi)
	testq %rbx, %rbx
	jz 3f
2:
	YIELD
	cmpq $0, (%rdi)
	jne 2b
	jmp 1b
3:
	incq (%rsi)
	movq $0, (%rdi)
	decq %rdx
	jnz 1b
	DONE
CODE_END(add_locked)

/* Messages n = 1..rdx: waits for n-1 in *rcx, writes the data at rdi, then the flag at rsi. */
CODE(send)
	movq %rcx, %r12
	xorl %ebx, %ebx
1:
	cmpq %rbx, (%r12)
	je 2f
	YIELD
	jmp 1b
2:
	incq %rbx
	movq %rbx, (%rdi)
	movq %rbx, (%rsi)
	cmpq %rdx, %rbx
	jne 1b
	DONE
CODE_END(send)

/* Messages n = 1..rdx: spins on the flag at rsi, reads at rdi, answers in *rcx. rax: old data. */
CODE(receive)
	movq %rcx, %r12
	xorl %ebx, %ebx
	xorl %r13d, %r13d
1:
	incq %rbx
2:
	cmpq %rbx, (%rsi)
	je 3f
	YIELD
	jmp 2b
3:
	cmpq %rbx, (%rdi)
	je 4f
	incq %r13
4:
	movq %rbx, (%r12)
	cmpq %rdx, %rbx
	jne 1b
	movq %r13, %rax
	DONE
CODE_END(receive)

/* Messages 1..rdx without waiting for answers: the data at rdi, then the flag at rsi. */
CODE(send_on)
	xorl %eax, %eax
1:
	incq %rax
	movq %rax, (%rdi)
	movq %rax, (%rsi)
	cmpq %rdx, %rax
	jne 1b
	DONE
CODE_END(send_on)

/* Reads the flag at rsi, then the data at rdi, until the flag is rdx. rax: older data seen. */
CODE(receive_on)
	xorl %eax, %eax
1:
	movq (%rsi), %rbx
	movq (%rdi), %r12
	cmpq %rbx, %r12
	jae 2f
	incq %rax
2:
	pause
	cmpq %rdx, %rbx
	jne 1b
	DONE
CODE_END(receive_on)

/* Reads *rdi rsi times. rax: how often it was not rdx. */
CODE(read_often)
	xorl %eax, %eax
1:
	cmpq %rdx, (%rdi)
	je 2f
	incq %rax
2:
	decq %rsi
	jnz 1b
	DONE
CODE_END(read_often)

	.section .note.GNU-stack, "", @progbits
