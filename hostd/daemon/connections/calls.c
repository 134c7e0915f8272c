/*
 * The table of calls. A call that makes a task (claims.h) outlives its deadline without its asker:
 * should the other side succeed after all, the task that nobody knows is ended.
 */
#include "calls.h"

#include <errno.h>
#include <mach/kern_return.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "channel.h"
#include "claims.h"
#include "hostd.h"
#include "link/link.h"

struct call {
	struct hostd *hostd;
	struct channel *channel; /* NULL: refused, `done` is due */
	uint64_t sequence;
	uint16_t type;
	uint64_t started_ns;
	bool is_change;	   /* of a task, to its VMM (template.h) */
	call_done_fn done; /* NULL: the asker was answered, only a late success matters */
	call_done_fn late; /* may be NULL */
	void *context;
	int32_t refusal;
	char refusal_text[MESSAGE_MAX_TEXT];
	struct timer timer;
	LIST_ENTRY(call) channel_entry;
	UT_hash_handle hh;
};

static void call_free(struct call *call)
{
	struct call_table *table = &call->hostd->calls;

	timer_cancel(&call->hostd->loop, &call->timer);
	if (call->channel) {
		LIST_REMOVE(call, channel_entry);
		HASH_DEL(table->by_sequence, call);
	}
	table->count--;
	free(call);
}

static void answer_failure(call_done_fn done, void *context, struct answer answer, const char *text)
{
	uint8_t payload[MESSAGE_MAX_TEXT + 8];
	struct failure failure;
	struct wire_writer writer;

	snprintf(failure.text, sizeof(failure.text), "%s", text);
	wire_writer_init(&writer, payload, sizeof(payload));
	failure_encode(&writer, &failure);
	answer.payload = payload;
	answer.bytes = writer.used;
	done(context, &answer);
}

/* Answers the asker with a refusal of our own and frees the call. */
static void call_fail(struct call *call, int32_t result, const char *text)
{
	call_done_fn done = call->done ? call->done : call->late;
	void *context = call->context;
	char copy[MESSAGE_MAX_TEXT];

	snprintf(copy, sizeof(copy), "%s", text);
	call_free(call);
	if (done)
		answer_failure(done, context, (struct answer){.result = result}, copy);
}

static void call_expired(struct timer *timer)
{
	struct call *call = container_of(timer, struct call, timer);
	call_done_fn done = call->done;
	char text[MESSAGE_MAX_TEXT];

	if (!call->channel) {
		call_fail(call, call->refusal, call->refusal_text);
		return;
	}
	snprintf(text, sizeof(text), "%s did not answer %s within %llu ms", call->channel->label,
		 message_type_name(call->type),
		 (unsigned long long)((clock_now_ns() - call->started_ns) / NS_PER_MS));
	if (!claims_type_makes_task(call->type) && !call->late) {
		call_fail(call, KERN_OPERATION_TIMED_OUT, text);
		return;
	}
	call->done = NULL;
	if (done)
		answer_failure(done, call->context,
			       (struct answer){.result = KERN_OPERATION_TIMED_OUT,
					       .may_still_come = call->late != NULL},
			       text);
}

/* Return: the task whose VMM is at the other end, or NULL. */
static struct task *channel_task(const struct channel *channel)
{
	const struct vmm *vmm = channel->owner;

	return channel->kind == CHANNEL_VMM ? vmm->task : NULL;
}

static struct call *call_new(struct hostd *hostd, const struct call_setup *setup)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		abort(); /* a few bytes: without them no promise above can be kept */
	call->hostd = hostd;
	call->type = setup->type;
	call->done = setup->done;
	call->late = setup->late;
	call->context = setup->context;
	call->started_ns = clock_now_ns();
	call->timer.expired = call_expired;
	hostd->calls.count++;
	return call;
}

void call_refuse(struct hostd *hostd, const struct call_setup *setup, int32_t result,
		 const char *format, ...)
{
	struct call *call = call_new(hostd, setup);
	va_list args;

	call->refusal = result;
	va_start(args, format);
	vsnprintf(call->refusal_text, sizeof(call->refusal_text), format, args);
	va_end(args);
	timer_arm(&hostd->loop, &call->timer, call->started_ns);
}

void call_start(struct hostd *hostd, struct channel *channel, const struct call_setup *setup)
{
	struct message_header header = {.type = setup->type, .uid = setup->uid};
	struct call *call;
	int error = -EPIPE;
	bool is_change = false;

	header.sequence = ++hostd->calls.last_sequence;
	if (channel && channel_task(channel))
		is_change = template_call_begins(channel_task(channel), setup->type);
	if (channel)
		error = channel_send(channel, &header, setup->payload, setup->bytes, setup->fds,
				     setup->fd_count);
	if (error) {
		call_refuse(hostd, setup, KERN_FAILURE, "%s cannot be asked for %s: %s",
			    channel ? channel->label : "the program that answers it",
			    message_type_name(setup->type), strerror(-error));
		return;
	}
	call = call_new(hostd, setup);
	call->channel = channel;
	call->is_change = is_change;
	call->sequence = header.sequence;
	LIST_INSERT_HEAD(&channel->calls, call, channel_entry);
	HASH_ADD(hh, hostd->calls.by_sequence, sequence, sizeof(call->sequence), call);
	timer_arm(&hostd->loop, &call->timer, setup->deadline_ns);
}

int calls_deliver(struct channel *channel, struct link_message *reply)
{
	struct hostd *hostd = channel->hostd;
	struct answer answer = {
	    .result = reply->header.result,
	    .payload = reply->payload,
	    .bytes = reply->header.bytes,
	    .fds = reply->fds,
	    .fd_count = reply->fd_count,
	};
	uint64_t sequence = reply->header.sequence;
	struct call *call;
	call_done_fn done, late;
	void *context;

	HASH_FIND(hh, hostd->calls.by_sequence, &sequence, sizeof(sequence), call);
	if (!call) /* late, or made up */
		return sequence && sequence <= hostd->calls.last_sequence ? 0 : -EPROTO;
	if (call->channel != channel || call->type != reply->header.type)
		return -EPROTO;
	done = call->done;
	late = call->late;
	context = call->context;
	if (call->is_change)
		template_call_answered(channel_task(channel));
	call_free(call);
	if (done)
		done(context, &answer);
	else if (late)
		late(context, &answer);
	else if (!answer.result)
		claims_discard_late(hostd, reply->header.type, &answer);
	return 0;
}

/* What the end of a channel means to those who wait for something on it. */
static void closed_failure(const struct channel *channel, const struct call *call, const char *why,
			   int32_t *ret_result, char text[MESSAGE_MAX_TEXT])
{
	const char *name = message_type_name(call->type);

	if (channel->kind == CHANNEL_HOST) {
		*ret_result = KERN_NODE_DOWN;
		snprintf(text, MESSAGE_MAX_TEXT, "the link to %s broke before %s was answered: %s",
			 channel->label, name, why);
	} else if (channel->kind == CHANNEL_VMM) {
		*ret_result = KERN_TERMINATED;
		snprintf(text, MESSAGE_MAX_TEXT, "%s ended before it answered %s", channel->label,
			 name);
	} else {
		*ret_result = KERN_FAILURE;
		snprintf(text, MESSAGE_MAX_TEXT, "the link to %s broke before %s was answered: %s",
			 channel->label, name, why);
	}
}

void calls_fail_channel(struct channel *channel, const char *why)
{
	struct call *call;

	while ((call = LIST_FIRST(&channel->calls))) {
		char text[MESSAGE_MAX_TEXT];
		int32_t result;

		closed_failure(channel, call, why, &result, text);
		call_fail(call, result, text);
	}
}

void calls_drop(struct hostd *hostd)
{
	struct timer *timer, *next;

	for (timer = TAILQ_FIRST(&hostd->loop.timers); timer; timer = next) {
		next = TAILQ_NEXT(timer, entry);
		if (timer->expired == call_expired)
			call_free(container_of(timer, struct call, timer));
	}
}

void call_told(void *context, const struct answer *answer)
{
	char text[MESSAGE_MAX_TEXT];

	(void)context;
	if (answer->result && answer->result != KERN_TERMINATED)
		log_line(LOG_WARNING, "call step=told code=%d err=\"%s\"", answer->result,
			 answer_text(answer, text));
}

const char *answer_text(const struct answer *answer, char *text)
{
	struct failure failure;
	struct wire_reader reader;

	wire_reader_init(&reader, answer->payload, answer->bytes, NULL, 0);
	failure_decode(&reader, &failure);
	if (wire_reader_end(&reader) || !failure.text[0])
		snprintf(text, MESSAGE_MAX_TEXT, "it gave no reason (code %d)", answer->result);
	else
		snprintf(text, MESSAGE_MAX_TEXT, "%s", failure.text);
	return text;
}
