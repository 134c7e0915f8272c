/*
 * Choosing the NUMA cell that a new task's memory comes from. A cell is only preferred: what does
 * not fit there is taken elsewhere, so that no choice can make a task fail. Pure.
 *
 * Of the cells with processors and with room for the task: the one where memory is that it shares
 * with its parent, which stays where it is; else one whose free huge pages hold the task; the one
 * with the most room left, in steps of an eighth, so that noise decides nothing; the lowest number.
 * Room is what the kernel could give, less what libvirt's guests may still take there and what
 * tasks are promised.
 */
#ifndef PLACEMENT_CELL_H
#define PLACEMENT_CELL_H

#include <stddef.h>
#include <stdint.h>

#define PLACEMENT_CELL_ANY (-1)

struct placement_cell {
	int cell; /* the kernel's number */
	uint32_t processors;
	uint64_t available_bytes;
	uint64_t guests_growth_bytes;
	uint64_t promised_bytes; /* to tasks, and not taken yet */
	uint64_t huge_free_bytes;
};

/*
 * near: the cell with the memory that the task will share, or PLACEMENT_CELL_ANY.
 * Return: a cell, or PLACEMENT_CELL_ANY: there is nothing to choose, or none has room.
 */
int placement_choose_cell(uint64_t need_bytes, const struct placement_cell *cells, size_t count,
			  int near);

#endif
