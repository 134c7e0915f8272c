/*
 * Lists of tasks and nodes, and statistics.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "norma.h"

static_assert(NORMA_NODE_SELF == (int)NODE_STATE_SELF && NORMA_NODE_UP == (int)NODE_STATE_UP &&
		  NORMA_NODE_DOWN == (int)NODE_STATE_DOWN &&
		  NORMA_NODE_UNKNOWN == (int)NODE_STATE_UNKNOWN,
	      "the public states are the message's");
static_assert(NORMA_LIBVIRT_OFF == (int)NODE_LIBVIRT_OFF &&
		  NORMA_LIBVIRT_UP == (int)NODE_LIBVIRT_UP &&
		  NORMA_CPU_COMPATIBLE == (int)NODE_CPU_COMPATIBLE &&
		  NORMA_CPU_INCOMPATIBLE == (int)NODE_CPU_INCOMPATIBLE,
	      "so is what libvirt and the CPU are");
static_assert(sizeof(((struct task_row *)0)->image) == NORMA_NAME_BYTES &&
		  sizeof(((struct node_row *)0)->address) == NORMA_NAME_BYTES &&
		  sizeof(((struct node_row *)0)->cpu_model) == NORMA_NAME_BYTES &&
		  sizeof(((struct node_row *)0)->cpu_name) == NORMA_NAME_BYTES &&
		  sizeof(((struct node_row *)0)->cpu_vendor) == NORMA_VENDOR_BYTES &&
		  sizeof(((struct node_row *)0)->libvirt_why) == NORMA_WHY_BYTES,
	      "the names of rows fit");

/* An array of at least one element, so that NULL always means failure. */
static void *rows_new(size_t count, size_t row_bytes)
{
	void *rows = calloc(count ? count : 1, row_bytes);

	if (!rows)
		client_error_set("no memory for a list of %zu rows", count);
	return rows;
}

static void task_row_convert(const struct task_row *row, struct norma_task_row *ret_row)
{
	*ret_row = (struct norma_task_row){
	    .task = row->task,
	    .parent = row->parent,
	    .owner_uid = row->owner_uid,
	    .state = (enum norma_task_state)row->state,
	    .threads = row->threads,
	    .vmm_pid = row->vmm_pid,
	    .virtual_bytes = row->virtual_bytes,
	    .age_ms = row->age_ms,
	};
	memcpy(ret_row->image, row->image, sizeof(ret_row->image));
}

kern_return_t norma_task_list(int node, struct norma_task_row **ret_rows, size_t *ret_count)
{
	struct norma_task_list_request request = {.node = node};
	struct norma_task_list_reply reply;
	struct norma_task_row *rows;
	struct mach_room room;
	kern_return_t result = client_room_get(&room);

	if (result == KERN_SUCCESS)
		result = mach_call_norma_task_list(&room, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	rows = rows_new(reply.tasks_count, sizeof(*rows));
	if (!rows)
		return KERN_RESOURCE_SHORTAGE;
	for (uint32_t i = 0; i < reply.tasks_count; i++)
		task_row_convert(&reply.tasks[i], &rows[i]);
	*ret_rows = rows;
	*ret_count = reply.tasks_count;
	return KERN_SUCCESS;
}

static void node_row_convert(const struct node_row *row, struct norma_node_row *ret_row)
{
	*ret_row = (struct norma_node_row){
	    .node = row->node,
	    .state = (enum norma_node_state)row->state,
	    .tasks = row->tasks,
	    .cpus = row->cpus,
	    .load_hundredths = row->load_hundredths,
	    .busy_permille = row->busy_permille,
	    .cells = row->cells,
	    .cells_add_up = (boolean_t)row->cells_add_up,
	    .memory_bytes = row->memory_bytes,
	    .available_bytes = row->available_bytes,
	    .limit_bytes = row->limit_bytes,
	    .limit_left_bytes = row->limit_left_bytes,
	    .huge_bytes = row->huge_bytes,
	    .huge_free_bytes = row->huge_free_bytes,
	    .guests = row->guests,
	    .guest_cpus = row->guest_cpus,
	    .guests_memory_bytes = row->guests_memory_bytes,
	    .guests_resident_bytes = row->guests_resident_bytes,
	    .libvirt = (enum norma_libvirt_state)row->libvirt,
	    .cpu_compatible = (enum norma_cpu_compatibility)row->cpu_compatible,
	};
	memcpy(ret_row->address, row->address, sizeof(ret_row->address));
	memcpy(ret_row->libvirt_why, row->libvirt_why, sizeof(ret_row->libvirt_why));
	memcpy(ret_row->cpu_vendor, row->cpu_vendor, sizeof(ret_row->cpu_vendor));
	memcpy(ret_row->cpu_model, row->cpu_model, sizeof(ret_row->cpu_model));
	memcpy(ret_row->cpu_name, row->cpu_name, sizeof(ret_row->cpu_name));
}

kern_return_t norma_node_list(struct norma_node_row **ret_rows, size_t *ret_count)
{
	struct norma_node_list_request request = {};
	struct norma_node_list_reply reply;
	struct norma_node_row *rows;
	struct mach_room room;
	kern_return_t result = client_room_get(&room);

	if (result == KERN_SUCCESS)
		result = mach_call_norma_node_list(&room, &request, &reply);
	if (result != KERN_SUCCESS)
		return result;
	rows = rows_new(reply.nodes_count, sizeof(*rows));
	if (!rows)
		return KERN_RESOURCE_SHORTAGE;
	for (uint32_t i = 0; i < reply.nodes_count; i++)
		node_row_convert(&reply.nodes[i], &rows[i]);
	*ret_rows = rows;
	*ret_count = reply.nodes_count;
	return KERN_SUCCESS;
}

kern_return_t norma_task_statistics(task_t task, struct norma_task_statistics *ret_statistics)
{
	struct norma_task_statistics_request request = {.task = task};
	struct norma_task_statistics_reply reply;
	kern_return_t result = MACH_CALL_SMALL(norma_task_statistics, &request, &reply);

	if (result != KERN_SUCCESS)
		return result;
	*ret_statistics = (struct norma_task_statistics){
	    .created_ns = reply.created_ns,
	    .first_instruction_ns = reply.first_instruction_ns,
	    .last_pause_ns = reply.last_pause_ns,
	    .hypercalls = reply.hypercalls,
	    .system_calls = reply.system_calls,
	    .unknown_system_calls = reply.unknown_system_calls,
	};
	memcpy(ret_statistics->unknown_names, reply.unknown_names,
	       sizeof(ret_statistics->unknown_names));
	return KERN_SUCCESS;
}

kern_return_t norma_pager_statistics(int node, struct norma_pager_statistics *ret_statistics)
{
	struct norma_pager_statistics_request request = {.node = node};
	struct norma_pager_statistics_reply reply;
	kern_return_t result = MACH_CALL_SMALL(norma_pager_statistics, &request, &reply);

	if (result != KERN_SUCCESS)
		return result;
	*ret_statistics = (struct norma_pager_statistics){
	    .objects = reply.objects,
	    .faults = reply.faults,
	    .pages_in = reply.pages_in,
	    .pages_out = reply.pages_out,
	    .bytes_in = reply.bytes_in,
	    .bytes_out = reply.bytes_out,
	    .invalidations = reply.invalidations,
	    .lost_pages = reply.lost_pages,
	};
	return KERN_SUCCESS;
}
