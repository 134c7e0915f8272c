/*
 * What differs between a conformance program built as a guest and as a client: where the first
 * task comes from, and what Mach's calls do not tell. Everything else is the same source.
 */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include <stdint.h>

#include <mach/mach.h>

/* "guest" or "client", as the lines of the results say. */
extern const char harness_name[];

/* Return: a task of ours to make children of. Ends the program with a sentence on failure. */
task_t harness_begin(int argc, char **argv);
/* Leaves nothing behind. */
void harness_end(void);

/* How many living tasks a node has. Return: KERN_SUCCESS or why it cannot be told. */
kern_return_t harness_task_count(int node, unsigned int *ret_count);
/* How many pages a node's pager gave up because another node wanted to write them. */
kern_return_t harness_invalidations(int node, uint64_t *ret_count);

#endif
