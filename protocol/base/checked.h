/*
 * Arithmetic on numbers that came from outside: overflow is an answer, never a wrap. Page rounding
 * follows Mach's trunc_page and round_page, except that a wrap is reported.
 */
#ifndef BASE_CHECKED_H
#define BASE_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BYTES 4096u
#define PAGE_SHIFT 12u

/* Return: true and the sum in *ret_sum, or false when a + b does not fit 64 bits. */
static inline bool checked_add_u64(uint64_t a, uint64_t b, uint64_t *ret_sum)
{
	return !__builtin_add_overflow(a, b, ret_sum);
}

static inline uint64_t page_floor(uint64_t address)
{
	return address & ~(uint64_t)(PAGE_BYTES - 1);
}

/* Return: true and the address rounded up to a page, or false when that wraps. */
static inline bool page_ceil(uint64_t address, uint64_t *ret_rounded)
{
	uint64_t sum;

	if (!checked_add_u64(address, PAGE_BYTES - 1, &sum))
		return false;
	*ret_rounded = page_floor(sum);
	return true;
}

static inline bool is_page_aligned(uint64_t address)
{
	return (address & (PAGE_BYTES - 1)) == 0;
}

#endif
