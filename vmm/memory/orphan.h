/*
 * A fork whose child is not this process's child: its parent ends at once, so that it belongs to
 * whoever takes orphans (PR_SET_CHILD_SUBREAPER: norma-hostd), is reaped there and outlives this
 * process.
 */
#ifndef MEMORY_ORPHAN_H
#define MEMORY_ORPHAN_H

/* The stack on which the child's only thread runs; the child's for good, the parent's to free. */
#define ORPHAN_STACK_BYTES (256u << 10)

typedef void (*orphan_child_fn)(void *context) __attribute__((noreturn));

/* Return: the lowest address of a stack with a guard page, or NULL without memory. */
void *orphan_stack_new(void);
/* NULL is fine. */
void orphan_stack_free(void *stack);

/*
 * Forks; the child calls child(context) on that stack, with this thread as its only one. As fork(3)
 * does it, malloc and stdio can be used there; locks of our own are as other threads left them.
 * Return: 0 with a descriptor of the process, already an orphan, in *ret_pidfd; -errno and there is
 * no child.
 */
int orphan_fork(void *stack, orphan_child_fn child, void *context, int *ret_pidfd);

#endif
