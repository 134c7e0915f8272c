/*
 * All that QEMU's machines run: a ROM of 64 KiB whose program, from the reset on, writes to the
 * debug port again and again. The first byte that comes out of a migrated machine is its first
 * instruction there. It needs no memory: that is filled from outside, as a file.
 */
	.code16
	.text
	.globl _start
_start:
	movw $0xe9, %dx
write:	movb $0x2e, %al
	outb %al, %dx
	movw $20, %cx			/* QEMU shall have time for other things */
wait:	decw %cx
	jnz wait
	jmp write
	.org 0xfff0
	ljmp $0xf000, $0		/* where a processor starts */
	.org 0xffff
	.byte 0
	.section .note.GNU-stack, "", @progbits
