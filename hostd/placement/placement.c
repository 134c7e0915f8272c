/*
 * The rules of the header, in its order.
 */
#include "placement/placement.h"

#include <stdio.h>

#define MIB		 (UINT64_C(1) << 20)
#define HUNDREDTHS	 100u
#define ROOM_STEPS_SHIFT 3 /* rooms within an eighth of each other count as equal */

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t available(const struct placement_node *node)
{
	return node->available_bytes > node->guests_growth_bytes
		   ? node->available_bytes - node->guests_growth_bytes
		   : 0;
}

uint64_t placement_room(const struct placement_node *node)
{
	return lesser(available(node), lesser(node->group_left_bytes, node->config_left_bytes));
}

static uint64_t needed_bytes(const struct placement_need *need, const struct placement_node *node)
{
	return node->is_here ? need->here_bytes : need->elsewhere_bytes;
}

static bool can_take(const struct placement_need *need, const struct placement_node *node)
{
	return !node->refusal && node->tasks_left &&
	       placement_room(node) >= needed_bytes(need, node);
}

static bool is_busy(const struct placement_node *node)
{
	return node->load_hundredths >= node->processors * HUNDREDTHS;
}

/* Compares a / b with c / d without dividing. Return: < 0, 0, > 0. */
static int compare_ratios(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t left = a * d, right = c * b;

	return left < right ? -1 : left > right;
}

static bool is_better(const struct placement_need *need, const struct placement_node *a,
		      const struct placement_node *b)
{
	uint64_t room_a = placement_room(a) - needed_bytes(need, a);
	uint64_t room_b = placement_room(b) - needed_bytes(need, b);
	uint64_t step = (room_a > room_b ? room_a : room_b) >> ROOM_STEPS_SHIFT;
	bool huge_a = a->huge_free_bytes >= needed_bytes(need, a);
	bool huge_b = b->huge_free_bytes >= needed_bytes(need, b);
	int load =
	    compare_ratios(a->load_hundredths, a->processors, b->load_hundredths, b->processors);

	if (is_busy(a) != is_busy(b))
		return is_busy(b);
	if (huge_a != huge_b)
		return huge_a;
	if (room_a > room_b + step || room_b > room_a + step)
		return room_a > room_b;
	if (load)
		return load < 0;
	if (a->is_here != b->is_here)
		return a->is_here;
	return a->node < b->node;
}

int placement_choose(const struct placement_need *need, const struct placement_node *nodes,
		     size_t count)
{
	int best = -1;

	for (size_t i = 0; i < count; i++)
		if (can_take(need, &nodes[i]) &&
		    (best < 0 || is_better(need, &nodes[i], &nodes[best])))
			best = (int)i;
	return best;
}

/* What leaves the least room: where to look for more. */
static const char *tightest(const struct placement_node *node)
{
	uint64_t room = placement_room(node);

	if (room == node->config_left_bytes)
		return "left under [limits] memory_bytes";
	if (room == node->group_left_bytes)
		return "left in its control group";
	return node->guests_growth_bytes ? "left beside libvirt's guests" : "of memory left";
}

const char *placement_why_not(const struct placement_need *need, const struct placement_node *node,
			      char text[PLACEMENT_WHY_BYTES])
{
	text[0] = 0;
	if (can_take(need, node))
		return text;
	if (node->refusal)
		snprintf(text, PLACEMENT_WHY_BYTES, "node %d: %s", node->node, node->refusal);
	else if (!node->tasks_left)
		snprintf(text, PLACEMENT_WHY_BYTES,
			 "node %d: it has as many tasks as [limits] tasks allows", node->node);
	else
		snprintf(text, PLACEMENT_WHY_BYTES, "node %d: %llu MiB %s, %llu MiB needed",
			 node->node, (unsigned long long)(placement_room(node) / MIB),
			 tightest(node),
			 (unsigned long long)((needed_bytes(need, node) + MIB - 1) / MIB));
	return text;
}
