/*
 * The pager of one host: everything it owns, in one struct that is passed down. One thread, one
 * ring. What the parts do with it is in their own headers.
 */
#ifndef SERVICE_PAGER_H
#define SERVICE_PAGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "message/message.h"
#include "message/names.h"
#include "page/page_address.h"
#include "page/ring.h"
#include "pager/service/frozen/carrier.h"
#include "pager/service/tasks/channel.h"
#include "pager/service/timers.h"

#define PAGER_MAX_NODES (NAME_MAX_NODE + 1u)

struct object;
struct peer;
struct peer_link;
struct vmm;

TAILQ_HEAD(object_list, object);
TAILQ_HEAD(vmm_list, vmm);
TAILQ_HEAD(peer_link_list, peer_link);

struct pager_options {
	int control_fd;
	int node;
	bool has_listen;
	struct page_address listen;
	bool has_peer[PAGER_MAX_NODES];
	struct page_address peers[PAGER_MAX_NODES];
	uint64_t hold_ns;     /* how long a page stays after a write grant */
	int spin_us;	      /* how long to look for events before sleeping, page/spin.h */
	uint64_t deadline_ns; /* a host that is silent for so long is gone */
};

struct pager {
	struct pager_options options;
	struct ring ring;
	struct timers timers;
	uint32_t epoch;		/* random: tells this run from the one before */
	uint32_t object_serial; /* of the last object made here */
	uint64_t join_serial;	/* of the last JOIN sent */
	bool has_huge_pages;	/* shared memory that asks for them gets them */
	bool is_ending;
	int end_reason; /* 0 when hostd closed the control link */

	struct channel control;
	int spare_fd; /* given up for hostd's next descriptor, so that its link survives EMFILE */
	struct vmm_list vmms;
	struct object *objects; /* a uthash by id */
	struct object_list unsettled;

	/* Running while hosts join frozen objects at home, which are served to nobody meanwhile. */
	struct timer hold;
	uint64_t hold_begin_ns, hold_end_ns; /* of the last one */
	int hold_node;			     /* that was the first */

	int listen_fd;
	struct ring_operation accept;
	struct timer listen_retry;
	uint64_t listen_deadline_ns;
	struct timer accept_pause; /* running while descriptors are short */
	struct mailbox inbox;	   /* what carriers have to say */
	struct carrier *carriers[PAGE_STREAMS];
	struct peer *peers[PAGER_MAX_NODES]; /* NULL: not in the node table */
	struct peer_link_list links;	     /* of all peers, and of nobody yet */

	struct norma_pager_statistics_reply statistics;
};

/* Takes options->control_fd. Return: 0 or -errno, with the reason logged. */
int pager_init(struct pager *pager, const struct pager_options *options);
/* Serves until hostd closes the control link. Return: 0, or -errno when the ring fails. */
int pager_run(struct pager *pager);
/* Frees everything. Accepts what a failed pager_init left. */
void pager_done(struct pager *pager);

#endif
