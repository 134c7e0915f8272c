/*
 * Names of exceptions and their codes.
 */
#include "exception_text.h"

#include <stdio.h>

#include "mach/kern_return.h"

struct code_name {
	int exception;
	int64_t code;
	const char *name;
};

static const struct code_name code_names[] = {
    {EXCEPTION_BAD_ACCESS, KERN_INVALID_ADDRESS, "KERN_INVALID_ADDRESS"},
    {EXCEPTION_BAD_ACCESS, KERN_PROTECTION_FAILURE, "KERN_PROTECTION_FAILURE"},
    {EXCEPTION_BAD_ACCESS, KERN_MEMORY_ERROR, "KERN_MEMORY_ERROR"},
    {EXCEPTION_BAD_ACCESS, EXCEPTION_I386_ALIGNFLT, "EXC_I386_ALIGNFLT"},
    {EXCEPTION_BAD_INSTRUCTION, EXCEPTION_I386_INVOP, "EXC_I386_INVOP"},
    {EXCEPTION_BAD_INSTRUCTION, EXCEPTION_I386_SEGNP, "EXC_I386_SEGNPFLT"},
    {EXCEPTION_BAD_INSTRUCTION, EXCEPTION_I386_STKFLT, "EXC_I386_STKFLT"},
    {EXCEPTION_BAD_INSTRUCTION, EXCEPTION_I386_GPFLT, "EXC_I386_GPFLT"},
    {EXCEPTION_ARITHMETIC, EXCEPTION_I386_DIV, "EXC_I386_DIV"},
    {EXCEPTION_ARITHMETIC, EXCEPTION_I386_INTO, "EXC_I386_INTO"},
    {EXCEPTION_ARITHMETIC, EXCEPTION_I386_EXTERR, "EXC_I386_EXTERR"},
    {EXCEPTION_ARITHMETIC, EXCEPTION_I386_SSEEXTERR, "EXC_I386_SSEEXTERR"},
    {EXCEPTION_BREAKPOINT, EXCEPTION_I386_SGL, "EXC_I386_SGL"},
    {EXCEPTION_BREAKPOINT, EXCEPTION_I386_BPT, "EXC_I386_BPT"},
    {EXCEPTION_SOFTWARE, EXCEPTION_CODE_MACHINE, "the machine cannot go on"},
};

static const char *const exception_names[] = {
    [EXCEPTION_BAD_ACCESS] = "EXC_BAD_ACCESS", [EXCEPTION_BAD_INSTRUCTION] = "EXC_BAD_INSTRUCTION",
    [EXCEPTION_ARITHMETIC] = "EXC_ARITHMETIC", [EXCEPTION_EMULATION] = "EXC_EMULATION",
    [EXCEPTION_SOFTWARE] = "EXC_SOFTWARE",     [EXCEPTION_BREAKPOINT] = "EXC_BREAKPOINT",
};

static const char *exception_name(int exception)
{
	size_t count = sizeof(exception_names) / sizeof(exception_names[0]);

	if (exception < EXCEPTION_BAD_ACCESS || (size_t)exception >= count)
		return "unknown exception";
	return exception_names[exception];
}

static const char *code_name(const struct exception_description *description)
{
	for (size_t i = 0; i < sizeof(code_names) / sizeof(code_names[0]); i++)
		if (code_names[i].exception == description->exception &&
		    code_names[i].code == description->code)
			return code_names[i].name;
	return NULL;
}

void exception_text(uint32_t thread_name, const struct exception_description *description,
		    char *text, size_t text_bytes)
{
	const char *name = code_name(description);
	char number[32];

	if (!name) {
		snprintf(number, sizeof(number), "code %lld", (long long)description->code);
		name = number;
	}
	snprintf(text, text_bytes, "thread 0x%x: %s (%s): %s", thread_name,
		 exception_name(description->exception), name, description->text);
}
