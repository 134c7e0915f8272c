/*
 * Attachments are on two lists: their channel's, and the task's when that lives here.
 */
#include "attachments.h"

#include <errno.h>
#include <stdlib.h>

#include "consoles.h"
#include "hostd.h"

#define ATTACHMENTS_MAX_PER_CLIENT 64

static void attachment_free(struct attachment *attachment)
{
	LIST_REMOVE(attachment, channel_entry);
	if (attachment->task)
		LIST_REMOVE(attachment, task_entry);
	free(attachment);
}

int attachment_note(struct channel *channel, uint32_t name, struct task *task, uint32_t uid,
		    uint64_t position)
{
	struct attachment *attachment;
	unsigned int count = 0;

	LIST_FOREACH(attachment, &channel->attachments, channel_entry)
	{
		if (attachment->name == name) {
			attachment->position = position;
			return 0;
		}
		count++;
	}
	if (channel->kind != CHANNEL_HOST && count >= ATTACHMENTS_MAX_PER_CLIENT)
		return -EMFILE;
	attachment = calloc(1, sizeof(*attachment));
	if (!attachment)
		return -ENOMEM;
	*attachment = (struct attachment){
	    .channel = channel,
	    .name = name,
	    .uid = uid,
	    .task = task,
	    .position = position,
	};
	LIST_INSERT_HEAD(&channel->attachments, attachment, channel_entry);
	if (task)
		LIST_INSERT_HEAD(&task->attachments, attachment, task_entry);
	return 0;
}

uint64_t attachments_keep_from(const struct task *task)
{
	const struct attachment *attachment;
	uint64_t least = UINT64_MAX;

	LIST_FOREACH(attachment, &task->attachments, task_entry)
	if (attachment->position < least)
		least = attachment->position;
	return least;
}

/* Whether this arrives decides nothing: a host that cannot be reached has no use for it. */
static void detached(void *context, const struct answer *answer)
{
	(void)context;
	(void)answer;
}

static void detach_remote(struct hostd *hostd, uint32_t name, uint32_t uid)
{
	struct norma_console_read_request request = {
	    .task = name, .offset = UINT64_MAX, .attach = 1};
	size_t bytes = hostd_encode(hostd, norma_console_read_request, &request);

	peer_call(hostd, name_node(name),
		  &(struct call_setup){
		      .type = MESSAGE_norma_console_read,
		      .uid = uid,
		      .payload = hostd->payload,
		      .bytes = bytes,
		      .deadline_ns = hostd_deadline((uint64_t)hostd->config.call_deadline_ms),
		      .done = detached,
		  });
}

void attachments_drop(struct channel *channel)
{
	struct attachment *attachment;

	while ((attachment = LIST_FIRST(&channel->attachments))) {
		struct task *task = attachment->task;
		uint32_t name = attachment->name, uid = attachment->uid;

		attachment_free(attachment);
		if (task)
			consoles_room(task);
		else if (!channel->hostd->is_stopping)
			detach_remote(channel->hostd, name, uid);
	}
}

void attachments_task_ended(struct task *task)
{
	struct attachment *attachment;

	while ((attachment = LIST_FIRST(&task->attachments)))
		attachment_free(attachment);
}
