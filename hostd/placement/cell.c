/*
 * The rules of the header, in its order.
 */
#include "placement/cell.h"

#include <stdbool.h>

#define ROOM_STEPS_SHIFT 3 /* rooms within an eighth of each other count as equal */

static uint64_t room(const struct placement_cell *cell)
{
	uint64_t left = cell->available_bytes;

	left -= left < cell->guests_growth_bytes ? left : cell->guests_growth_bytes;
	return left - (left < cell->promised_bytes ? left : cell->promised_bytes);
}

static bool can_take(uint64_t need_bytes, const struct placement_cell *cell)
{
	return cell->processors && room(cell) >= need_bytes;
}

static bool is_better(uint64_t need_bytes, const struct placement_cell *a,
		      const struct placement_cell *b)
{
	uint64_t room_a = room(a) - need_bytes, room_b = room(b) - need_bytes;
	uint64_t step = (room_a > room_b ? room_a : room_b) >> ROOM_STEPS_SHIFT;
	bool huge_a = a->huge_free_bytes >= need_bytes, huge_b = b->huge_free_bytes >= need_bytes;

	if (huge_a != huge_b)
		return huge_a;
	if (room_a > room_b + step || room_b > room_a + step)
		return room_a > room_b;
	return a->cell < b->cell;
}

int placement_choose_cell(uint64_t need_bytes, const struct placement_cell *cells, size_t count,
			  int near)
{
	const struct placement_cell *best = NULL;

	for (size_t i = 0; i < count && count > 1; i++) {
		if (!can_take(need_bytes, &cells[i]))
			continue;
		if (cells[i].cell == near)
			return near;
		if (!best || is_better(need_bytes, &cells[i], best))
			best = &cells[i];
	}
	return best ? best->cell : PLACEMENT_CELL_ANY;
}
