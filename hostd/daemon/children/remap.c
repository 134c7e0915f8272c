/*
 * The state machine of vm_remap.
 */
#include "remap.h"

#include <assert.h>
#include <mach/kern_return.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/log.h"
#include "channel.h"
#include "hostd.h"
#include "remap_source.h"
#include "route.h"

enum remap_state {
	REMAP_EXPORT,
	REMAP_IMPORT,
	REMAP_TAKE_BACK, /* nobody took the memory: the source is told before the caller */
	REMAP_LATE,	 /* answered: the import took too long, but may still succeed */
	REMAP_DONE,
	REMAP_NUM_STATES,
};

static const char *const state_names[] = {"export", "import", "take back", "late", "done"};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == REMAP_NUM_STATES,
	      "a name for each state");

static const bool state_may_follow[REMAP_NUM_STATES][REMAP_NUM_STATES] = {
    [REMAP_EXPORT] = {[REMAP_IMPORT] = true, [REMAP_TAKE_BACK] = true, [REMAP_DONE] = true},
    [REMAP_IMPORT] = {[REMAP_TAKE_BACK] = true, [REMAP_LATE] = true, [REMAP_DONE] = true},
    [REMAP_TAKE_BACK] = {[REMAP_DONE] = true},
    [REMAP_LATE] = {[REMAP_DONE] = true},
};

struct remap {
	struct hostd *hostd;
	struct request *request;       /* NULL once answered */
	struct vm_remap_request range; /* source_address and size are whole pages */
	struct remap_source source;
	uint32_t uid;
	enum remap_state state;
	uint64_t deadline_ns;
	uint32_t cur_protection, max_protection;
	int32_t refusal; /* in REMAP_TAKE_BACK: what the caller will be told */
	char refusal_text[MESSAGE_MAX_TEXT];
};

static void remap_set_state(struct remap *remap, enum remap_state state)
{
	assert(state_may_follow[remap->state][state]);
	remap->state = state;
}

static void log_refusal(const struct remap *remap, int32_t result, const char *text)
{
	log_line(LOG_INFO,
		 "remap target=0x%08x source=0x%08x bytes=%llu step=%s code=%d err=\"%s\"",
		 remap->range.target_task, remap->range.source_task,
		 (unsigned long long)remap->range.size, state_names[remap->state], result, text);
}

/* Refuses in a state that leaves nothing to wait for. */
static void remap_refuse(struct remap *remap, int32_t result, const char *text)
{
	log_refusal(remap, result, text);
	remap_set_state(remap, REMAP_DONE);
	request_refuse(remap->request, result, "%s", text);
	free(remap);
}

static void refuse_taken_back(struct remap_source *source)
{
	struct remap *remap = container_of(source, struct remap, source);

	remap_refuse(remap, remap->refusal, remap->refusal_text);
}

/*
 * Refuses when nobody has taken what the source gave. The source is not to be marked as sharing
 * with nobody, and the caller may look at once.
 */
static void remap_take_back(struct remap *remap, int32_t result, const char *text)
{
	remap_set_state(remap, REMAP_TAKE_BACK);
	remap->refusal = result;
	snprintf(remap->refusal_text, sizeof(remap->refusal_text), "%s", text);
	remap_source_take_back(&remap->source);
}

/* The import came about after all: nobody knows of it. */
static void undo_import(struct remap *remap, const struct answer *answer)
{
	struct task *target = tasks_find(&remap->hostd->tasks, remap->range.target_task);
	struct vm_deallocate_request request = {.task = remap->range.target_task,
						.size = remap->range.size};
	struct hostd *hostd = remap->hostd;
	struct vmm_import_range_reply reply;

	if (!target || !task_is_reachable(target) ||
	    hostd_decode(hostd, vmm_import_range_reply, answer->payload, answer->bytes, &reply))
		return;
	request.address = reply.address;
	call_start(hostd, target->vmm->channel,
		   &(struct call_setup){
		       .type = MESSAGE_vm_deallocate,
		       .uid = remap->uid,
		       .payload = hostd->payload,
		       .bytes = hostd_encode(hostd, vm_deallocate_request, &request),
		       .deadline_ns = hostd_deadline((uint64_t)hostd->config.call_deadline_ms),
		       .done = call_told,
		   });
}

static void import_late(void *context, const struct answer *answer)
{
	struct remap *remap = context;

	if (!answer->result)
		undo_import(remap, answer);
	remap_set_state(remap, REMAP_DONE);
	free(remap);
}

static void import_timed_out(struct remap *remap, const struct answer *answer)
{
	char text[MESSAGE_MAX_TEXT];

	log_refusal(remap, answer->result, answer_text(answer, text));
	remap_set_state(remap, REMAP_LATE);
	request_relay(remap->request, answer);
}

static void imported(void *context, const struct answer *answer)
{
	struct remap *remap = context;
	struct vmm_import_range_reply reply;
	struct request *request = remap->request;
	char text[MESSAGE_MAX_TEXT];

	if (answer->result && !answer->may_still_come) {
		remap_take_back(remap, answer->result, answer_text(answer, text));
		return;
	}
	remap_source_end(&remap->source, EXPORT_MADE);
	if (answer->may_still_come) {
		import_timed_out(remap, answer);
	} else if (hostd_decode(remap->hostd, vmm_import_range_reply, answer->payload,
				answer->bytes, &reply)) {
		remap_refuse(remap, KERN_FAILURE,
			     "the target's VMM said wrongly where the memory is");
	} else {
		struct vm_remap_reply success = {
		    .address = reply.address,
		    .cur_protection = remap->cur_protection,
		    .max_protection = remap->max_protection,
		};

		remap_set_state(remap, REMAP_DONE);
		free(remap);
		request_reply_with(request, vm_remap, &success);
	}
}

/* What all regions allow. */
static void note_protections(struct remap *remap, const struct region_entry *regions,
			     uint32_t count)
{
	remap->cur_protection = VM_PROT_ALL;
	remap->max_protection = VM_PROT_ALL;
	for (uint32_t i = 0; i < count; i++) {
		remap->cur_protection &= regions[i].protection;
		remap->max_protection &= regions[i].max_protection;
	}
}

/* What is mapped: whole pages, so more than was asked for. */
static uint64_t whole_bytes(const struct region_entry *regions, uint32_t count)
{
	const struct region_entry *last = &regions[count - 1];

	return last->start + last->bytes - regions[0].start;
}

static void remap_import(struct remap *remap, const struct vmm_export_range_reply *exported)
{
	struct hostd *hostd = remap->hostd;
	struct task *target = tasks_find(&hostd->tasks, remap->range.target_task);
	struct vmm_import_range_request request = {
	    .address = remap->range.address,
	    .mask = remap->range.mask,
	    .anywhere = remap->range.anywhere,
	    .inheritance = remap->range.inheritance,
	    .regions = exported->regions,
	    .regions_count = exported->regions_count,
	};

	if (!target || !task_is_reachable(target)) {
		remap_take_back(remap, KERN_TERMINATED,
				"the target task ended before it was mapped");
		return;
	}
	remap_set_state(remap, REMAP_IMPORT);
	remap->range.size = whole_bytes(exported->regions, exported->regions_count);
	note_protections(remap, exported->regions, exported->regions_count);
	call_start(hostd, target->vmm->channel,
		   &(struct call_setup){
		       .type = MESSAGE_vmm_import_range,
		       .uid = target->owner_uid,
		       .payload = hostd->payload,
		       .bytes = hostd_encode(hostd, vmm_import_range_request, &request),
		       .deadline_ns = remap->deadline_ns,
		       .done = imported,
		       .late = import_late,
		       .context = remap,
		   });
}

static void exported(struct remap_source *source, const struct answer *answer)
{
	struct remap *remap = container_of(source, struct remap, source);
	struct vmm_export_range_reply reply;
	char text[MESSAGE_MAX_TEXT];

	if (answer->result) {
		remap_source_end(&remap->source, export_outcome_of(answer));
		remap_refuse(remap, answer->result, answer_text(answer, text));
	} else if (hostd_decode(remap->hostd, vmm_export_range_reply, answer->payload,
				answer->bytes, &reply) ||
		   !reply.regions_count) {
		remap_source_end(&remap->source, EXPORT_MADE);
		remap_refuse(remap, KERN_FAILURE,
			     "the source's memory was described wrongly by its VMM");
	} else {
		remap_import(remap, &reply);
	}
}

static void source_ended(struct remap_source *source)
{
	remap_refuse(container_of(source, struct remap, source), KERN_TERMINATED,
		     "the source task ended before its memory was mapped");
}

/*
 * Return: true when the call makes sense; otherwise the request is refused. The range is the
 * source's VMM's to check: a source that has ended is noticed first, on whatever host it was.
 */
static bool check_arguments(struct request *request, const struct vm_remap_request *range)
{
	struct hostd *hostd = request->hostd;
	int node = name_node(range->source_task);

	if (name_kind(range->source_task) != NAME_TASK ||
	    !(hostd_is_own_node(hostd, node) || peer_find(&hostd->peers, node))) {
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "0x%08x is not the name of a task of a node of the table",
			       range->source_task);
	} else if (range->size == 0) {
		request_refuse(request, KERN_INVALID_ARGUMENT, "vm_remap of 0 bytes");
	} else if (range->inheritance > VM_INHERIT_LAST_VALID) {
		request_refuse(request, KERN_INVALID_ARGUMENT,
			       "inheritance %u does not exist: use share (0), copy (1) or none (2)",
			       range->inheritance);
	} else {
		return true;
	}
	return false;
}

void remap_begin(struct request *request, const struct vm_remap_request *wanted)
{
	struct hostd *hostd = request->hostd;
	struct vm_remap_request range = *wanted;
	struct task *source = NULL;
	struct remap *remap;

	if (!route_live_task(request, range.target_task) || !check_arguments(request, &range))
		return;
	if (hostd_is_own_node(hostd, name_node(range.source_task))) {
		source = route_live_task(request, range.source_task);
		if (!source)
			return;
	}
	remap = calloc(1, sizeof(*remap));
	if (!remap) {
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	range.address = page_floor(range.address);
	range.copy = range.copy ? 1 : 0;
	range.anywhere = range.anywhere ? 1 : 0;
	*remap = (struct remap){
	    .hostd = hostd,
	    .request = request,
	    .range = range,
	    .uid = request->uid,
	    .deadline_ns = hostd_deadline((uint64_t)hostd->config.clone_deadline_ms),
	};
	remap->source = (struct remap_source){
	    .hostd = hostd,
	    .task = range.source_task,
	    .address = range.source_address,
	    .bytes = range.size,
	    .is_copy = range.copy,
	    .uid = remap->uid,
	    .deadline_ns = remap->deadline_ns,
	    .exported = exported,
	    .task_ended = source_ended,
	    .taken_back = refuse_taken_back,
	};
	remap_source_export(&remap->source, source);
}
