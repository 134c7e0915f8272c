/*
 * The contract between a task's program and its VMM: where things are in the address space and how
 * to make a call. Pure data, usable from C and from assembly; guest programs and the VMM include
 * this file.
 *
 * Address space (a guest virtual address is the guest physical address):
 *
 *   0x0000000000  never mapped: a null pointer with an offset faults
 *   0x0000010000  NORMA_USER_START  the task's regions
 *   0x2000000000  NORMA_USER_END    read-only system image, the same for every task of a host:
 *                 +0x000000 page tables (PML4, PDPT, 128 user PDs, the system PD and PT)
 *                 +0x084000 GDT   +0x085000 IDT   +0x086000 one TSS per vCPU
 *                 +0x088000 exception stubs       +0x089000 system call stub
 *   0x2000100000  NORMA_SYSTEM_STACKS  this task's exception stacks, one per vCPU
 *
 * Only the page of the system call stub can be used by the program; everything else from
 * NORMA_USER_END on is supervisor-only, and an access to it is a page fault.
 *
 * Hypercall: out %al, $NORMA_PORT_HYPERCALL
 *   in:  rdi request address, rsi request bytes, rdx reply address, r10 reply capacity in bytes,
 *        rcx address of the instruction behind the out (optional: without it the call costs a fifth
 * more) out: rax reply bytes, or a negative errno; every other register is kept norma_hypercall()
 * below does it. Linux system calls use the `syscall` instruction with Linux's own convention.
 */
#ifndef GUESTLIB_NORMA_ABI_H
#define GUESTLIB_NORMA_ABI_H

#define NORMA_PAGE_BYTES 0x1000

#define NORMA_USER_START 0x10000
#define NORMA_USER_END	 0x2000000000

#define NORMA_SYSTEM_BASE	     0x2000000000
#define NORMA_SYSTEM_PML4	     0x2000000000
#define NORMA_SYSTEM_PDPT	     0x2000001000
#define NORMA_SYSTEM_USER_PDS	     0x2000002000
#define NORMA_SYSTEM_PD		     0x2000082000
#define NORMA_SYSTEM_PT		     0x2000083000
#define NORMA_SYSTEM_GDT	     0x2000084000
#define NORMA_SYSTEM_IDT	     0x2000085000
#define NORMA_SYSTEM_TSS	     0x2000086000
#define NORMA_SYSTEM_EXCEPTION_STUBS 0x2000088000
#define NORMA_SYSTEM_SYSCALL_STUB    0x2000089000
#define NORMA_SYSTEM_IMAGE_BYTES     0x8a000
#define NORMA_SYSTEM_STACKS	     0x2000100000
#define NORMA_SYSTEM_STACK_BYTES     0x100
#define NORMA_SYSTEM_STACKS_BYTES    0x4000

#define NORMA_VCPUS_MAX 64

/* Open to the program through the I/O bitmap. */
#define NORMA_PORT_HYPERCALL 0x4e
#define NORMA_PORT_SYSCALL   0x4f
/* For the exception stubs only: closed to the program. */
#define NORMA_PORT_EXCEPTION 0x50

#ifndef __ASSEMBLER__
/* Guest programs only. Return: reply bytes, or a negative errno. */
static inline long norma_hypercall(const void *request, unsigned long request_bytes, void *reply,
				   unsigned long reply_capacity)
{
	long result;
	register unsigned long r10 __asm__("r10") = reply_capacity;
	__asm__ volatile("leaq 1f(%%rip), %%rcx\n\tout %%al, %[port]\n1:"
			 : "=a"(result)
			 : [port] "N"(NORMA_PORT_HYPERCALL), "D"(request), "S"(request_bytes),
			   "d"(reply), "r"(r10)
			 : "rcx", "memory");
	return result;
}
#endif

#endif
