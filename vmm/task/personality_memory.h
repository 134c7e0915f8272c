/*
 * The memory callbacks of the Linux personality (linux_host.h); context is the struct task.
 */
#ifndef TASK_PERSONALITY_MEMORY_H
#define TASK_PERSONALITY_MEMORY_H

#include "linux_host.h"

int64_t personality_map(void *context, const struct linux_map_request *request);
int personality_unmap(void *context, uint64_t address, uint64_t bytes);
int personality_protect(void *context, uint64_t address, uint64_t bytes, int protection);
int personality_discard(void *context, uint64_t address, uint64_t bytes);

#endif
