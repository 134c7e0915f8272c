/*
 * Answering.
 */
#include "cpu/baseline_peer.h"

#include <errno.h>
#include <mach/kern_return.h>
#include <string.h>

#include "channel.h"
#include "cpu/baseline.h"
#include "hostd.h"
#include "link/link.h"
#include "request.h"

int baseline_answer_fill(struct hostd *hostd, struct baseline_answer *answer)
{
	const struct host_cpu *cpu = &hostd->cpu;
	const char *xml;

	if (!cpu->identity)
		return -ENODEV;
	xml = inventory_current(hostd->inventory)->libvirt.cpu_xml;
	if (!xml || strlen(xml) > CPU_MAX_XML)
		xml = "";
	answer->reply = (struct peer_cpu_reply){
	    .applies = cpu->applies,
	    .has_baseline = cpu->has_baseline,
	    .native = answer->native,
	    .native_count = cpu_words_from(&cpu->native, answer->native),
	    .libvirt_cpu = {(const uint8_t *)xml, (uint32_t)strlen(xml)},
	};
	cpu_fields_fill(&answer->reply, cpu->identity, answer->promised);
	return 0;
}

static void tell(struct request *request)
{
	struct baseline_answer answer;

	if (baseline_answer_fill(request->hostd, &answer))
		request_refuse(request, KERN_FAILURE, "%s", request->hostd->cpu.text);
	else
		request_reply_with(request, peer_cpu, &answer.reply);
}

void baseline_tell(struct channel *channel, struct link_message *message)
{
	struct request *request = request_new(channel, message, message->header.uid);

	if (request)
		tell(request);
}

static void set_over(void *context, int error, const char *text)
{
	struct request *request = context;

	if (error)
		request_refuse(request, KERN_FAILURE, "%s", text);
	else
		tell(request);
}

void baseline_set(struct channel *channel, struct link_message *message)
{
	struct hostd *hostd = channel->hostd;
	struct peer_cpu_baseline_request wanted;
	struct cpu_features baseline;
	char error[MESSAGE_MAX_TEXT];
	struct request *request;

	if (hostd_decode(hostd, peer_cpu_baseline_request, message->payload, message->header.bytes,
			 &wanted) ||
	    cpu_words_to(wanted.baseline, wanted.baseline_count, &baseline)) {
		channel_close(channel, "it sent a malformed peer_cpu_baseline");
		return;
	}
	request = request_new(channel, message, message->header.uid);
	if (request && host_cpu_set_baseline(&hostd->cpu, &baseline, set_over, request, error))
		request_refuse(request, KERN_FAILURE, "%s", error);
}
