/*
 * What a child has from its parent besides memory, for children of every kind of call.
 */
#ifndef CONFORMANCE_PROPERTIES_H
#define CONFORMANCE_PROPERTIES_H

#include <mach/mach.h>

/* Sets every property of a task to something that is not the default. */
void properties_set(task_t task);
/* The child has what properties_set made of the parent. */
void bootstrap_is_inherited(task_t child);
void registered_are_inherited(task_t child);
void exception_hold_is_inherited(task_t child);
void scheduling_is_inherited(task_t parent, task_t child);
/* No threads, suspend count 0. */
void is_idle_and_not_suspended(task_t task);

#endif
