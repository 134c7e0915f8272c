/*
 * The first instructions of a thread made by norma_thread_start: rdi is its argument, rsi its
 * function, rsp is 16-byte aligned.
 */
	.text
	.globl norma_thread_entry
	.type norma_thread_entry, @function
norma_thread_entry:
	xorl %ebp, %ebp			/* the outermost frame */
	call *%rsi
	call norma_thread_finish
	ud2
	.size norma_thread_entry, . - norma_thread_entry
	.section .note.GNU-stack, "", @progbits
