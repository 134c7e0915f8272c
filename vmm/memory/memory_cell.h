/*
 * The NUMA cell that a task's memory comes from while it has some (MPOL_PREFERRED); hostd chooses
 * it. Two kinds of memory, two ways to say it: pages that a thread of this process takes follow the
 * thread's policy, so each thread has to adopt it; pages of an attached object that the pager fills
 * follow the object's. Pages that exist stay where they are.
 */
#ifndef MEMORY_CELL_H
#define MEMORY_CELL_H

#include <stddef.h>

#define MEMORY_CELL_ANY (-1)
#define MEMORY_CELL_MAX 1023

/* The calling thread takes memory from that cell from now on; costs nothing when it does already.
 * Return: 0, -errno (-EINVAL: this process may not use the cell). */
int memory_cell_follow(int cell);

/* The object that is mapped at these addresses gets its pages from that cell, unless it has been
 * told where from. Without effect where the kernel refuses: it is only a preference. */
void memory_cell_prefer(int cell, void *address, size_t bytes);

#endif
