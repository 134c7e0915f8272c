/*
 * Virtual time: the pager's own timer heap, driven by the due times of what is under way.
 */
#include "fleet.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>

#define PAGE_BYTES 4096u

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

int fleet_init(struct fleet *fleet, const struct fleet_costs *costs, unsigned int host_count)
{
	*fleet = (struct fleet){.costs = *costs, .host_count = host_count};
	fleet->hosts = calloc(host_count, sizeof(*fleet->hosts));
	return fleet->hosts ? 0 : -ENOMEM;
}

void fleet_done(struct fleet *fleet)
{
	while (fleet->free_envelopes) {
		struct envelope *envelope = fleet->free_envelopes;
		fleet->free_envelopes = envelope->next_free;
		free(envelope);
	}
	timers_done(&fleet->timers);
	free(fleet->hosts);
}

uint64_t fleet_work(struct fleet *fleet, unsigned int host, uint64_t cpu_ns)
{
	struct fleet_host *it = &fleet->hosts[host];
	uint64_t begin_ns = later(fleet->now_ns, it->free_ns);

	it->longest_queue_ns = later(it->longest_queue_ns, begin_ns - fleet->now_ns);
	it->free_ns = begin_ns + cpu_ns;
	it->busy_ns += cpu_ns;
	return it->free_ns;
}

void fleet_at(struct fleet *fleet, struct timer *timer, uint64_t due_ns)
{
	if (timer_start(&fleet->timers, timer, due_ns))
		errx(1, "out of memory for what is under way");
}

struct envelope *fleet_new_envelope(struct fleet *fleet)
{
	struct envelope *envelope = fleet->free_envelopes;

	if (envelope) {
		fleet->free_envelopes = envelope->next_free;
	} else {
		envelope = malloc(sizeof(*envelope));
		if (!envelope)
			err(1, "a message");
	}
	*envelope = (struct envelope){0};
	return envelope;
}

void fleet_free_envelope(struct fleet *fleet, struct envelope *envelope)
{
	envelope->next_free = fleet->free_envelopes;
	fleet->free_envelopes = envelope;
}

static uint64_t wire_bytes(const struct fleet *fleet, const struct message *message)
{
	bool has_page = message->type == MESSAGE_PAGE && !message->is_zero;

	return fleet->costs.message_bytes + (has_page ? PAGE_BYTES : 0);
}

void fleet_send(struct fleet *fleet, struct envelope *envelope, unsigned int from_host,
		unsigned int to_host, uint64_t sent_ns)
{
	struct fleet_host *from = &fleet->hosts[from_host];
	uint64_t bytes = wire_bytes(fleet, &envelope->message);

	if (from_host == to_host) {
		/* strictly later than the one before: the heap does not keep the order of equals */
		from->last_self_ns = later(sent_ns, from->last_self_ns + 1);
		fleet->local_messages++;
		fleet_at(fleet, &envelope->timer, from->last_self_ns);
		return;
	}
	fleet->messages++;
	fleet->pages_sent += bytes > PAGE_BYTES;
	fleet->hosts[to_host].messages_in++;
	from->bytes_out += bytes;
	from->link_free_ns =
	    later(sent_ns, from->link_free_ns) + 1 + bytes * 1000 / fleet->costs.bytes_per_us;
	fleet_at(fleet, &envelope->timer, from->link_free_ns + fleet->costs.latency_ns);
}

void fleet_run(struct fleet *fleet)
{
	uint64_t next_ns;

	while ((next_ns = timers_next_ns(&fleet->timers)) != UINT64_MAX) {
		fleet->now_ns = next_ns;
		timers_run(&fleet->timers, next_ns);
	}
}
