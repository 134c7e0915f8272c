/*
 * The code of a bare machine, position-independent, at the start of its memory: see raw_vm.h.
 */
	.section .rodata
	.globl raw_guest_start, raw_guest_exits, raw_guest_reads, raw_guest_writes, raw_guest_times, raw_guest_stores, raw_guest_turns, raw_guest_spins, raw_guest_computes, raw_guest_end
raw_guest_start:
raw_guest_exits:
	outb %al, $0xe9
	jmp raw_guest_exits
raw_guest_reads:			/* rdi: address, rcx: pages */
	movq (%rdi), %rax
	addq $4096, %rdi
	decq %rcx
	jnz raw_guest_reads
	jmp raw_guest_exits
raw_guest_writes:			/* rdi: address, rcx: pages */
	incq (%rdi)
	addq $4096, %rdi
	decq %rcx
	jnz raw_guest_writes
	jmp raw_guest_exits
/* What one access takes, of pages far enough apart. rdi: address, rcx: pages, rsi: where the times go.
 * The access may change rax only. */
.macro time_each access:vararg
	movq %rcx, %rbp
1:	rdtscp				/* rcx changes, too */
	movq %rax, %rbx
	shlq $32, %rdx
	orq %rdx, %rbx
	\access
	rdtscp
	shlq $32, %rdx
	orq %rdx, %rax
	subq %rbx, %rax
	movq %rax, (%rsi)
	addq $8, %rsi
	addq $16 * 4096, %rdi		/* RAW_VM_TIMED_STRIDE_PAGES */
	decq %rbp
	jnz 1b
	jmp raw_guest_exits
.endm

raw_guest_times:
	time_each movq (%rdi), %rax
raw_guest_stores:
	time_each movq %rbx, (%rdi)
raw_guest_turns:			/* rdi: a word, rcx: turns, rsi: where the times go, r8: first */
	movq %rcx, %rbp
1:	movq %r8, %rax
	leaq 1(%r8), %rbx
	lock cmpxchgq %rbx, (%rdi)
	jne 1b
	rdtscp
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, (%rsi)
	addq $8, %rsi
	addq $2, %r8
	decq %rbp
	jnz 1b
	jmp raw_guest_exits
raw_guest_spins:			/* rdi: address */
	pause
	cmpq $0, (%rdi)
	je raw_guest_spins
	jmp raw_guest_exits
raw_guest_computes:			/* rcx: rounds of xorshift; r8: not 0: returns, on the host */
	movabsq $0x9e3779b97f4a7c15, %rax
1:	movq %rax, %rdx
	shlq $13, %rdx
	xorq %rdx, %rax
	movq %rax, %rdx
	shrq $7, %rdx
	xorq %rdx, %rax
	movq %rax, %rdx
	shlq $17, %rdx
	xorq %rdx, %rax
	decq %rcx
	jnz 1b
	testq %r8, %r8
	jz raw_guest_exits
	ret
raw_guest_end:
	.section .note.GNU-stack, "", @progbits
