/*
 * The life of a VMM's link and the reading of its page faults.
 */
#include "pager/service/tasks/vmm.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "pager/service/tasks/attach.h"
#include "pager/service/coherent/coherent.h"
#include "pager/service/container.h"
#include "pager/service/frozen/frozen.h"
#include "pager/service/tasks/uffd.h"
#include "pager/service/tasks/waits.h"

/* How long a fault without a mapping waits: its VMM is about to unmap the place. */
#define STRAY_WAKE_NS	(1 * NS_PER_MS)
#define FAULTS_PER_READ 16u

void vmm_free(struct vmm *vmm)
{
	struct vmm_reference *reference, *next;

	TAILQ_REMOVE(&vmm->pager->vmms, vmm, of_pager);
	timer_stop(&vmm->pager->timers, &vmm->stray_timer);
	attach_forget_vmm(vmm);
	for (size_t i = 0; i < vmm->mappings.count; i++)
		waits_forget_vmm(vmm->mappings.entries[i]->object, vmm);
	mapping_table_done(&vmm->mappings);
	HASH_ITER (hh, vmm->references, reference, next) {
		HASH_DEL(vmm->references, reference);
		reference->object->references -= reference->count;
		object_settle(reference->object);
		free(reference);
	}
	channel_done(&vmm->channel);
	if (vmm->uffd >= 0)
		close(vmm->uffd);
	free(vmm);
}

static void free_if_idle(struct vmm *vmm)
{
	if (vmm->is_leaving && vmm->channel.link.fd < 0 && !vmm->faults.is_pending)
		vmm_free(vmm);
}

static int channel_received(struct channel *channel, struct link_message *message)
{
	return vmm_call(CONTAINER(channel, struct vmm, channel), message);
}

static void channel_closing(struct channel *channel, int reason)
{
	struct vmm *vmm = CONTAINER(channel, struct vmm, channel);

	if (reason != -EPIPE)
		log_line(LOG_WARNING, "closing a VMM's link: error %d in what it sent", -reason);
	vmm->is_leaving = true;
	ring_cancel(&vmm->pager->ring, &vmm->faults);
}

static void channel_closed(struct channel *channel)
{
	free_if_idle(CONTAINER(channel, struct vmm, channel));
}

static const struct channel_owner vmm_channel_owner = {
    .received = channel_received,
    .closing = channel_closing,
    .closed = channel_closed,
};

int vmm_open(struct pager *pager, int take_fd_)
{
	_cleanup_close_ int fd = take_fd_;
	struct vmm *vmm = calloc(1, sizeof(*vmm));
	int r;

	if (!vmm)
		return -ENOMEM;
	vmm->pager = pager;
	vmm->uffd = -1;
	TAILQ_INIT(&vmm->attach_calls);
	r = channel_open(&vmm->channel, &pager->ring, &vmm_channel_owner, take_fd(&fd));
	if (r) {
		free(vmm);
		return r;
	}
	TAILQ_INSERT_TAIL(&pager->vmms, vmm, of_pager);
	return 0;
}

static void stray_fire(struct timer *timer)
{
	struct vmm *vmm = CONTAINER(timer, struct vmm, stray_timer);

	for (unsigned int i = 0; i < vmm->stray_count; i++)
		uffd_wake(vmm->uffd, vmm->stray[i], PAGE_BYTES);
	vmm->stray_count = 0;
}

void vmm_stray_fault(struct vmm *vmm, uint64_t address)
{
	if (vmm->stray_count == VMM_STRAY_FAULTS)
		stray_fire(&vmm->stray_timer);
	vmm->stray[vmm->stray_count++] = address;
	if (timer_is_running(&vmm->stray_timer))
		return;
	vmm->stray_timer.fire = stray_fire;
	if (timer_start(&vmm->pager->timers, &vmm->stray_timer, clock_now_ns() + STRAY_WAKE_NS))
		stray_fire(&vmm->stray_timer);
}

static void take_fault(struct vmm *vmm, const struct uffd_msg *event)
{
	uint64_t address = page_floor(event->arg.pagefault.address);
	bool is_write =
	    event->arg.pagefault.flags & (UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	struct mapping *mapping = mapping_at(&vmm->mappings, address);

	vmm->pager->statistics.faults++;
	if (!mapping)
		vmm_stray_fault(vmm, address);
	else if (mapping->object->kind == OBJECT_COHERENT)
		coherent_fault(mapping, address, is_write);
	else
		frozen_fault(mapping, address);
}

static void faults_complete(struct ring_operation *operation, int result)
{
	struct vmm *vmm = CONTAINER(operation, struct vmm, faults);
	struct uffd_msg events[FAULTS_PER_READ];

	while (result >= 0 && !vmm->is_leaving) {
		ssize_t got = read(vmm->uffd, events, sizeof(events));

		if (got <= 0)
			break;
		for (size_t i = 0; i < (size_t)got / sizeof(events[0]); i++)
			if (events[i].event == UFFD_EVENT_PAGEFAULT)
				take_fault(vmm, &events[i]);
		/* Not full: there were no more, and each that comes from now on is polled. */
		if ((size_t)got < sizeof(events))
			break;
	}
	if (!vmm->is_leaving && !operation->is_pending)
		ring_poll_always(&vmm->pager->ring, operation, vmm->uffd, POLLIN);
	free_if_idle(vmm);
}

int vmm_take_uffd(struct vmm *vmm, int *fd)
{
	int r = vmm->uffd < 0 ? uffd_check(*fd) : -EEXIST;

	if (r)
		return r;
	vmm->uffd = take_fd(fd);
	vmm->faults.complete = faults_complete;
	ring_poll_always(&vmm->pager->ring, &vmm->faults, vmm->uffd, POLLIN);
	return 0;
}

static struct vmm_reference *find_reference(const struct vmm *vmm, uint64_t object_id)
{
	struct vmm_reference *reference;

	HASH_FIND(hh, vmm->references, &object_id, sizeof(object_id), reference);
	return reference;
}

bool vmm_holds(const struct vmm *vmm, uint64_t object_id)
{
	return find_reference(vmm, object_id) != NULL;
}

int vmm_hold(struct vmm *vmm, struct object *object)
{
	struct vmm_reference *reference = find_reference(vmm, object->id);

	if (!reference) {
		reference = calloc(1, sizeof(*reference));
		if (!reference)
			return -ENOMEM;
		reference->id = object->id;
		reference->object = object;
		HASH_ADD(hh, vmm->references, id, sizeof(reference->id), reference);
	}
	reference->count++;
	object->references++;
	return 0;
}

int vmm_unhold(struct vmm *vmm, uint64_t object_id)
{
	struct vmm_reference *reference = find_reference(vmm, object_id);

	if (!reference)
		return -ENOENT;
	reference->object->references--;
	object_settle(reference->object);
	if (--reference->count == 0) {
		HASH_DEL(vmm->references, reference);
		free(reference);
	}
	return 0;
}
