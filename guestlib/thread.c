/*
 * norma_thread_start. Compiled code may use thread-local variables and a stack-protector canary,
 * both relative to fs_base, so a thread needs a block for them before its first instruction. The
 * block is laid out as the x86-64 ABI's TLS variant II says, from the program's own PT_TLS header:
 *
 *   stack_top ┐
 *             │ thread control block: its own address at 0 and 16, canary at 40, zeros
 *   fs_base ──┤ 16-byte aligned (or as PT_TLS asks)
 *             │ thread-local variables
 *   block ────┘ the stack begins here and grows down
 */
#include "norma_guest.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>

/* glibc's control block (struct pthread) is the largest known, 0x900 bytes in 2.36. */
#define CONTROL_BLOCK_BYTES 3072u
#define TLS_MAX_BYTES	    (NORMA_THREAD_BLOCK_BYTES - CONTROL_BLOCK_BYTES)

/* x86-64 Linux: what the control block holds for compiled code and for glibc. */
#define CONTROL_SELF	 0u
#define CONTROL_SELF_TOO 16u
#define CONTROL_CANARY	 40u
#define CONTROL_GUARD	 48u

struct thread_tls {
	const uint8_t *image;
	size_t image_bytes;
	size_t bytes; /* rounded up to the alignment */
	size_t align;
};

/* Where the linker put the ELF header, if it is part of the image at all. */
extern const Elf64_Ehdr program_header __asm__("__ehdr_start")
    __attribute__((weak, visibility("hidden")));

void norma_thread_entry(void);
void norma_thread_finish(void);

/* A program without PT_TLS has no thread-local variables. */
static struct thread_tls tls_of_program(void)
{
	const Elf64_Ehdr *elf = &program_header;
	struct thread_tls tls = {.align = 16};
	uintptr_t base = (uintptr_t)elf;
	const Elf64_Phdr *segments;

	if (!base)
		return tls;
	segments = (const Elf64_Phdr *)(base + elf->e_phoff);
	for (int i = 0; i < elf->e_phnum; i++) {
		const Elf64_Phdr *segment = &segments[i];

		if (segment->p_type != PT_TLS)
			continue;
		if (segment->p_align > tls.align)
			tls.align = segment->p_align;
		tls.image =
		    (const uint8_t *)((elf->e_type == ET_DYN ? base : 0) + segment->p_vaddr);
		tls.image_bytes = segment->p_filesz;
		tls.bytes = (segment->p_memsz + segment->p_align - 1) & ~(segment->p_align - 1);
	}
	return tls;
}

static void put_u64(uint8_t *control, size_t offset, uint64_t value)
{
	memcpy(control + offset, &value, sizeof(value));
}

/* The caller's canary and pointer guard: the new thread may return into what the caller set up. */
static void copy_guards(uint8_t *control)
{
	uint64_t canary, guard;

	__asm__("movq %%fs:40, %0" : "=r"(canary));
	__asm__("movq %%fs:48, %0" : "=r"(guard));
	put_u64(control, CONTROL_CANARY, canary);
	put_u64(control, CONTROL_GUARD, guard);
}

/* Writes the block into the task. Return: KERN_SUCCESS with the new thread's fs_base. */
static kern_return_t block_write(task_t task, uintptr_t block, uint64_t *ret_fs_base)
{
	uint8_t bytes[NORMA_THREAD_BLOCK_BYTES] = {0};
	struct thread_tls tls = tls_of_program();
	uint64_t fs_base = (block + TLS_MAX_BYTES) & ~(uint64_t)(tls.align - 1);
	uint8_t *control = bytes + (fs_base - block);
	kern_return_t result;

	if (fs_base < block || tls.bytes > fs_base - block)
		return KERN_RESOURCE_SHORTAGE;
	put_u64(control, CONTROL_SELF, fs_base);
	put_u64(control, CONTROL_SELF_TOO, fs_base);
	if (tls.image) {
		memcpy(control - tls.bytes, tls.image, tls.image_bytes);
		copy_guards(control); /* a program with TLS has fs_base set */
	}
	result = vm_write(task, block, (vm_offset_t)bytes, sizeof(bytes));
	if (result == KERN_SUCCESS)
		*ret_fs_base = fs_base;
	return result;
}

/* norma_thread_entry calls rsi(rdi). */
static kern_return_t thread_prepare(thread_act_t thread, void (*entry)(void *argument),
				    void *argument, uint64_t stack, uint64_t fs_base)
{
	struct x86_thread_state64 state = {
	    .rip = (uintptr_t)norma_thread_entry,
	    .rdi = (uintptr_t)argument,
	    .rsi = (uintptr_t)entry,
	    .rsp = stack,
	    .fs_base = fs_base,
	};

	return thread_set_state(thread, x86_THREAD_STATE64, (thread_state_t)&state,
				x86_THREAD_STATE64_COUNT);
}

kern_return_t norma_thread_start(task_t task, void (*entry)(void *argument), void *argument,
				 void *stack_top, thread_act_t *ret_thread)
{
	uintptr_t block = ((uintptr_t)stack_top & ~(uintptr_t)63) - NORMA_THREAD_BLOCK_BYTES;
	uint64_t fs_base;
	thread_act_t thread;
	kern_return_t result = block_write(task, block, &fs_base);

	if (result == KERN_SUCCESS)
		result = thread_create(task, &thread);
	if (result != KERN_SUCCESS)
		return result;
	result = thread_prepare(thread, entry, argument, block, fs_base);
	if (result == KERN_SUCCESS)
		result = thread_resume(thread);
	if (result != KERN_SUCCESS) {
		thread_terminate(thread);
		return result;
	}
	if (ret_thread)
		*ret_thread = thread;
	return KERN_SUCCESS;
}

/* Called by norma_thread_entry when the thread's function has returned. */
void norma_thread_finish(void)
{
	thread_terminate(mach_thread_self());
	__builtin_trap(); /* a thread that cannot be ended must not run on */
}
