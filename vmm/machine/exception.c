/*
 * The table from x86 vectors to Mach exceptions and the sentences that go with them.
 */
#include "exception.h"

#include <stdio.h>
#include <string.h>

#define VECTOR_PF   14
#define PF_WRITE    2u
#define PF_FETCH    16u
#define GP_FROM_INT 2u /* the error code's IDT bit: `int n` through a closed gate */

static const struct {
	uint8_t exception;
	uint8_t code;
	const char *text;
} vectors[] = {
    [0] = {EXCEPTION_ARITHMETIC, EXCEPTION_I386_DIV,
	   "a division by zero or with a result too large"},
    [1] = {EXCEPTION_BREAKPOINT, EXCEPTION_I386_SGL, "a single step or hardware breakpoint"},
    [3] = {EXCEPTION_BREAKPOINT, EXCEPTION_I386_BPT, "a breakpoint instruction"},
    [4] = {EXCEPTION_ARITHMETIC, EXCEPTION_I386_INTO, "an overflow trap"},
    [6] = {EXCEPTION_BAD_INSTRUCTION, EXCEPTION_I386_INVOP,
	   "an instruction this CPU does not have or does not allow"},
    [11] = {EXCEPTION_BAD_INSTRUCTION, EXCEPTION_I386_SEGNP, "a segment that is not present"},
    [12] = {EXCEPTION_BAD_INSTRUCTION, EXCEPTION_I386_STKFLT,
	    "a stack access to an address that is not canonical"},
    [13] = {EXCEPTION_BAD_INSTRUCTION, EXCEPTION_I386_GPFLT,
	    "a privileged instruction or an address that is not canonical"},
    [16] = {EXCEPTION_ARITHMETIC, EXCEPTION_I386_EXTERR, "an unmasked x87 floating point error"},
    [17] = {EXCEPTION_BAD_ACCESS, EXCEPTION_I386_ALIGNFLT,
	    "a misaligned access while alignment is checked"},
    [19] = {EXCEPTION_ARITHMETIC, EXCEPTION_I386_SSEEXTERR, "an unmasked SSE floating point error"},
};

#define VECTORS_KNOWN (sizeof(vectors) / sizeof(vectors[0]))

static const char *access_word(uint32_t access)
{
	if (access & FAULT_EXECUTE)
		return "fetching an instruction from";
	return access & FAULT_WRITE ? "writing to" : "reading from";
}

void exception_describe_fault(const struct fault_report *report, const struct thread_state *state,
			      struct exception_description *description)
{
	memset(description, 0, sizeof(*description));
	description->exception = EXCEPTION_BAD_ACCESS;
	description->code = report->code;
	description->is_address_known = report->is_address_known;
	description->address = report->address;
	description->subcode = (int64_t)report->address;
	description->rip = state->rip;
	const char *why = "nothing is mapped there";
	if (report->code == FAULT_PROTECTION_FAILURE)
		why = "its protection does not allow that";
	else if (report->code == FAULT_MEMORY_ERROR)
		why = "the page is lost";
	if (report->is_address_known)
		snprintf(description->text, sizeof(description->text),
			 "%s 0x%llx at instruction 0x%llx: %s", access_word(report->access),
			 (unsigned long long)report->address, (unsigned long long)state->rip, why);
	else
		snprintf(
		    description->text, sizeof(description->text),
		    "a memory access of the instruction at 0x%llx failed, which cannot be decoded",
		    (unsigned long long)state->rip);
}

/* Page faults of the CPU itself happen only beyond user space: what is inside is always mapped for
 * the CPU. */
static void describe_page_fault(const struct vcpu_exit *exit, const struct thread_state *state,
				struct exception_description *description)
{
	struct fault_report report = {1, exit->cr2, FAULT_READ, FAULT_INVALID_ADDRESS};
	if (exit->error_code & PF_FETCH)
		report.access = FAULT_EXECUTE;
	else if (exit->error_code & PF_WRITE)
		report.access = FAULT_WRITE;
	exception_describe_fault(&report, state, description);
}

void exception_describe(const struct vcpu_exit *exit, const struct thread_state *state,
			struct exception_description *description)
{
	if (exit->vector == VECTOR_PF) {
		describe_page_fault(exit, state, description);
		return;
	}
	memset(description, 0, sizeof(*description));
	description->exception = EXCEPTION_BAD_INSTRUCTION;
	description->code = exit->vector;
	description->subcode = exit->error_code;
	description->rip = state->rip;
	const char *text = "an exception this machine does not name";
	if (exit->vector < VECTORS_KNOWN && vectors[exit->vector].text) {
		description->exception = vectors[exit->vector].exception;
		description->code = vectors[exit->vector].code;
		text = vectors[exit->vector].text;
	}
	if (exit->vector == 13 && (exit->error_code & GP_FROM_INT))
		text = "a software interrupt, which nothing answers here";
	snprintf(description->text, sizeof(description->text),
		 "%s at instruction 0x%llx (x86 vector %u, code 0x%x)", text,
		 (unsigned long long)state->rip, exit->vector, exit->error_code);
}
