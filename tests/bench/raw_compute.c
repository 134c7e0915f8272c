/*
 * What computing loses in a bare machine: a fixed number of rounds that touch no memory, there and
 * on the host by turns. Where the machine is itself a guest, every tick of the host's clock is an
 * exit.
 *
 *   raw_compute       rounds are asked for on standard input (see samples.h); each is a line:
 *                     microseconds in the machine, microseconds on the host
 */
#include <sys/mman.h>

#include "raw_vm.h"
#include "samples.h"

enum { MEMORY_BYTES = 2 << 20, ROUNDS = 6000000 };

struct measurement {
	struct raw_vm vm;
	const uint8_t *code;
};

static void measure(void *context, unsigned long rounds)
{
	const struct measurement *measurement = context;

	while (rounds--) {
		uint64_t begin, between;

		raw_vm_start(&measurement->vm, RAW_VM_COMPUTES, 0, ROUNDS);
		begin = samples_now_ns();
		raw_vm_run(&measurement->vm);
		between = samples_now_ns();
		raw_vm_compute_here(measurement->code, ROUNDS);
		printf("%.1f %.1f\n", samples_us(begin, between),
		       samples_us(between, samples_now_ns()));
	}
}

int main(void)
{
	struct measurement measurement;
	struct raw_host host;
	uint8_t *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fatal("no memory");
	raw_vm_write_code(memory);
	measurement.code = memory;
	raw_host_open(&host);
	raw_vm_open(&measurement.vm, &host);
	raw_vm_set_memory(&measurement.vm, memory, MEMORY_BYTES);
	samples_serve(measure, &measurement);
	return 0;
}
