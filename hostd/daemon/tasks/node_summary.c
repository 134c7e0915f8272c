/*
 * From the snapshot to the message.
 */
#include "node_summary.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "channel.h"
#include "hostd.h"
#include "link/link.h"

static_assert(LIBVIRT_OFF == (int)NODE_LIBVIRT_OFF && LIBVIRT_ABSENT == (int)NODE_LIBVIRT_ABSENT &&
		  LIBVIRT_DOWN == (int)NODE_LIBVIRT_DOWN && LIBVIRT_UP == (int)NODE_LIBVIRT_UP,
	      "the message's states are the snapshot's");

/* Those that are being built are not there yet. */
static unsigned int known_tasks(const struct hostd *hostd)
{
	const struct task *task;
	unsigned int count = 0;

	TAILQ_FOREACH (task, &hostd->tasks.live, entry)
		count += task->phase != TASK_BUILDING;
	return count;
}

static void fill_memory(const struct snapshot_memory *memory,
			struct peer_node_summary_reply *summary)
{
	summary->cells = memory->cell_count;
	summary->cells_add_up = memory->cells_add_up;
	summary->memory_bytes = memory->total_bytes;
	summary->available_bytes = memory->available_bytes;
	summary->limit_bytes = memory->limit_bytes;
	summary->limit_left_bytes = memory->limit_left_bytes;
	for (uint32_t i = 0; i < memory->page_size_count; i++) {
		summary->huge_bytes += memory->pages[i].total * memory->pages[i].page_bytes;
		summary->huge_free_bytes += memory->pages[i].free * memory->pages[i].page_bytes;
	}
}

static void fill_libvirt(const struct snapshot_libvirt *libvirt,
			 struct peer_node_summary_reply *summary)
{
	summary->libvirt = libvirt->state;
	summary->guests = libvirt->guests.count;
	summary->guest_cpus = libvirt->guests.cpus;
	summary->guests_memory_bytes = libvirt->guests.memory_bytes;
	summary->guests_resident_bytes = libvirt->guests.resident_bytes;
	snprintf(summary->cpu_name, sizeof(summary->cpu_name), "%s", libvirt->cpu_model);
	snprintf(summary->libvirt_why, sizeof(summary->libvirt_why), "%s", libvirt->why);
}

void node_summary_fill(struct hostd *hostd, struct peer_node_summary_reply *ret_summary)
{
	const struct inventory_snapshot *snapshot = inventory_current(hostd->inventory);

	*ret_summary = (struct peer_node_summary_reply){
	    .tasks = known_tasks(hostd),
	    .cpus = snapshot->cpu.online,
	    .load_hundredths = snapshot->cpu.load_hundredths,
	    .busy_permille = snapshot->cpu.busy_permille,
	};
	fill_memory(&snapshot->memory, ret_summary);
	room_summary_fill(hostd, ret_summary);
	fill_libvirt(&snapshot->libvirt, ret_summary);
	snprintf(ret_summary->cpu_vendor, sizeof(ret_summary->cpu_vendor), "%.31s",
		 snapshot->cpu.vendor);
	snprintf(ret_summary->cpu_model, sizeof(ret_summary->cpu_model), "%s", snapshot->cpu.model);
}

/* Field by field, from the one list that there is. */
#define U32(name)	row->name = summary->name;
#define U64(name)	row->name = summary->name;
#define TEXT(name, max) memcpy(row->name, summary->name, max);
void node_summary_to_row(const struct peer_node_summary_reply *summary, struct node_row *row)
{
	node_summary_FIELDS
}
#undef U32
#undef U64
#undef TEXT

void node_summary_request(struct channel *channel, struct link_message *message)
{
	struct message_header reply = message->header;
	struct hostd *hostd = channel->hostd;
	struct peer_node_summary_reply summary;
	size_t bytes;

	node_summary_fill(hostd, &summary);
	bytes = hostd_encode(hostd, peer_node_summary_reply, &summary);
	reply.flags = MESSAGE_REPLY;
	channel_send(channel, &reply, hostd->payload, bytes, NULL, 0);
}
