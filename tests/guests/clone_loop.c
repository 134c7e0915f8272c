/*
 * A guest that clones itself to a node and ends the clone, over and over. One line per round:
 * "clone", or "refused: CODE" when the call failed; after three refusals in a row it says "done"
 * and exits 0. Each child's memory is read from the parent before it ends, so half a child is
 * noticed.
 *
 *   clone_loop NODE [ROUNDS]      (no ROUNDS: until it is refused)
 */
#include <mach/mach.h>
#include <mach/norma.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REFUSALS = 3 };

static const char pattern[] = "what every clone must find";

/* Return: whether the child has the parent's memory, or is gone altogether. */
static int child_is_whole(task_t child, vm_address_t address)
{
	vm_offset_t data = 0;
	mach_msg_type_number_t count = 0;
	int same;

	if (vm_read(child, address, sizeof(pattern), &data, &count) != KERN_SUCCESS)
		return 1; /* its host or process died: that is an error, not half a child */
	same = count == sizeof(pattern) && !memcmp((const void *)data, pattern, count);
	vm_deallocate(mach_task_self(), data, count);
	return same;
}

int main(int argc, char **argv)
{
	int node = argc > 1 ? atoi(argv[1]) : 1;
	long rounds = argc > 2 ? atol(argv[2]) : -1;
	vm_address_t address = 0;
	int refusals = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (vm_allocate(mach_task_self(), &address, 4096, TRUE) != KERN_SUCCESS)
		return 1;
	memcpy((void *)address, pattern, sizeof(pattern));
	while (rounds-- && refusals < MAX_REFUSALS) {
		task_t child = TASK_NULL;
		kern_return_t result = norma_task_clone(mach_task_self(), TRUE, node, &child);

		if (result != KERN_SUCCESS) {
			printf("refused: %s\n", mach_error_string(result));
			refusals++;
			continue;
		}
		refusals = 0;
		if (!child_is_whole(child, address)) {
			printf("WRONG: half a child\n");
			return 3;
		}
		task_terminate(child);
		printf("clone\n");
	}
	printf("done\n");
	return 0;
}
