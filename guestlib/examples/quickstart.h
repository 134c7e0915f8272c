/*
 * The demonstration's memory: three regions with three inheritances, and one page set through which
 * parent and child talk. Everything in it that both sides use is atomic.
 */
#ifndef EXAMPLES_QUICKSTART_H
#define EXAMPLES_QUICKSTART_H

#include <mach/mach.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define QUICKSTART_PAGE_BYTES	 4096u
#define QUICKSTART_REGION_COUNT	 3
#define QUICKSTART_INCREMENTS	 1000000u
#define QUICKSTART_MESSAGES	 2000u
#define QUICKSTART_MESSAGE_WORDS 8

/* A page of a region. The first and the last word never change after they were filled in. */
struct page {
	uint64_t pattern;
	_Atomic uint64_t parent_mark;
	_Atomic uint64_t child_mark;
	_Atomic uint64_t counter; /* used in a region's first page */
	uint64_t unused[507];
	uint64_t pattern_end;
};
_Static_assert(sizeof(struct page) == QUICKSTART_PAGE_BYTES, "one page");

struct region {
	const char *name;
	vm_inherit_t inheritance;
	uint32_t page_count;
	struct page *pages; /* pages[page_count] */
};

/* What the child found in a region. */
struct seen {
	_Atomic uint32_t new_marks; /* pages with what the parent wrote after the call */
	_Atomic uint32_t old_marks; /* pages with what was there before the call */
	_Atomic uint32_t broken;    /* pages with anything else */
};

/* One direction of the message exchange, on a page of its own. Data is written before sequence. */
struct mailbox {
	uint64_t data[QUICKSTART_MESSAGE_WORDS];
	_Atomic uint64_t sequence;
} __attribute__((aligned(4096)));

/* What parent and child say to each other: in memory that every child shares. */
struct visit {
	uint64_t old_mark, new_mark;
	bool is_present[QUICKSTART_REGION_COUNT]; /* what the child may touch */
	bool is_working;			  /* it counts and answers messages too */
	_Atomic uint64_t has_started, may_go, is_done;
	struct seen seen[QUICKSTART_REGION_COUNT];
	_Atomic uint32_t wrong_messages;
	struct mailbox to_child, to_parent;
	/* How far each is with its increments: neither begins with a region before the other. */
	_Atomic uint64_t parent_step __attribute__((aligned(4096)));
	_Atomic uint64_t child_step __attribute__((aligned(4096)));
};

/* The parent's second thread counts in `total`, and the child adds to it. */
struct ticker {
	_Atomic uint64_t total;
	_Atomic uint64_t own; /* what that thread added itself, when has_stopped */
	_Atomic uint64_t must_stop, has_stopped;
};

/* Pointers into memory with VM_INHERIT_SHARE; the pointers themselves are inherited as well. */
extern struct region quickstart_regions[QUICKSTART_REGION_COUNT];
extern struct visit *quickstart_visit;
extern struct ticker *quickstart_ticker;

/* Entries of threads. */
void quickstart_child_main(void *unused);
void quickstart_ticker_main(void *unused);

/* What parent and child do at the same time: they count in the first page of every region. */
void quickstart_increment(_Atomic uint64_t *own_step, const _Atomic uint64_t *other_step);
/* Makes and fills regions, visit and ticker; ends the program when it cannot. */
void quickstart_make_memory(void);
/* Ends the program with a sentence when a call failed. */
void quickstart_check(kern_return_t result, const char *what);
/* Waits until another thread has set the word to `value`, or ends the program after a minute. */
void quickstart_wait(const _Atomic uint64_t *word, uint64_t value, const char *what);
/* Starts a thread of a task; each `which` (0, 1) has a stack of its own. */
void quickstart_start(task_t task, void (*entry)(void *), int which);

/* Return: the word that page `index` of a region is filled with. */
uint64_t quickstart_pattern(const struct region *region, uint32_t index);
/* Return: nanoseconds of CLOCK_REALTIME, which both hosts of one machine share. */
uint64_t quickstart_now_ns(void);
/* Lets a spinning thread wait a little without libc: other threads may need the CPU. */
void quickstart_relax(void);

#endif
