/*
 * Hosts as counters, and a network between them in virtual time. A host's pager is one processor
 * that handles one message after another; its link sends one message after another; what leaves it
 * arrives in the order it was sent, as on TCP.
 */
#ifndef SIMULATOR_FLEET_H
#define SIMULATOR_FLEET_H

#include <stddef.h>
#include <stdint.h>

#include "message.h"
#include "pager/service/timers.h"

struct shared_object;

/* What the virtual machines cost. Nanoseconds, unless the name says otherwise. */
struct fleet_costs {
	uint64_t latency_ns;	 /* one way, between any two hosts */
	uint64_t message_cpu_ns; /* pager: one message from another host */
	uint64_t local_cpu_ns;	 /* pager: one message to itself */
	uint64_t fault_cpu_ns;	 /* pager: reading one fault */
	uint64_t page_cpu_ns;	 /* pager: sending or installing one page, on top */
	uint64_t bytes_per_us;	 /* of a host's link */
	uint64_t message_bytes;	 /* header of one message on the wire */
	uint64_t hold_ns;	 /* how long a granted page stays */
};

struct fleet_host {
	uint64_t free_ns;      /* when the pager's processor has nothing more to do */
	uint64_t link_free_ns; /* when its link has nothing more to send */
	uint64_t last_self_ns;
	uint64_t busy_ns, bytes_out, messages_in;
	uint64_t longest_queue_ns;
	unsigned int task_count;
};

/* A message on its way. Embeds the timer that delivers it. */
struct envelope {
	struct timer timer;
	struct shared_object *object;
	struct message message; /* hosts are slots of the object */
	unsigned int to;	/* slot */
	unsigned int depth;	/* crossings between hosts since its request was made */
	struct envelope *next_free;
};

struct fleet {
	struct fleet_costs costs;
	struct fleet_host *hosts; /* hosts[host_count] */
	unsigned int host_count;
	uint64_t now_ns;
	struct timers timers;
	struct envelope *free_envelopes;
	uint64_t messages, local_messages, pages_sent;
};

int fleet_init(struct fleet *fleet, const struct fleet_costs *costs, unsigned int host_count);
void fleet_done(struct fleet *fleet);

/*
 * The pager of a host spends cpu_ns on something that is there at fleet->now_ns.
 * Return: when it is done.
 */
uint64_t fleet_work(struct fleet *fleet, unsigned int host, uint64_t cpu_ns);

/* Starts a timer of the caller. */
void fleet_at(struct fleet *fleet, struct timer *timer, uint64_t due_ns);

/* An empty envelope of the fleet's; fleet_free_envelope() after delivery. Ends the program when
 * memory is short. */
struct envelope *fleet_new_envelope(struct fleet *fleet);
void fleet_free_envelope(struct fleet *fleet, struct envelope *envelope);

/* Sends at sent_ns; its timer fires on arrival. */
void fleet_send(struct fleet *fleet, struct envelope *envelope, unsigned int from_host,
		unsigned int to_host, uint64_t sent_ns);

/* Runs until nothing is under way. */
void fleet_run(struct fleet *fleet);

#endif
