/*
 * clone [NODE [ROUNDS]]: makes a clone of itself on another node, starts a thread there, and both
 * add to one word of memory at the same time with locked instructions. The exit status is 0 when no
 * addition was lost.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <norma_guest.h>

enum { DEADLINE_SECONDS = 60 };

/* One page of its own for what both tasks write. */
static struct {
	_Atomic uint64_t counter;
	_Atomic uint32_t is_done;
	uint64_t rounds;
} shared __attribute__((aligned(4096)));

static void add_rounds(void)
{
	for (uint64_t i = 0; i < shared.rounds; i++)
		atomic_fetch_add(&shared.counter, 1);
}

static void child_thread(void *argument)
{
	(void)argument;
	add_rounds();
	atomic_store(&shared.is_done, 1);
}

static int check(kern_return_t result, const char *what)
{
	if (result != KERN_SUCCESS)
		fprintf(stderr, "clone: %s: %s\n", what, mach_error_string(result));
	return result == KERN_SUCCESS;
}

/* Memory is all that the two tasks share, so the end is awaited there. Return: 1 when it came. */
static int await_child(void)
{
	time_t deadline = time(NULL) + DEADLINE_SECONDS;

	while (!atomic_load(&shared.is_done)) {
		struct timespec pause = {.tv_nsec = 1000000};

		if (time(NULL) > deadline)
			return 0;
		nanosleep(&pause, NULL);
	}
	return 1;
}

static int count_together(task_t self, task_t child)
{
	vm_address_t stack = 0;
	thread_act_t thread;

	/* Allocated after the clone was made: this is the child's alone. */
	if (!check(vm_allocate(child, &stack, NORMA_THREAD_STACK_BYTES, TRUE), "vm_allocate") ||
	    !check(norma_thread_start(child, child_thread, NULL,
				      (void *)(stack + NORMA_THREAD_STACK_BYTES), &thread),
		   "norma_thread_start"))
		return 0;
	add_rounds();
	if (!await_child()) {
		fprintf(stderr, "clone: the thread in task %#x did not finish\n", child);
		return 0;
	}
	printf("task %#x and its clone %#x counted to %lu, expected %lu\n", self, child,
	       (unsigned long)shared.counter, (unsigned long)(2 * shared.rounds));
	return shared.counter == 2 * shared.rounds;
}

int main(int argc, char **argv)
{
	task_t self = mach_task_self(), child;
	int node, is_right;

	if (!check(norma_node_self(mach_host_self(), &node), "norma_node_self"))
		return 1;
	if (argc > 1)
		node = atoi(argv[1]);
	shared.rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 10000;
	if (!check(norma_task_clone(self, TRUE, node, &child), "norma_task_clone"))
		return 1;
	is_right = count_together(self, child);
	return check(task_terminate(child), "task_terminate") && is_right ? 0 : 1;
}
