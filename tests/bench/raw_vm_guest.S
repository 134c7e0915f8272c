/*
 * The code of a bare machine, position-independent, at the start of its memory: see raw_vm.h.
 */
	.section .rodata
	.globl raw_guest_start, raw_guest_exits, raw_guest_reads, raw_guest_writes, raw_guest_spins, raw_guest_end
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
raw_guest_spins:			/* rdi: address */
	pause
	cmpq $0, (%rdi)
	je raw_guest_spins
	jmp raw_guest_exits
raw_guest_end:
	.section .note.GNU-stack, "", @progbits
