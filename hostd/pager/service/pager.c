/*
 * The pager as a whole: hostd's link, the loop.
 */
#include "pager/service/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <mach/kern_return.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/shmem.h"
#include "pager/service/container.h"
#include "pager/service/frozen/frozen_home.h"
#include "pager/service/tasks/object.h"
#include "pager/service/hosts/peer.h"
#include "pager/service/tasks/vmm.h"

static void answer_statistics(struct pager *pager, const struct link_message *message)
{
	struct pager_statistics_reply reply;
	uint8_t payload[sizeof(reply)];
	struct wire_writer writer;

	_Static_assert(sizeof(reply) == sizeof(pager->statistics), "the same fields");
	/* Who was answered in this turn may know that an object has gone. */
	objects_settle(pager);
	memcpy(&reply, &pager->statistics, sizeof(reply));
	peers_count_bytes(pager, &reply.bytes_in, &reply.bytes_out);
	wire_writer_init(&writer, payload, sizeof(payload));
	pager_statistics_reply_encode(&writer, &reply);
	channel_reply(&pager->control, &message->header, payload, writer.used, NULL, 0);
}

static void control_receive_begins(struct channel *channel)
{
	struct pager *pager = CONTAINER(channel, struct pager, control);

	if (pager->spare_fd >= 0)
		close(pager->spare_fd);
	pager->spare_fd = -1;
}

static void control_receive_ends(struct channel *channel)
{
	struct pager *pager = CONTAINER(channel, struct pager, control);

	if (pager->spare_fd < 0)
		pager->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void take_vmm(struct pager *pager, struct link_message *message)
{
	int r = -EMFILE;

	control_receive_ends(&pager->control);
	if (pager->spare_fd >= 0)
		r = vmm_open(pager, take_fd(&message->fds[0]));
	if (r)
		channel_refuse(&pager->control, &message->header, KERN_RESOURCE_SHORTAGE,
			       "the pager cannot take another task: %s", strerror(-r));
	else
		channel_reply(&pager->control, &message->header, NULL, 0, NULL, 0);
	control_receive_begins(&pager->control);
}

static int control_received(struct channel *channel, struct link_message *message)
{
	struct pager *pager = CONTAINER(channel, struct pager, control);

	if (message->header.flags & MESSAGE_REPLY || message->header.bytes != 0)
		return -EPROTO;
	switch (message->header.type) {
	case MESSAGE_pager_vmm:
		if (message->fd_count != 1)
			return -EPROTO;
		take_vmm(pager, message);
		return 0;
	case MESSAGE_pager_statistics:
		answer_statistics(pager, message);
		return 0;
	default:
		return -EPROTO;
	}
}

static void control_closing(struct channel *channel, int reason)
{
	struct pager *pager = CONTAINER(channel, struct pager, control);

	pager->is_ending = true;
	if (reason != -EPIPE)
		pager->end_reason = reason;
}

static void control_closed(struct channel *channel)
{
	(void)channel; /* part of struct pager */
}

static const struct channel_owner control_owner = {
    .receive_begins = control_receive_begins,
    .receive_ends = control_receive_ends,
    .received = control_received,
    .closing = control_closing,
    .closed = control_closed,
};

static void carrier_failed(void *context, int reason)
{
	struct pager *pager = context;

	pager->is_ending = true;
	pager->end_reason = reason;
}

static const struct carrier_owner carrier_owner = {.failed = carrier_failed};

static int start_carriers(struct pager *pager)
{
	int r = mailbox_init(&pager->inbox);

	if (r == 0)
		mailbox_listen(&pager->inbox, &pager->ring);
	for (unsigned int i = 0; r == 0 && i < PAGE_STREAMS; i++)
		r = carrier_new(&carrier_owner, pager, &pager->inbox, &pager->carriers[i]);
	if (r)
		log_line(LOG_ERROR, "cannot start a thread for pages in the background: %s",
			 strerror(-r));
	return r;
}

/* What they have left to say is heard, and nothing follows from it any more. */
static void stop_carriers(struct pager *pager)
{
	peers_stop(pager);
	for (unsigned int i = 0; i < PAGE_STREAMS; i++)
		if (pager->carriers[i])
			carrier_stop(pager->carriers[i]);
	if (pager->inbox.event_fd >= 0)
		mailbox_run(&pager->inbox);
	for (unsigned int i = 0; i < PAGE_STREAMS; i++)
		if (pager->carriers[i])
			carrier_free(pager->carriers[i]);
	mailbox_done(&pager->inbox);
}

int pager_init(struct pager *pager, const struct pager_options *options)
{
	_cleanup_close_ int control_fd = options->control_fd;
	int r;

	*pager = (struct pager){.options = *options, .listen_fd = -1, .spare_fd = -1};
	pager->inbox.event_fd = -1;
	pager->has_huge_pages = shmem_has_huge_pages();
	TAILQ_INIT(&pager->vmms);
	TAILQ_INIT(&pager->links);
	TAILQ_INIT(&pager->unsettled);
	if (getrandom(&pager->epoch, sizeof(pager->epoch), 0) != sizeof(pager->epoch))
		return -errno;
	r = ring_init(&pager->ring, options->spin_us);
	if (r) {
		log_line(LOG_ERROR,
			 "cannot set up io_uring: %s (needs Linux 6.1 or later and "
			 "kernel.io_uring_disabled = 0)",
			 strerror(-r));
		return r;
	}
	pager->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	r = channel_open(&pager->control, &pager->ring, &control_owner, take_fd(&control_fd));
	if (r) {
		log_line(LOG_ERROR, "the control descriptor is no connected socket: %s",
			 strerror(-r));
		return r;
	}
	frozen_hold_init(pager);
	r = start_carriers(pager);
	return r ? r : peers_init(pager);
}

int pager_run(struct pager *pager)
{
	int r = 0;

	while (!pager->is_ending && r == 0) {
		timers_run(&pager->timers, clock_now_ns());
		objects_settle(pager);
		peers_flush(pager);
		r = ring_turn(&pager->ring, timers_next_ns(&pager->timers));
	}
	if (r)
		log_line(LOG_ERROR, "io_uring failed: %s", strerror(-r));
	else if (pager->end_reason)
		log_line(LOG_ERROR, "ending: %s; what only this host had is lost to the others",
			 strerror(-pager->end_reason));
	return r ? r : pager->end_reason;
}

void pager_done(struct pager *pager)
{
	struct object *object, *next;
	struct vmm *vmm;

	stop_carriers(pager);
	ring_done(&pager->ring);
	while ((vmm = TAILQ_FIRST(&pager->vmms)))
		vmm_free(vmm);
	HASH_ITER (hh, pager->objects, object, next)
		object_free(object);
	peers_done(pager);
	if (pager->spare_fd >= 0)
		close(pager->spare_fd);
	channel_done(&pager->control);
	timers_done(&pager->timers);
}
