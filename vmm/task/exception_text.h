/*
 * The sentence about a Mach exception that people read when it ended their task. Pure.
 */
#ifndef TASK_EXCEPTION_TEXT_H
#define TASK_EXCEPTION_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "exception.h"

/* The VMM's own code of EXCEPTION_SOFTWARE: the machine cannot carry the thread any further. */
#define EXCEPTION_CODE_MACHINE 0x10000

/* Writes "thread 0x80000040: EXC_BAD_ACCESS (KERN_INVALID_ADDRESS): writing to 0x1234 at
 * instruction 0x401136: ...". */
void exception_text(uint32_t thread_name, const struct exception_description *description,
		    char *text, size_t text_bytes);

#endif
