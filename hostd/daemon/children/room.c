/*
 * Sums that are made anew for each snapshot and when a task has ended; a new task is added to them.
 */
#include "room.h"

#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hostd.h"
#include "inventory/children.h"
#include "placement/cell.h"

#define HELD_FOR_NS NS_PER_S /* no older than what is known of hosts */

static uint64_t less(uint64_t from, uint64_t bytes)
{
	return from > bytes ? from - bytes : 0;
}

static bool has_limit(const struct hostd *hostd)
{
	return hostd->config.memory_bytes != 0;
}

static pid_t process_of(const struct task *task)
{
	return task->vmm ? task->vmm->process.pid : 0;
}

static int compare_pids(const void *key, const void *row)
{
	int pid = *(const int *)key, other = ((const struct snapshot_child *)row)->pid;

	return (pid > other) - (pid < other);
}

static uint64_t held_by(const struct snapshot_children *children, const struct task *task)
{
	int pid = process_of(task);
	const struct snapshot_child *row = pid > 0 && children->count
					       ? bsearch(&pid, children->rows, children->count,
							 sizeof(*children->rows), compare_pids)
					       : NULL;

	return row ? row->bytes : 0;
}

/* Return: the sum for a cell; NULL when the task has none that the snapshot knows. */
static uint64_t *sum_of_cell(struct room *room, const struct snapshot_memory *memory, int cell)
{
	for (uint32_t i = 0; i < memory->cell_count && cell != PLACEMENT_CELL_ANY; i++)
		if ((int)memory->cells[i].id == cell)
			return &room->cell_promised_bytes[i];
	return NULL;
}

static void add_promise(struct room *room, const struct snapshot_memory *memory, int cell,
			uint64_t bytes)
{
	uint64_t *sum = sum_of_cell(room, memory, cell);

	room->promised_bytes += bytes;
	if (sum)
		*sum += bytes;
}

/* What tasks do not hold yet of what they were promised. Without counting, what the snapshot cannot
 * have seen yet. */
static void sum_promises(struct hostd *hostd, const struct inventory_snapshot *snapshot)
{
	const struct snapshot_children *children = &snapshot->children;
	const struct task *task;

	TAILQ_FOREACH_REVERSE(task, &hostd->tasks.live, task_list, entry)
	{
		if (!children->is_counted && task->created_ns < snapshot->taken_ns)
			break;
		add_promise(&hostd->room, &snapshot->memory, task->memory_cell,
			    less(task->promised_bytes, held_by(children, task)));
	}
}

/* Brings the sums up to date. */
static const struct inventory_snapshot *refresh(struct hostd *hostd)
{
	const struct inventory_snapshot *snapshot = inventory_current(hostd->inventory);
	struct room *room = &hostd->room;

	if (room->taken_ns == snapshot->taken_ns)
		return snapshot;
	*room = (struct room){.taken_ns = snapshot->taken_ns};
	sum_promises(hostd, snapshot);
	room->used_bytes = snapshot->children.bytes + room->promised_bytes;
	return snapshot;
}

/* What the task holds, as of the last second: to look takes 40 us, and 2 us more for each object.
 */
static uint64_t held_lately(struct task *task)
{
	uint64_t now_ns = clock_now_ns();

	if (process_of(task) <= 0)
		return 0;
	if (!task->held_ns || now_ns - task->held_ns >= HELD_FOR_NS) {
		task->held_bytes = process_memory_read("", process_of(task));
		task->held_ns = now_ns;
	}
	return task->held_bytes;
}

uint64_t room_of_child_elsewhere(struct task *parent, enum export_mode mode)
{
	uint64_t held;

	if (mode == EXPORT_EMPTY)
		return PLACEMENT_VMM_BYTES;
	held = held_lately(parent);
	return PLACEMENT_VMM_BYTES +
	       (held > parent->promised_bytes ? held : parent->promised_bytes);
}

uint64_t room_of_child_here(struct task *parent, enum export_mode mode)
{
	return mode == EXPORT_CREATE && parent->shares_memory
		   ? room_of_child_elsewhere(parent, mode)
		   : PLACEMENT_VMM_BYTES;
}

static uint32_t tasks_left(const struct hostd *hostd)
{
	return (uint32_t)less((uint64_t)hostd->config.tasks, hostd->tasks.live_count);
}

static uint64_t config_left(const struct hostd *hostd)
{
	return has_limit(hostd) ? less((uint64_t)hostd->config.memory_bytes, hostd->room.used_bytes)
				: PLACEMENT_NO_LIMIT;
}

void room_describe(struct hostd *hostd, struct placement_node *ret_node)
{
	const struct inventory_snapshot *snapshot = refresh(hostd);
	const struct snapshot_memory *memory = &snapshot->memory;
	const struct libvirt_guests *guests = &snapshot->libvirt.guests;
	uint64_t promised = hostd->room.promised_bytes;

	*ret_node = (struct placement_node){
	    .node = (int)hostd->config.node,
	    .is_here = true,
	    .available_bytes = less(memory->available_bytes, promised),
	    .guests_growth_bytes = less(guests->memory_bytes, guests->resident_bytes),
	    .group_left_bytes =
		memory->limit_bytes ? less(memory->limit_left_bytes, promised) : PLACEMENT_NO_LIMIT,
	    .config_left_bytes = config_left(hostd),
	    .processors = snapshot->cpu.online,
	    .load_hundredths = snapshot->cpu.load_hundredths,
	    .tasks_left = tasks_left(hostd),
	};
	for (uint32_t i = 0; i < memory->page_size_count; i++)
		ret_node->huge_free_bytes += memory->pages[i].free * memory->pages[i].page_bytes;
}

void room_summary_fill(struct hostd *hostd, struct peer_node_summary_reply *summary)
{
	refresh(hostd);
	summary->promised_bytes = hostd->room.promised_bytes;
	summary->memory_left_bytes = config_left(hostd);
	summary->tasks_left = tasks_left(hostd);
}

void room_describe_other(const struct peer_node_summary_reply *summary, int node,
			 struct placement_node *ret_node)
{
	*ret_node = (struct placement_node){
	    .node = node,
	    .available_bytes = less(summary->available_bytes, summary->promised_bytes),
	    .guests_growth_bytes =
		less(summary->guests_memory_bytes, summary->guests_resident_bytes),
	    .group_left_bytes = summary->limit_bytes
				    ? less(summary->limit_left_bytes, summary->promised_bytes)
				    : PLACEMENT_NO_LIMIT,
	    .config_left_bytes = summary->memory_left_bytes,
	    .huge_free_bytes = summary->huge_free_bytes,
	    .processors = summary->cpus,
	    .load_hundredths = summary->load_hundredths,
	    .tasks_left = summary->tasks_left,
	};
}

/* Return: another child here of the same parent elsewhere, or NULL. */
static struct task *sibling(struct hostd *hostd, uint32_t parent, const struct task *but)
{
	struct task *other;

	if (!parent || name_node(parent) == (int)hostd->config.node)
		return NULL;
	TAILQ_FOREACH (other, &hostd->tasks.live, entry)
		if (other != but && other->parent == parent && other->promised_bytes)
			return other;
	return NULL;
}

static uint64_t need_beside(const struct task *brother, uint64_t need_bytes)
{
	return brother && need_bytes > PLACEMENT_VMM_BYTES ? PLACEMENT_VMM_BYTES : need_bytes;
}

int32_t room_admit(struct hostd *hostd, uint32_t parent, uint64_t need_bytes,
		   char error[MESSAGE_MAX_TEXT])
{
	uint64_t bytes = need_beside(sibling(hostd, parent, NULL), need_bytes);
	struct placement_need need = {bytes, bytes};
	struct placement_node node;
	char why[PLACEMENT_WHY_BYTES];

	room_describe(hostd, &node);
	node.tasks_left = 1; /* that limit has an answer of its own (tasks.c) */
	if (!placement_why_not(&need, &node, why)[0])
		return KERN_SUCCESS;
	snprintf(error, MESSAGE_MAX_TEXT,
		 "%s; end tasks there, or take another node (auto finds one with room)", why);
	return KERN_RESOURCE_SHORTAGE;
}

/* Guests that are bound to one cell will grow there, the others in all of them alike. */
static uint64_t guests_growth(const struct libvirt_guests *guests,
			      const struct snapshot_memory *memory, uint32_t index)
{
	uint64_t growth = less(guests->memory_bytes, guests->resident_bytes), bound = 0;

	for (uint32_t i = 0; i < SNAPSHOT_MAX_CELLS; i++)
		bound += guests->bound_growth_bytes[i];
	return less(growth, bound) / memory->cell_count +
	       (memory->cells[index].id < SNAPSHOT_MAX_CELLS
		    ? guests->bound_growth_bytes[memory->cells[index].id]
		    : 0);
}

static struct placement_cell
describe_cell(const struct hostd *hostd, const struct inventory_snapshot *snapshot, uint32_t index)
{
	const struct snapshot_cell *cell = &snapshot->memory.cells[index];
	struct placement_cell figures = {
	    .cell = (int)cell->id,
	    .processors = cell->cpus,
	    .available_bytes = cell->available_bytes,
	    .guests_growth_bytes =
		guests_growth(&snapshot->libvirt.guests, &snapshot->memory, index),
	    .promised_bytes = hostd->room.cell_promised_bytes[index],
	};

	for (uint32_t i = 0; i < cell->page_size_count; i++)
		figures.huge_free_bytes += cell->pages[i].free * cell->pages[i].page_bytes;
	return figures;
}

int room_choose_cell(struct hostd *hostd, uint32_t parent, uint64_t need_bytes)
{
	const struct inventory_snapshot *snapshot = refresh(hostd);
	const struct task *relative = tasks_find(&hostd->tasks, parent), *brother = NULL;
	struct placement_cell cells[SNAPSHOT_MAX_CELLS];
	uint32_t count = 0;

	if (!snapshot->memory.cells_add_up)
		return PLACEMENT_CELL_ANY;
	if (!relative)
		relative = brother = sibling(hostd, parent, NULL);
	for (uint32_t i = 0; i < snapshot->memory.cell_count; i++)
		if (snapshot->memory.cells[i].is_allowed)
			cells[count++] = describe_cell(hostd, snapshot, i);
	return placement_choose_cell(need_beside(brother, need_bytes), cells, count,
				     relative ? relative->memory_cell : PLACEMENT_CELL_ANY);
}

void room_promise(struct task *task, uint64_t need_bytes)
{
	const struct inventory_snapshot *snapshot = refresh(task->hostd);
	struct room *room = &task->hostd->room;

	task->promised_bytes = need_beside(sibling(task->hostd, task->parent, task), need_bytes);
	add_promise(room, &snapshot->memory, task->memory_cell, task->promised_bytes);
	room->used_bytes += task->promised_bytes;
}

void room_release(struct task *task)
{
	struct task *heir;

	if (!task->promised_bytes)
		return;
	heir = sibling(task->hostd, task->parent, task);
	if (heir && heir->promised_bytes < task->promised_bytes)
		heir->promised_bytes = task->promised_bytes;
	task->promised_bytes = 0;
	task->hostd->room.taken_ns = 0;
}
