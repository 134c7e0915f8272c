/*
 * Sentences for return codes.
 */
#ifndef MACH_MACH_ERROR_H
#define MACH_MACH_ERROR_H

#include <mach/kern_return.h>

/*
 * Describes a return code in general terms. A client gets the exact reason of its last failure from
 * norma_last_error().
 * Return: a constant string, never NULL, also for codes that do not exist.
 */
const char *mach_error_string(kern_return_t code);

#endif
