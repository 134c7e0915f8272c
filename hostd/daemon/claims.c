/*
 * Claims: a short list per channel.
 */
#include "claims.h"

#include <mach/kern_return.h>
#include <stdlib.h>

#include "base/log.h"
#include "channel.h"
#include "hostd.h"
#include "message/names.h"
#include "request.h"
#include "terminate.h"

/* A client that begins more runs than this without starting them loses the oldest claims. */
#define CLAIMS_MAX 1024

struct claim {
	TAILQ_ENTRY(claim) entry;
	uint32_t task;
};

bool claims_type_makes_task(uint16_t type)
{
	switch (type) {
	case MESSAGE_norma_run_begin:
	case MESSAGE_task_create:
	case MESSAGE_norma_task_create:
	case MESSAGE_norma_task_clone:
	case MESSAGE_peer_create_child:
		return true;
	default:
		return false;
	}
}

static uint32_t made_task(const struct answer *answer)
{
	struct wire_reader reader;

	/* All replies of these types consist of the name. */
	wire_reader_init(&reader, answer->payload, answer->bytes, NULL, 0);
	return wire_get_u32(&reader);
}

static void claim_drop(struct channel *channel, struct claim *claim)
{
	TAILQ_REMOVE(&channel->claims, claim, entry);
	channel->claim_count--;
	free(claim);
}

static void claim_remove(struct channel *channel, uint32_t task)
{
	struct claim *claim, *next;

	for (claim = TAILQ_FIRST(&channel->claims); claim; claim = next) {
		next = TAILQ_NEXT(claim, entry);
		if (claim->task == task)
			claim_drop(channel, claim);
	}
}

static void claim_add(struct channel *channel, uint32_t task)
{
	struct claim *claim = calloc(1, sizeof(*claim));

	if (!claim)
		abort(); /* sixteen bytes */
	claim->task = task;
	TAILQ_INSERT_TAIL(&channel->claims, claim, entry);
	if (++channel->claim_count > CLAIMS_MAX)
		claim_drop(channel, TAILQ_FIRST(&channel->claims));
}

struct confirmation {
	struct channel *channel;
	uint32_t task;
};

/* On failure the channel is closing, or closes as its pings stay unanswered. */
static void confirmed(void *context, const struct answer *answer)
{
	struct confirmation *confirmation = context;

	if (!answer->result)
		claim_remove(confirmation->channel, confirmation->task);
	free(confirmation);
}

static void claim_until_confirmed(struct channel *channel, uint32_t task)
{
	struct confirmation *confirmation = calloc(1, sizeof(*confirmation));

	if (!confirmation)
		abort(); /* sixteen bytes */
	*confirmation = (struct confirmation){channel, task};
	claim_add(channel, task);
	call_start(
	    channel->hostd, channel,
	    &(struct call_setup){
		.type = MESSAGE_peer_ping,
		.deadline_ns = hostd_deadline((uint64_t)channel->hostd->config.call_deadline_ms),
		.done = confirmed,
		.context = confirmation,
	    });
}

static void discarded(void *context, const struct answer *answer)
{
	char text[MESSAGE_MAX_TEXT];

	(void)context;
	/* KERN_INVALID_ARGUMENT: it ended by itself meanwhile. */
	if (answer->result && answer->result != KERN_INVALID_ARGUMENT)
		log_line(LOG_WARNING, "a task that nobody took over may be left: %s",
			 answer_text(answer, text));
}

void claims_discard_task(struct hostd *hostd, uint32_t name)
{
	struct task_terminate_request request = {.task = name};
	struct task *task;
	size_t bytes;

	if (name_kind(name) != NAME_TASK)
		return;
	log_line(LOG_INFO, "task=0x%08x step=discard why=\"whoever asked for it is gone\"", name);
	if (hostd_is_own_node(hostd, name_node(name))) {
		task = tasks_find(&hostd->tasks, name);
		if (task)
			task_end(task, "whoever asked for it was gone before it started");
		return;
	}
	bytes = hostd_encode(hostd, task_terminate_request, &request);
	peer_call(hostd, name_node(name),
		  &(struct call_setup){
		      .type = MESSAGE_task_terminate,
		      .payload = hostd->payload,
		      .bytes = bytes,
		      .deadline_ns = hostd_deadline((uint64_t)hostd->config.call_deadline_ms),
		      .done = discarded,
		  });
}

void claims_note_success(const struct request *request, const struct answer *answer)
{
	struct channel *channel = request->channel;

	if (claims_type_makes_task(request->type)) {
		uint32_t task = made_task(answer);

		if (!channel)
			claims_discard_task(request->hostd, task);
		else if (request->type == MESSAGE_norma_run_begin)
			claim_add(channel, task);
		else if (channel->kind == CHANNEL_HOST)
			claim_until_confirmed(channel, task);
	} else if (channel && (request->type == MESSAGE_norma_run_start ||
			       request->type == MESSAGE_task_terminate)) {
		claim_remove(channel, request->subject);
	}
}

void claims_discard_late(struct hostd *hostd, uint16_t type, const struct answer *answer)
{
	if (claims_type_makes_task(type))
		claims_discard_task(hostd, made_task(answer));
}

void claims_discard(struct channel *channel)
{
	struct claim *claim;

	while ((claim = TAILQ_FIRST(&channel->claims))) {
		uint32_t task = claim->task;

		claim_drop(channel, claim);
		claims_discard_task(channel->hostd, task);
	}
}
