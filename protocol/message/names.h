/*
 * Names of tasks, threads and hosts: 32 bits that say where the thing is, so that any host can
 * forward a call without a lookup. 0 is the null name. A serial comes back only after all others
 * were used.
 *
 *   31 30 | 29..22 | 21..6  | 5..0
 *   kind  | node   | serial | thread index (0 in task names)
 */
#ifndef MESSAGE_NAMES_H
#define MESSAGE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define NAME_MAX_NODE	255
#define NAME_MAX_SERIAL 65535u
#define NAME_THREADS	64u

enum name_kind { NAME_NULL = 0, NAME_TASK = 1, NAME_THREAD = 2, NAME_HOST = 3 };

static inline enum name_kind name_kind(uint32_t name)
{
	return (enum name_kind)(name >> 30);
}

static inline int name_node(uint32_t name)
{
	return (int)((name >> 22) & 0xff);
}

static inline uint32_t name_serial(uint32_t name)
{
	return (name >> 6) & 0xffff;
}

static inline uint32_t name_thread_index(uint32_t name)
{
	return name & 63;
}

static inline uint32_t name_of_task(int node, uint32_t serial)
{
	return (uint32_t)NAME_TASK << 30 | ((uint32_t)node & 0xff) << 22 | (serial & 0xffff) << 6;
}

static inline uint32_t name_of_thread(uint32_t task, uint32_t index)
{
	return (task & 0x3fffffffu) | (uint32_t)NAME_THREAD << 30 | (index & 63);
}

/* Return: the task that a thread belongs to. */
static inline uint32_t name_task_of_thread(uint32_t thread)
{
	return (thread & 0x3fffffc0u) | (uint32_t)NAME_TASK << 30;
}

static inline uint32_t name_of_host(int node)
{
	return (uint32_t)NAME_HOST << 30 | ((uint32_t)node & 0xff) << 22;
}

#endif
