/*
 * A thread's integer registers as messages carry them (x86_THREAD_STATE64).
 */
#ifndef TASK_THREAD_WIRE_H
#define TASK_THREAD_WIRE_H

#include "thread_state.h"
#include "wire/wire.h"

void thread_state_encode(struct wire_writer *writer, const struct thread_state *state);
/* Flags that are not the program's to choose are dropped. Return: 0, -EINVAL (its length). */
int thread_state_decode(struct wire_span span, struct thread_state *ret_state);

#endif
