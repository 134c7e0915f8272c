/*
 * What every measuring program here shares: the clock (CLOCK_MONOTONIC), samples in microseconds as
 * one number a line on standard output, and an end with a sentence when a measurement cannot be
 * made. A program that fails prints no more samples, so half a measurement is never taken for one.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline uint64_t samples_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static inline double samples_us(uint64_t from_ns, uint64_t to_ns)
{
	return (double)(int64_t)(to_ns - from_ns) / 1e3;
}

__attribute__((noreturn, format(printf, 1, 2))) static inline void fatal(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

/* A number of the command line; without it, or out of 1..maximum, the program's usage. */
static inline unsigned long samples_number(int argc, char **argv, int index, unsigned long maximum,
					   const char *usage)
{
	char *end = NULL;
	unsigned long number = index < argc ? strtoul(argv[index], &end, 10) : 0;

	if (index >= argc || !*argv[index] || *end || number > maximum)
		fatal("usage: %s", usage);
	return number;
}

typedef void samples_measure(void *context, unsigned long rounds);

/*
 * Measures whenever a line on standard input asks for that many rounds, and ends each answer with
 * an empty line. So the caller can take turns between two programs that keep what was costly to
 * set up. Returns at the end of the input.
 */
static inline void samples_serve(samples_measure *measure, void *context)
{
	unsigned long rounds;

	while (scanf("%lu", &rounds) == 1) {
		measure(context, rounds);
		putchar('\n');
		fflush(stdout);
	}
}

#endif
