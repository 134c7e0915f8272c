/*
 * Claims: a short list per channel.
 */
#include "claims.h"

#include <mach/kern_return.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "channel.h"
#include "hostd.h"
#include "message/names.h"
#include "request.h"
#include "terminate.h"

/* A client that begins more runs than this without starting them loses the oldest claims. */
#define CLAIMS_MAX (4u * SPAWN_MAX_CHILDREN)

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
	case MESSAGE_norma_task_spawn:
	case MESSAGE_peer_create_child:
		return true;
	default:
		return false;
	}
}

struct made_tasks {
	uint32_t count;
	struct port_name names[SPAWN_MAX_CHILDREN];
};

/* The replies of these types consist of the name, or of a list of names. */
static void made_tasks(uint16_t type, const struct answer *answer, struct made_tasks *ret_made)
{
	struct port_name scratch[SPAWN_MAX_CHILDREN + 4]; /* the reader aligns what it puts there */
	struct norma_task_spawn_reply list = {0};
	struct wire_reader reader;

	wire_reader_init(&reader, answer->payload, answer->bytes, scratch, sizeof(scratch));
	if (type == MESSAGE_norma_task_spawn || type == MESSAGE_peer_create_child) {
		norma_task_spawn_reply_decode(&reader, &list);
		ret_made->count = wire_reader_end(&reader) ? 0 : list.children_count;
		if (ret_made->count)
			memcpy(ret_made->names, list.children,
			       ret_made->count * sizeof(*ret_made->names));
	} else {
		ret_made->names[0].name = wire_get_u32(&reader);
		ret_made->count = 1;
	}
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
	struct made_tasks made;
};

/* On failure the channel is closing, or closes as its pings stay unanswered. */
static void confirmed(void *context, const struct answer *answer)
{
	struct confirmation *confirmation = context;

	for (uint32_t i = 0; !answer->result && i < confirmation->made.count; i++)
		claim_remove(confirmation->channel, confirmation->made.names[i].name);
	free(confirmation);
}

static void claim_until_confirmed(struct channel *channel, const struct made_tasks *made)
{
	struct confirmation *confirmation = malloc(sizeof(*confirmation));

	if (!confirmation)
		abort(); /* a few kilobytes */
	confirmation->channel = channel;
	confirmation->made = *made;
	for (uint32_t i = 0; i < made->count; i++)
		claim_add(channel, made->names[i].name);
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

static void discard_all(struct hostd *hostd, const struct made_tasks *made)
{
	for (uint32_t i = 0; i < made->count; i++)
		claims_discard_task(hostd, made->names[i].name);
}

void claims_note_success(const struct request *request, const struct answer *answer)
{
	struct channel *channel = request->channel;

	if (claims_type_makes_task(request->type)) {
		struct made_tasks made;

		made_tasks(request->type, answer, &made);
		if (!channel)
			discard_all(request->hostd, &made);
		else if (request->type == MESSAGE_norma_run_begin)
			claim_add(channel, made.names[0].name);
		else if (channel->kind == CHANNEL_HOST)
			claim_until_confirmed(channel, &made);
	} else if (channel && (request->type == MESSAGE_norma_run_start ||
			       request->type == MESSAGE_task_terminate)) {
		claim_remove(channel, request->subject);
	}
}

void claims_discard_late(struct hostd *hostd, uint16_t type, const struct answer *answer)
{
	struct made_tasks made;

	if (!claims_type_makes_task(type))
		return;
	made_tasks(type, answer, &made);
	discard_all(hostd, &made);
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
