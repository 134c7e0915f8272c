/*
 * Exceptions of a thread, by number.
 */
#ifndef MACH_EXCEPTION_H
#define MACH_EXCEPTION_H

typedef int exception_type_t;

#define EXC_BAD_ACCESS	    1 /* the code is a kern_return_t */
#define EXC_BAD_INSTRUCTION 2
#define EXC_ARITHMETIC	    3
#define EXC_EMULATION	    4
#define EXC_SOFTWARE	    5
#define EXC_BREAKPOINT	    6

#endif
