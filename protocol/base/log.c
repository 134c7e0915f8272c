/*
 * The log writer: formats into a stack buffer and writes once, so lines of several threads and
 * processes never mix.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *log_program = "norma";
static enum log_level log_max_level = LOG_INFO;

void log_setup(const char *program, enum log_level max_level)
{
	log_program = program;
	log_max_level = max_level;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[512];
	int used;
	va_list args;

	if (level > log_max_level)
		return;
	used = snprintf(line, sizeof(line), "<%d>%s[%d]: ", level, log_program, (int)getpid());
	va_start(args, format);
	used += vsnprintf(line + used, sizeof(line) - (size_t)used, format, args);
	va_end(args);
	if (used > (int)sizeof(line) - 2)
		used = (int)sizeof(line) - 2;
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)used) < 0)
		return; /* nobody to tell */
}
