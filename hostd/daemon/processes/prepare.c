/*
 * Having a waiting VMM map the memory of a template, so that it becomes a child of it sooner.
 */
#include <mach/kern_return.h>

#include "base/log.h"
#include "channel.h"
#include "child.h"
#include "hostd.h"

/* It may have to be made first, beside many others; nobody waits for it. */
#define PREPARE_DEADLINE_MS 30000

/* One that cannot be prepared is of no use, and others would do no better. */
static void prepared(void *context, const struct answer *answer)
{
	struct vmm *vmm = context;
	char text[MESSAGE_MAX_TEXT];

	/* Its end is noticed as that of any other. */
	if (!vmm->pool || answer->result == KERN_TERMINATED)
		return;
	vmm->is_prepared = !answer->result;
	if (vmm->is_prepared)
		return;
	log_line(LOG_WARNING,
		 "vmm=%d step=prepare err=\"children of a task are made more slowly: %s\"",
		 vmm->process.pid, answer_text(answer, text));
	vmm->pool->is_refused = true;
	vmm_pool_end(&vmm->hostd->vmms, vmm->pool);
}

void vmm_prepare(struct vmm *vmm)
{
	const struct child_memory *memory = vmm->pool->memory;
	struct hostd *hostd = vmm->hostd;
	const struct vmm_prepare_request request = {
	    .regions = memory->regions,
	    .regions_count = memory->region_count,
	    .windows = memory->windows,
	    .windows_count = memory->window_count,
	    .thread_state = vmm->pool->thread_state,
	};

	call_start(hostd, vmm->channel,
		   &(struct call_setup){
		       .type = MESSAGE_vmm_prepare,
		       .payload = hostd->payload,
		       .bytes = hostd_encode(hostd, vmm_prepare_request, &request),
		       .fds = memory->fds,
		       .fd_count = memory->window_count,
		       .deadline_ns = hostd_deadline(PREPARE_DEADLINE_MS),
		       .done = prepared,
		       .context = vmm,
		   });
}
