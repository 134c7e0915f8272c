/*
 * Differences between what was seen and what was expected: the first one ends the case.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "conformance.h"
#include "runner.h"

void wrong(const char *format, ...)
{
	char sentence[RUNNER_SENTENCE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	runner_end_case(sentence);
}

void check_code(kern_return_t seen, kern_return_t expected, const char *what)
{
	if (seen != expected)
		wrong("%s returned %d (%s), expected %d (%s)", what, seen, mach_error_string(seen),
		      expected, mach_error_string(expected));
}

void check_number(uint64_t seen, uint64_t expected, const char *what)
{
	if (seen != expected)
		wrong("%s was 0x%" PRIx64 ", expected 0x%" PRIx64, what, seen, expected);
}

void remark(const char *format, ...)
{
	va_list arguments;

	printf("# ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool in_time(uint64_t *start_ns, unsigned int seconds)
{
	if (!*start_ns)
		*start_ns = now_ns();
	return now_ns() - *start_ns < seconds * UINT64_C(1000000000);
}
