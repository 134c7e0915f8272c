/*
 * Scope-bound release of the resources that every program here handles: file descriptors, heap
 * blocks and mappings. Declare with the attribute first, hand over with take_fd()/take_ptr().
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_free(void *ptr)
{
	free(*(void **)ptr);
}

#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))
#define _cleanup_free_	__attribute__((cleanup(cleanup_free)))

/* Hands a descriptor over: the variable no longer owns it. Return: the descriptor. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Hands a heap block over: the variable no longer owns it. */
#define take_ptr(ptr)                                                                              \
	({                                                                                         \
		__typeof__(ptr) taken_ = (ptr);                                                    \
		(ptr) = NULL;                                                                      \
		taken_;                                                                            \
	})

#endif
