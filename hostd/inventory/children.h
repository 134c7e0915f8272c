/*
 * The memory that this process's children hold: VMMs and the pager. Memory of tasks is in memfds,
 * which several of them may have open; each counts once, with the process that has the lowest
 * number, but with the pager only when no VMM has it. Private memory is what the kernel counts as
 * anonymous: a fork's pages count in both until one of them is written, so the sum is never too
 * small. What the kernel itself needs (page tables, KVM) is not in it.
 */
#ifndef INVENTORY_CHILDREN_H
#define INVENTORY_CHILDREN_H

#include <sys/types.h>

#include "snapshot.h"

/*
 * Finds and counts the children of `parent`. Rows are for free(3), NULL when there are none.
 * Return: 0, -ENOMEM, -errno when /proc cannot be read. A child that ends meanwhile counts with
 * what was seen of it.
 */
int children_read(const char *root, pid_t parent, struct snapshot_children *ret_children,
		  struct snapshot_child **ret_rows);

/* Return: what one process holds, whoever else has it too; 0 when there is no such process. */
uint64_t process_memory_read(const char *root, pid_t pid);

#endif
