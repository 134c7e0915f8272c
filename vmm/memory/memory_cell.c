/*
 * The system calls themselves: libnuma would be one more library in each process for two of them.
 */
#include "memory_cell.h"

#include <errno.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORD_BITS  (sizeof(unsigned long) * CHAR_BIT)
#define MASK_WORDS ((MEMORY_CELL_MAX + 1) / WORD_BITS)

/* The kernel takes the number of bits plus one. */
#define MASK_BITS (MEMORY_CELL_MAX + 2ul)

struct cell_mask {
	unsigned long words[MASK_WORDS];
};

static struct cell_mask mask_of(int cell)
{
	struct cell_mask mask = {0};

	mask.words[(unsigned int)cell / WORD_BITS] = 1ul << (unsigned int)cell % WORD_BITS;
	return mask;
}

static long set_policy(int cell)
{
	struct cell_mask mask;

	if (cell == MEMORY_CELL_ANY)
		return syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0ul);
	mask = mask_of(cell);
	return syscall(SYS_set_mempolicy, MPOL_PREFERRED, mask.words, MASK_BITS);
}

int memory_cell_follow(int cell)
{
	static _Thread_local int followed = MEMORY_CELL_ANY;

	if (followed == cell)
		return 0;
	followed = cell; /* a kernel that refuses is not asked again */
	return set_policy(cell) < 0 ? -errno : 0;
}

void memory_cell_prefer(int cell, void *address, size_t bytes)
{
	struct cell_mask mask;
	int mode;

	if (cell == MEMORY_CELL_ANY)
		return;
	if (syscall(SYS_get_mempolicy, &mode, NULL, 0ul, address, (unsigned long)MPOL_F_ADDR) < 0 ||
	    mode != MPOL_DEFAULT)
		return;
	mask = mask_of(cell);
	syscall(SYS_mbind, address, bytes, MPOL_PREFERRED, mask.words, MASK_BITS, 0u);
}
