/*
 * The memory of a bare machine that takes times of its own: code, times, and the pages that it
 * touches, each RAW_VM_TIMED_STRIDE_PAGES from the next. What times are taken of is the caller's.
 */
#ifndef BENCH_RAW_TIMED_H
#define BENCH_RAW_TIMED_H

#include <stddef.h>
#include <stdint.h>

enum { RAW_PAGE_BYTES = 4096, RAW_TIMED_MAX = 100000 };

struct raw_timed {
	uint64_t count, first_page;
	size_t bytes;
	uint8_t *memory; /* what the machine gets */
	uint8_t *alias;	 /* the same memory mapped once more, if it is shared */
};

enum raw_timed_kind { RAW_TIMED_PRIVATE, RAW_TIMED_SHARED };

/* Room for `count` times and as many pages; nothing but the code is in memory. */
void raw_timed_init(struct raw_timed *timed, uint64_t count, enum raw_timed_kind kind);

/* Where page `index` of those that are touched begins, in bytes of the memory. */
size_t raw_timed_page(const struct raw_timed *timed, uint64_t index);

/* Watches the pages with a new userfaultfd. Return: the descriptor, without O_NONBLOCK. */
int raw_timed_watch(const struct raw_timed *timed, uint64_t modes);

/* What the machine has written: one for each page, or each turn. */
const uint64_t *raw_timed_ticks(const struct raw_timed *timed);

/* How many ticks of the time stamp counter there are in a microsecond; takes 20 ms. */
double raw_ticks_per_us(void);

#endif
