/*
 * The parent that the clone benchmarks clone.
 *
 *   bench_parent MIB DIRTY [random]
 *
 * It fills MIB of memory (with `random`: with bytes that nothing can compress), prints
 * "ready ENTRY ADDRESS" and then obeys one-letter commands on standard input, each answered with a
 * line: s  a second thread spins from now on, and watches for gaps in its own time d  all memory is
 * read and the first DIRTY MiB are written g  "gap NS": the longest gap since the last time it was
 * asked q  the end
 *
 * "ready ENTRY ADDRESS" says where the memory is, and where a child's first thread starts:
 *   rsi, rdx  memory to read, a word of each page, and its bytes (0: none)
 *   rcx       not 0: the child stays until it can read a byte from its standard input
 *   r8        bytes of the memory to read then
 * Its first instructions ask for the time, without touching memory: the task's VMM reads
 * CLOCK_MONOTONIC behind that first exit. When the memory is read it asks again, and both times go
 * to standard output, 32 bytes. What is read later is followed by 16 bytes, one time more. No stack
 * is used, and no memory written but `child_times`.
 */
#include <mach/mach.h>
#include <norma_guest.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, STACK_BYTES = 65536 };

void child_entry(void);
__asm__("	.text\n"
	"	.globl child_entry\n"
	"child_entry:\n"
	"	movq %rsi, %r12\n"
	"	movq %rdx, %r13\n"
	"	movq %rcx, %r14\n"
	"	movq %rsi, %rbx\n"
	"	movq %r8, %r15\n"
	"	movl $228, %eax\n" /* clock_gettime */
	"	movl $1, %edi\n"   /* CLOCK_MONOTONIC */
	"	leaq child_times(%rip), %rsi\n"
	"	syscall\n"
	"	testq %r13, %r13\n"
	"	jz 2f\n"
	"1:	movq (%r12), %rax\n"
	"	addq $4096, %r12\n"
	"	subq $4096, %r13\n"
	"	jnz 1b\n"
	"2:	movl $228, %eax\n"
	"	movl $1, %edi\n"
	"	leaq 16+child_times(%rip), %rsi\n"
	"	syscall\n"
	"	movl $1, %eax\n" /* write */
	"	movl $1, %edi\n"
	"	leaq child_times(%rip), %rsi\n"
	"	movl $32, %edx\n"
	"	syscall\n"
	"	testq %r14, %r14\n"
	"	jz 3f\n"
	"	xorl %eax, %eax\n" /* read */
	"	xorl %edi, %edi\n"
	"	leaq child_times(%rip), %rsi\n"
	"	movl $1, %edx\n"
	"	syscall\n"
	"	testq %r15, %r15\n"
	"	jz 3f\n"
	"4:	movq (%rbx), %rax\n"
	"	addq $4096, %rbx\n"
	"	subq $4096, %r15\n"
	"	jnz 4b\n"
	"	movl $228, %eax\n"
	"	movl $1, %edi\n"
	"	leaq child_times(%rip), %rsi\n"
	"	syscall\n"
	"	movl $1, %eax\n"
	"	movl $1, %edi\n"
	"	leaq child_times(%rip), %rsi\n"
	"	movl $16, %edx\n"
	"	syscall\n"
	"3:	movl $231, %eax\n" /* exit_group */
	"	xorl %edi, %edi\n"
	"	syscall\n"
	"	ud2\n"
	"	.bss\n"
	"	.balign 4096\n"
	"child_times:\n"
	"	.skip 4096\n"
	"	.text\n");

static _Atomic uint64_t longest_gap_ticks;
static uint8_t *memory;
static size_t memory_bytes, dirty_bytes;

static void fail(const char *what)
{
	fprintf(stderr, "bench_parent: %s\n", what);
	exit(1);
}

/* The longest time between two looks at the counter is how long this thread stood still. */
static void spin_main(void *argument)
{
	uint64_t last = __builtin_ia32_rdtsc();

	(void)argument;
	for (;;) {
		uint64_t now = __builtin_ia32_rdtsc();

		if (now - last > atomic_load(&longest_gap_ticks))
			atomic_store(&longest_gap_ticks, now - last);
		last = now;
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;

	norma_system_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static double measure_ticks_per_ns(void)
{
	uint64_t ticks = __builtin_ia32_rdtsc(), ns = now_ns(), now;

	do {
		now = now_ns();
	} while (now - ns < 20000000);
	return (double)(__builtin_ia32_rdtsc() - ticks) / (double)(now - ns);
}

static void start_spinning(void)
{
	vm_address_t stack = 0;

	if (vm_allocate(mach_task_self(), &stack, STACK_BYTES, TRUE) != KERN_SUCCESS ||
	    norma_thread_start(mach_task_self(), spin_main, NULL, (void *)(stack + STACK_BYTES),
			       NULL) != KERN_SUCCESS)
		fail("cannot start a second thread");
}

static void fill(int is_random)
{
	uint64_t word = 0x9e3779b97f4a7c15ull;

	for (size_t at = 0; at < memory_bytes; at += is_random ? 8 : PAGE_BYTES) {
		word ^= word << 13; /* xorshift64 */
		word ^= word >> 7;
		word ^= word << 17;
		memcpy(memory + at, &word, sizeof(word));
	}
}

static void read_and_dirty(void)
{
	volatile uint8_t *at = memory;

	for (size_t i = 0; i < memory_bytes; i += PAGE_BYTES)
		(void)at[i];
	for (size_t i = 0; i < dirty_bytes; i += PAGE_BYTES)
		at[i]++;
}

static void obey(char command, double ticks_per_ns)
{
	if (command == 's')
		start_spinning();
	else if (command == 'd')
		read_and_dirty();
	else if (command == 'q')
		exit(0);
	else if (command != 'g')
		fail("what command is that?");
	if (command == 'g')
		printf("gap %.0f\n", (double)atomic_exchange(&longest_gap_ticks, 0) / ticks_per_ns);
	else
		printf("done\n");
}

int main(int argc, char **argv)
{
	vm_address_t address = 0;
	double ticks_per_ns;
	char command;

	memory_bytes = (argc > 1 ? strtoul(argv[1], NULL, 10) : 0) << 20;
	dirty_bytes = (argc > 2 ? strtoul(argv[2], NULL, 10) : 0) << 20;
	if (!memory_bytes || dirty_bytes > memory_bytes)
		fail("usage: bench_parent MIB DIRTY [random]");
	if (vm_allocate(mach_task_self(), &address, memory_bytes, TRUE) != KERN_SUCCESS)
		fail("no memory");
	memory = (uint8_t *)address;
	setvbuf(stdout, NULL, _IOLBF, 0);
	fill(argc > 3 && !strcmp(argv[3], "random"));
	ticks_per_ns = measure_ticks_per_ns();
	printf("ready %lx %lx\n", (unsigned long)(uintptr_t)child_entry, (unsigned long)address);
	while (read(0, &command, 1) == 1)
		if (command != '\n')
			obey(command, ticks_per_ns);
	return 0;
}
