/*
 * What differs between a conformance program built as a guest and as a client: where the first
 * task comes from. Everything else is the same source.
 */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include <mach/mach.h>

/* Return: a task of ours to make children of. Ends the program with a sentence on failure. */
task_t harness_begin(int argc, char **argv);
/* Leaves nothing behind. */
void harness_end(void);

#endif
