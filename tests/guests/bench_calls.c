/*
 * What a call costs a program, by its own time-stamp counter. Microseconds, one line for each call.
 *
 *   bench_calls hypercall COUNT    norma_task_self, which the task's VMM answers from memory
 *   bench_calls syscall COUNT      getpid
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include <mach/mach.h>
#include <norma_guest.h>

enum { WARM_UP = 1000 };

static uint64_t now_ns(void)
{
	struct timespec now;

	norma_system_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void call(int is_hypercall)
{
	if (is_hypercall && mach_task_self() == TASK_NULL)
		exit(1);
	if (!is_hypercall)
		norma_system_call(SYS_getpid, 0, 0, 0);
}

int main(int argc, char **argv)
{
	int is_hypercall = argc > 1 && !strcmp(argv[1], "hypercall");
	size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t *ticks = calloc(count + 1, sizeof(*ticks));
	uint64_t started_ns;
	double ticks_per_us;

	if (!ticks || !count)
		return 2;
	for (int i = 0; i < WARM_UP; i++)
		call(is_hypercall);
	started_ns = now_ns();
	ticks[0] = __builtin_ia32_rdtsc();
	for (size_t i = 1; i <= count; i++) {
		call(is_hypercall);
		ticks[i] = __builtin_ia32_rdtsc();
	}
	ticks_per_us = (double)(ticks[count] - ticks[0]) * 1e3 / (double)(now_ns() - started_ns);
	for (size_t i = 0; i < count; i++)
		printf("%.3f\n", (double)(ticks[i + 1] - ticks[i]) / ticks_per_us);
	return 0;
}
