/*
 * The reference model: what Mach's calls mean for maps, memory and inheritance, said as plainly as
 * possible. A task is an array of pages; a page refers to a cell of bytes; to share is to refer to
 * the same cell, to copy is to make another. It shares no code with the product and makes no call.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "operation.h"

enum {
	PAGE = 4096,
	WINDOW_PAGES = 64, /* what sequences aim at */
	MODEL_PAGES = 160, /* what may fill up by calls that look for room themselves */
	MAX_NODES = 8,
};

/* The user range of a task; the window begins with it. */
#define MODEL_START 0x10000ul
#define MODEL_END   0x2000000000ul

struct cell {
	unsigned int references;
	uint8_t bytes[PAGE];
};

struct page {
	struct cell *cell; /* NULL: not allocated, and all else is 0 */
	vm_prot_t protection;
	vm_prot_t max_protection;
	vm_inherit_t inheritance;
	vm_behavior_t behavior;
	bool is_shared; /* was ever shared with another task, or mapped again */
};

struct model_task {
	bool is_alive;
	int node;
	struct page pages[MODEL_PAGES];
};

struct model {
	int nodes;		 /* in the table */
	bool is_away[MAX_NODES]; /* in the table, but perhaps not there yet */
	struct model_task tasks[SLOTS];
};

/*
 * Makes the call in the model. `real` is what the real system answered: it decides only what Mach
 * leaves open, which is where a call that looks for room itself puts a region.
 * Return: what the call must return. *ret_expected has the results to compare; its bytes, for a
 * vm_read that succeeds, are in a buffer that the next call overwrites.
 */
kern_return_t model_perform(struct model *model, const struct operation *operation,
			    const struct outcome *real, struct outcome *ret_expected);

/* The page that holds address, NULL when it is not allocated. */
struct page *model_page(struct model_task *task, uint64_t address);

/* Is all of a new region among the model's pages? If not, the real one must be given back. */
bool model_keeps(uint64_t start, uint64_t size);

/* Ends all tasks. */
void model_clear(struct model *model);

/* ---- between the model's files ---- */

kern_return_t model_memory_call(struct model *model, const struct operation *operation,
				const struct outcome *real, struct outcome *expected);
kern_return_t model_region_call(struct model *model, const struct operation *operation,
				const struct outcome *real, struct outcome *expected);

uint64_t page_down(uint64_t address);
/* All pages that hold a byte of the range. Return: false when its end wraps. */
bool page_range(uint64_t address, uint64_t size, uint64_t *start, uint64_t *end);
/* May all bytes be accessed so, or else what stops it first? With `want` 0 only holes do. */
kern_return_t model_access(struct model_task *task, uint64_t address, uint64_t size,
			   vm_prot_t want);
/* The place of a page that may not be allocated, but is the model's. */
struct page *model_page_there(struct model_task *task, uint64_t address);

void page_clear(struct page *page);
void page_set_new(struct page *page);
/* Makes `to` refer to the memory of `from`, with its attributes. */
void page_set_shared(struct page *to, struct page *from);
void page_set_copy(struct page *to, const struct page *from);

#endif
