/*
 * What happened to a thread, in Mach's words (mach/exception.h): the content of an exception
 * message. Pure functions.
 */
#ifndef MACHINE_EXCEPTION_H
#define MACHINE_EXCEPTION_H

#include <stdint.h>

#include "fault.h"
#include "thread_state.h"
#include "vcpu.h"

enum exception_type {
	EXCEPTION_BAD_ACCESS = 1,      /* code: kern_return_t; subcode: the address */
	EXCEPTION_BAD_INSTRUCTION = 2, /* codes below; subcode: the CPU's error code */
	EXCEPTION_ARITHMETIC = 3,
	EXCEPTION_EMULATION = 4,
	EXCEPTION_SOFTWARE = 5,
	EXCEPTION_BREAKPOINT = 6,
};

/* Codes of Mach's i386 port (mach/i386/exception.h). */
#define EXCEPTION_I386_INVOP	 1
#define EXCEPTION_I386_DIV	 1
#define EXCEPTION_I386_INTO	 2
#define EXCEPTION_I386_EXTERR	 5
#define EXCEPTION_I386_SSEEXTERR 8
#define EXCEPTION_I386_SGL	 1
#define EXCEPTION_I386_BPT	 2
#define EXCEPTION_I386_SEGNP	 9
#define EXCEPTION_I386_STKFLT	 12
#define EXCEPTION_I386_GPFLT	 13
#define EXCEPTION_I386_ALIGNFLT	 17

#define EXCEPTION_TEXT_BYTES 160

struct exception_description {
	int exception; /* enum exception_type */
	int64_t code;
	int64_t subcode;
	uint8_t is_address_known;
	uint64_t address;
	uint64_t rip;
	char text[EXCEPTION_TEXT_BYTES]; /* one sentence for people */
};

/* Describe a VCPU_EXIT_EXCEPTION of a thread in this state. */
void exception_describe(const struct vcpu_exit *exit, const struct thread_state *state,
			struct exception_description *description);

/* Describe an explained fault. */
void exception_describe_fault(const struct fault_report *report, const struct thread_state *state,
			      struct exception_description *description);

#endif
