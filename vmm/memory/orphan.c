/*
 * The process in the middle shares our memory and descriptors (as vfork's child does, on a stack of
 * its own), so that making it costs no copy of page tables: only its child's fork does. clone's
 * CLONE_PARENT would give the child away too, but only glibc's fork() keeps the allocator in order
 * in a process with threads, and it takes no flags.
 */
#include "orphan.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_BYTES 4096u

struct orphan {
	orphan_child_fn child;
	void *context;
	int pidfd; /* or -errno */
};

void *orphan_stack_new(void)
{
	uint8_t *stack = mmap(NULL, ORPHAN_STACK_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (stack == MAP_FAILED)
		return NULL;
	if (mprotect(stack, GUARD_BYTES, PROT_NONE) < 0) {
		munmap(stack, ORPHAN_STACK_BYTES);
		return NULL;
	}
	return stack;
}

void orphan_stack_free(void *stack)
{
	if (stack)
		munmap(stack, ORPHAN_STACK_BYTES);
}

/* errno is our maker's as well, which waits meanwhile. */
static int middle(void *argument)
{
	struct orphan *orphan = argument;
	pid_t pid = fork();

	if (pid == 0)
		orphan->child(orphan->context);
	if (pid > 0) {
		/* Nobody else can reap it before we end: the number is its own. */
		orphan->pidfd = pidfd_open(pid, 0);
		if (orphan->pidfd < 0) {
			orphan->pidfd = -errno;
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
	} else {
		orphan->pidfd = -errno;
	}
	_exit(0);
}

int orphan_fork(void *stack, orphan_child_fn child, void *context, int *ret_pidfd)
{
	struct orphan orphan = {.child = child, .context = context, .pidfd = -EAGAIN};
	int pid = clone(middle, (uint8_t *)stack + ORPHAN_STACK_BYTES,
			CLONE_VM | CLONE_VFORK | CLONE_FILES, &orphan);

	if (pid < 0)
		return -errno;
	/* Once it is reaped its child has its new parent. It does nothing that could take long. */
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	if (orphan.pidfd < 0)
		return orphan.pidfd;
	*ret_pidfd = orphan.pidfd;
	return 0;
}
