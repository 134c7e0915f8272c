/*
 * Mach's truth values.
 */
#ifndef MACH_BOOLEAN_H
#define MACH_BOOLEAN_H

typedef int boolean_t;

#define FALSE ((boolean_t)0)
#define TRUE  ((boolean_t)1)

#endif
