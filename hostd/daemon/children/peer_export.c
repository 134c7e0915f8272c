/*
 * Exports for other hosts: waiting for the task's turn, asked of the VMM, then held.
 */
#include "peer_export.h"

#include <mach/kern_return.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "channel.h"
#include "export_turn.h"
#include "host_link.h"
#include "hostd.h"
#include "request.h"
#include "route.h"

/* How much longer it is held than a vm_remap may take. */
#define HOLD_MARGIN_MS 2000

struct peer_export {
	LIST_ENTRY(peer_export) entry; /* of its link, until is_over */
	struct hostd *hostd;
	struct request *request; /* NULL once answered: it is held; then peer_export_end's */
	struct export_turn turn;
	struct peer_export_range_request range;
	uint64_t deadline_ns;
	bool is_asking; /* the VMM has not answered */
	bool is_over;	/* ended before that: freed when it answers */
	struct timer hold_timer;
};

static void export_free(struct peer_export *export, enum export_outcome outcome)
{
	export_turn_end(&export->turn, outcome);
	timer_cancel(&export->hostd->loop, &export->hold_timer);
	if (!export->is_over)
		LIST_REMOVE(export, entry);
	free(export);
}

/* Its asker does not want it any more. */
static void export_over(struct peer_export *export)
{
	struct request *request = export->request;

	export->request = NULL;
	if (export->is_asking) {
		LIST_REMOVE(export, entry);
		export->is_over = true;
	} else {
		export_free(export, request ? EXPORT_NOT_MADE : EXPORT_MADE);
	}
	if (request)
		request_refuse(request, KERN_ABORTED, "its asker ended the export");
}

static void export_taken_back(struct export_turn *turn)
{
	struct peer_export *export = container_of(turn, struct peer_export, turn);
	struct request *request = export->request;

	free(export);
	request_reply(request, NULL, 0);
}

/* A held one that was refused: the request is answered once the VMM knows. */
static void export_refused(struct peer_export *export, struct request *request)
{
	timer_cancel(&export->hostd->loop, &export->hold_timer);
	LIST_REMOVE(export, entry);
	export->request = request;
	export_turn_refuse(&export->turn);
}

static void hold_overdue(struct timer *timer)
{
	struct peer_export *export = container_of(timer, struct peer_export, hold_timer);

	log_line(LOG_WARNING, "export task=0x%08x err=\"the other host did not end it in time\"",
		 export->range.task);
	export_free(export, EXPORT_MADE);
}

static void exported(void *context, const struct answer *answer)
{
	struct peer_export *export = context;
	struct request *request = export->request;

	export->is_asking = false;
	if (export->is_over) {
		export_free(export, export_outcome_of(answer));
		return;
	}
	if (answer->result) {
		export_free(export, export_outcome_of(answer));
	} else {
		export->request = NULL;
		timer_arm(&export->hostd->loop, &export->hold_timer,
			  export->deadline_ns + HOLD_MARGIN_MS * NS_PER_MS);
	}
	/* Last, as it may close the link. Both replies consist of the regions. */
	request_relay(request, answer);
}

static void export_granted(struct export_turn *turn)
{
	struct peer_export *export = container_of(turn, struct peer_export, turn);
	struct hostd *hostd = export->hostd;
	struct vmm_export_range_request request = {
	    .address = export->range.address,
	    .bytes = export->range.bytes,
	    .copy = export->range.copy,
	};

	export->is_asking = true;
	call_start(hostd, turn->task->vmm->channel,
		   &(struct call_setup){
		       .type = MESSAGE_vmm_export_range,
		       .uid = export->request->uid,
		       .payload = hostd->payload,
		       .bytes = hostd_encode(hostd, vmm_export_range_request, &request),
		       .deadline_ns = export->deadline_ns,
		       .done = exported,
		       .context = export,
		   });
}

static void export_task_ended(struct export_turn *turn)
{
	struct peer_export *export = container_of(turn, struct peer_export, turn);
	struct request *request = export->request;
	uint32_t task = export->range.task;

	export_free(export, EXPORT_NOT_MADE);
	request_refuse(request, KERN_TERMINATED, "task 0x%08x ended before its memory was mapped",
		       task);
}

void peer_export_range(struct channel *channel, struct link_message *message)
{
	struct hostd *hostd = channel->hostd;
	struct host_link *link = channel->owner;
	struct request *request = request_new(channel, message, message->header.uid);
	struct peer_export_range_request wanted;
	struct peer_export *export;
	struct task *task;

	if (!request)
		return;
	request_decode(request, message, peer_export_range, &wanted);
	task = route_live_task(request, wanted.task);
	if (!task)
		return;
	export = calloc(1, sizeof(*export));
	if (!export) {
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "node %d is out of memory",
			       (int)hostd->config.node);
		return;
	}
	*export = (struct peer_export){
	    .hostd = hostd,
	    .request = request,
	    .range = wanted,
	    .turn = {.granted = export_granted,
		     .task_ended = export_task_ended,
		     .taken_back = export_taken_back},
	    .deadline_ns = hostd_deadline((uint64_t)hostd->config.clone_deadline_ms),
	    .hold_timer.expired = hold_overdue,
	};
	LIST_INSERT_HEAD(&link->exports, export, entry);
	export_turn_wait(&export->turn, task);
}

/* One that is not there has ended already. */
void peer_export_end(struct channel *channel, struct link_message *message)
{
	struct host_link *link = channel->owner;
	struct request *request = request_new(channel, message, message->header.uid);
	struct peer_export_end_request wanted;
	struct peer_export *export;

	if (!request)
		return;
	request_decode(request, message, peer_export_end, &wanted);
	LIST_FOREACH(export, &link->exports, entry)
	if (export->range.export == wanted.export)
		break;
	if (export && wanted.refused && !export->request && !export->is_asking) {
		export_refused(export, request);
		return;
	}
	if (export)
		export_over(export);
	request_reply(request, NULL, 0);
}

void peer_exports_drop(struct host_link *link)
{
	struct peer_export *export;

	while ((export = LIST_FIRST(&link->exports)))
		export_over(export);
}
