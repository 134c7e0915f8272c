/*
 * Choosing a node by figures.
 *
 * What a task needs: a child elsewhere may come to hold a copy of every page that its parent has,
 * so it counts with the parent's resident size; a child here counts with what it will not share.
 * Both with what its VMM takes.
 *
 * Which node: the CPU must suffice and the memory must be there. Room is what the kernel says is
 * available, less what libvirt's guests may still take, and no more than control groups and the
 * configuration leave. Of the nodes that have room, in this order: one with less than a task to run
 * for each processor; one whose free huge pages hold the task; the one with the most room left, in
 * steps of an eighth, so that noise decides nothing; the least loaded; this node; the lowest
 * number.
 */
#ifndef PLACEMENT_PLACEMENT_H
#define PLACEMENT_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACEMENT_NO_LIMIT  UINT64_MAX
#define PLACEMENT_WHY_BYTES 160
#define PLACEMENT_VMM_BYTES (UINT64_C(4) << 20) /* process, page tables, KVM: rounded up */

struct placement_need {
	uint64_t here_bytes, elsewhere_bytes;
};

struct placement_node {
	int node;
	bool is_here;
	const char *refusal; /* why it is out of the question (down, CPU); NULL: it is not */
	uint64_t available_bytes;
	uint64_t guests_growth_bytes; /* what libvirt's guests may take beyond what they hold */
	uint64_t group_left_bytes;    /* control groups; PLACEMENT_NO_LIMIT */
	uint64_t config_left_bytes;   /* the configuration's limit; PLACEMENT_NO_LIMIT */
	uint64_t huge_free_bytes;
	uint32_t processors;
	uint32_t load_hundredths;
	uint32_t tasks_left; /* by the limit of tasks */
};

/* Return: the memory that a task may use there. */
uint64_t placement_room(const struct placement_node *node);

/* Return: the index of the node, or -1 when there is none. */
int placement_choose(const struct placement_need *need, const struct placement_node *nodes,
		     size_t count);

/* Why a node cannot take the task, with the figures. Return: `text`; empty when it can. */
const char *placement_why_not(const struct placement_need *need, const struct placement_node *node,
			      char text[PLACEMENT_WHY_BYTES]);

#endif
