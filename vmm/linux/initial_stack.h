/*
 * The stack a Linux program finds at its first instruction: argc, argv, envp, the auxiliary vector
 * and the strings they point to (System V ABI, x86-64 supplement 3.4.1). Pure.
 */
#ifndef LINUX_INITIAL_STACK_H
#define LINUX_INITIAL_STACK_H

#include <stddef.h>
#include <stdint.h>

#include "elf_plan.h"

#define INITIAL_STACK_RANDOM_BYTES 16
/* As Linux limits a single execve on a default stack: a quarter of 8 MiB. */
#define INITIAL_STACK_BYTES_MAX	  (2u << 20)
#define INITIAL_STACK_STRINGS_MAX 65536

struct initial_stack_input {
	const char *const *arguments;	/* NULL-terminated, at least one */
	const char *const *environment; /* NULL-terminated */
	const struct elf_plan *plan;
	uint8_t random[INITIAL_STACK_RANDOM_BYTES];
	uint64_t hwcap;
	uint64_t hwcap2;
	uint64_t clock_ticks_per_second;
};

/* Write the stack into buffer[bytes], whose last byte is at guest address top - 1 (top 16-byte
 * aligned). Return: 0 and *ret_rsp, -E2BIG if it does not fit, -EINVAL without arguments[0]. */
int initial_stack_build(const struct initial_stack_input *input, uint8_t *buffer, size_t bytes,
			uint64_t top, uint64_t *ret_rsp);

#endif
