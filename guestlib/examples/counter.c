/*
 * counter [COUNT [MILLISECONDS]]: counts in memory and says so, for trying out clone, list and read
 * on a task that runs: the word is at the printed address.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <mach/mach.h>

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 10;
	long milliseconds = argc > 2 ? atol(argv[2]) : 100;
	struct timespec pause = {
	    .tv_sec = milliseconds / 1000,
	    .tv_nsec = milliseconds % 1000 * 1000000,
	};
	task_t self = mach_task_self();
	vm_address_t address = 0;
	uint64_t *word;
	kern_return_t result = vm_allocate(self, &address, sizeof(*word), TRUE);

	if (result != KERN_SUCCESS) {
		fprintf(stderr, "counter: vm_allocate: %s\n", mach_error_string(result));
		return 1;
	}
	word = (uint64_t *)address;
	printf("task %#x counts at %p\n", self, (void *)word);
	while (*word < (uint64_t)count) {
		++*word;
		printf("%lu\n", (unsigned long)*word);
		fflush(stdout);
		nanosleep(&pause, NULL);
	}
	return 0;
}
