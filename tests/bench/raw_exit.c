/*
 * What one exit costs: `out` from CPL 3 of a bare machine, to user space and back. One sample for
 * each exit, from the return of one KVM_RUN to the return of the next.
 *
 *   raw_exit          rounds are asked for on standard input (see samples.h)
 */
#include <sys/mman.h>

#include "raw_vm.h"
#include "samples.h"

enum { MEMORY_BYTES = 2 << 20, WARM_UP = 1000 };

static void measure(void *context, unsigned long rounds)
{
	const struct raw_vm *vm = context;
	double *us = calloc(rounds, sizeof(*us));
	uint64_t before;

	if (!us)
		fatal("no memory for %lu samples", rounds);
	for (int i = 0; i < WARM_UP; i++)
		raw_vm_run(vm);
	before = samples_now_ns();
	for (unsigned long i = 0; i < rounds; i++) {
		uint64_t now;

		raw_vm_run(vm);
		now = samples_now_ns();
		us[i] = samples_us(before, now);
		before = now;
	}
	for (unsigned long i = 0; i < rounds; i++)
		printf("%.3f\n", us[i]);
	free(us);
}

int main(void)
{
	uint8_t *memory =
	    mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct raw_host host;
	struct raw_vm vm;

	if (memory == MAP_FAILED)
		fatal("no memory");
	raw_vm_write_code(memory);
	raw_host_open(&host);
	raw_vm_open(&vm, &host);
	raw_vm_set_memory(&vm, memory, MEMORY_BYTES);
	raw_vm_start(&vm, RAW_VM_EXITS, 0, 0);
	samples_serve(measure, &vm);
	return 0;
}
