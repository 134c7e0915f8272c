/*
 * Start-up of a program without a C library: the initial stack holds argc, argv and the environment,
 * as Linux lays them out; main's result is the exit status.
 */
	.text
	.globl _start
	.type _start, @function
_start:
	xorl %ebp, %ebp			/* the outermost frame */
	movl (%rsp), %edi		/* argc */
	leaq 8(%rsp), %rsi		/* argv */
	leaq 8(%rsi,%rdi,8), %rdx	/* envp, behind argv's NULL */
	andq $-16, %rsp
	call main
	movl %eax, %edi
	movl $231, %eax			/* exit_group */
	syscall
	ud2
	.size _start, . - _start
	.section .note.GNU-stack, "", @progbits
