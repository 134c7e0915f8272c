/*
 * From a member to the struct that embeds it.
 */
#ifndef SERVICE_CONTAINER_H
#define SERVICE_CONTAINER_H

#include <stddef.h>

#define CONTAINER(pointer, type, member)                                                           \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
