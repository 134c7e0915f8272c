/*
 * Runs a whole Linux program in a machine for the tests: a page table of flags over plain anonymous
 * memory stands for the address map, two buffers for the console.
 */
#ifndef TESTS_LINUX_HARNESS_H
#define TESTS_LINUX_HARNESS_H

#include "linux_program.h"
#include "linux_task.h"
#include "machine_harness.h"

#define LINUX_HARNESS_OUTPUT_BYTES 65536
/* The part of user space the harness hands out: enough for small programs. */
#define LINUX_HARNESS_PAGES (UINT64_C(0x40000000) / 4096)

struct linux_harness {
	struct harness *harness;
	struct linux_host host;
	uint8_t pages[LINUX_HARNESS_PAGES]; /* protection | PAGE_IS_MAPPED */
	char output[LINUX_HARNESS_OUTPUT_BYTES];
	size_t output_bytes;
	const char *input;
	size_t input_bytes;
	struct linux_task task;
	struct linux_thread thread;
	uint32_t syscall_count;
	char why[ELF_WHY_BYTES];
};

struct linux_harness_run {
	int load_error; /* 0 or -errno; why says the rest */
	struct linux_outcome outcome;
	struct vcpu_exit last_exit; /* if it was no system call */
};

void linux_harness_init(struct linux_harness *linux_harness, struct harness *harness);

/* Load the file at path and run it to its end; a thread that stops for another reason than a system
 * call ends the run with outcome LINUX_CONTINUE. */
struct linux_harness_run linux_harness_program(struct linux_harness *linux_harness,
					       const char *path, const char *const *arguments);

#endif
