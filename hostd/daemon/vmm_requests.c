/*
 * A VMM is our own program but runs somebody's code: what it sends is checked like a client's. One
 * that breaks the protocol is ended.
 */
#include "vmm_requests.h"

#include <mach/kern_return.h>

#include "base/log.h"
#include "channel.h"
#include "consoles.h"
#include "hostd.h"
#include "link/link.h"
#include "request.h"
#include "route.h"
#include "terminate.h"

static void vmm_breaks_protocol(struct vmm *vmm, const char *what)
{
	log_line(LOG_ERROR, "vmm=%d task=0x%08x err=\"it sent %s, killing it\"", vmm->process.pid,
		 vmm->task ? vmm->task->name : 0, what);
	if (vmm->task)
		task_end(vmm->task, "its VMM sent something that is not allowed");
	else
		vmm_kill(vmm);
}

static void vmm_ended(struct vmm *vmm, struct link_message *message)
{
	struct vmm_ended_request ended;

	if (hostd_decode(vmm->hostd, vmm_ended_request, message->payload, message->header.bytes,
			 &ended) ||
	    ended.state < TASK_STATE_EXITED || ended.state > TASK_STATE_KILLED) {
		vmm_breaks_protocol(vmm, "a malformed vmm_ended");
		return;
	}
	/* No answer: there is nothing left that it would do with one. */
	task_told_ended(vmm->task, &ended);
}

void vmm_request(struct channel *channel, struct link_message *message)
{
	struct vmm *vmm = channel->owner;

	if (!vmm->task)
		vmm_breaks_protocol(vmm, "a message before it was given a task");
	else if (message->header.type == MESSAGE_vmm_console_output)
		consoles_output(vmm->task, channel, message);
	else if (message->header.type == MESSAGE_vmm_ended)
		vmm_ended(vmm, message);
	else
		route_call(channel, message, channel->uid);
}
