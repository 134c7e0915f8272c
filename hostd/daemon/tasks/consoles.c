/*
 * Output that has no room is kept beside the console, in order, with its unanswered request; the
 * VMM's own limit on unanswered outputs (one per thread) bounds that.
 */
#include "consoles.h"

#include <mach/kern_return.h>
#include <stdlib.h>
#include <string.h>

#include "attachments.h"
#include "hostd.h"
#include "link/link.h"

#define OUTPUTS_MAX NAME_THREADS

struct console_output {
	TAILQ_ENTRY(console_output) entry;
	struct task *task;
	struct request *request;
	enum console_stream stream;
	size_t bytes, taken;
	uint8_t data[];
};

struct console_read {
	LIST_ENTRY(console_read) entry;
	struct task *task;
	struct request *request;
	uint64_t offset;
	struct timer timer;
};

static struct request *output_take(struct console_output *output)
{
	struct request *request = output->request;

	TAILQ_REMOVE(&output->task->outputs, output, entry);
	free(output);
	return request;
}

static void output_abandoned(struct request *request)
{
	request_free(output_take(request->holder));
}

static struct request *read_take(struct console_read *read)
{
	struct request *request = read->request;

	LIST_REMOVE(read, entry);
	timer_cancel(&read->task->hostd->loop, &read->timer);
	free(read);
	return request;
}

static void read_abandoned(struct request *request)
{
	request_free(read_take(request->holder));
}

/* Answers with what there is from `offset` on, maybe nothing. */
static void read_reply(struct request *request, const struct task *task, uint64_t offset)
{
	uint8_t data[MESSAGE_MAX_DATA];
	struct norma_console_read_reply reply = {.data.data = data};

	reply.data.bytes = (uint32_t)console_copy(&task->console, offset, data, sizeof(data),
						  &reply.offset, &reply.stream);
	reply.end = task->phase == TASK_ENDED && reply.data.bytes == 0;
	request_reply_with(request, norma_console_read, &reply);
}

static void read_expired(struct timer *timer)
{
	struct console_read *read = container_of(timer, struct console_read, timer);
	struct task *task = read->task;
	uint64_t offset = read->offset;

	read_reply(read_take(read), task, offset);
}

static struct console_read *answerable_read(const struct task *task)
{
	struct console_read *read;

	LIST_FOREACH(read, &task->reads, entry)
	if (read->offset < task->console.end || task->phase == TASK_ENDED)
		return read;
	return NULL;
}

/*
 * Answers the reads that have something to answer with. Each time from the start: an answer that
 * cannot be sent closes its channel, and other reads of that channel leave the list.
 */
static void answer_reads(struct task *task)
{
	struct console_read *read;

	while ((read = answerable_read(task))) {
		uint64_t offset = read->offset;

		read_reply(read_take(read), task, offset);
	}
}

/* Moves bytes into the console. Return: how many were taken; all when there is no memory. */
static size_t output_store(struct task *task, enum console_stream stream, const uint8_t *data,
			   size_t bytes)
{
	int64_t taken =
	    console_append(&task->console, stream, data, bytes, attachments_keep_from(task));

	/* Output is lost rather than the program stopped: the same as without a reader. */
	return taken < 0 ? bytes : (size_t)taken;
}

void consoles_room(struct task *task)
{
	struct console_output *output;

	while ((output = TAILQ_FIRST(&task->outputs))) {
		output->taken += output_store(task, output->stream, output->data + output->taken,
					      output->bytes - output->taken);
		if (output->taken < output->bytes)
			break;
		request_reply(output_take(output), NULL, 0);
	}
	answer_reads(task);
}

static void output_wait(struct request *request, struct task *task, enum console_stream stream,
			const uint8_t *data, size_t bytes)
{
	struct console_output *output = malloc(sizeof(*output) + bytes);

	if (!output) {
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	*output = (struct console_output){
	    .task = task, .request = request, .stream = stream, .bytes = bytes};
	memcpy(output->data, data, bytes);
	TAILQ_INSERT_TAIL(&task->outputs, output, entry);
	request->holder = output;
	request->abandoned = output_abandoned;
}

static bool has_too_many_outputs(const struct task *task)
{
	const struct console_output *output;
	unsigned int count = 0;

	TAILQ_FOREACH (output, &task->outputs, entry)
		count++;
	return count >= OUTPUTS_MAX;
}

void consoles_output(struct task *task, struct channel *channel, struct link_message *message)
{
	struct vmm_console_output_request output;
	struct request *request;
	size_t taken = 0;

	if (hostd_decode(task->hostd, vmm_console_output_request, message->payload,
			 message->header.bytes, &output) ||
	    (output.stream != CONSOLE_STDOUT && output.stream != CONSOLE_STDERR) ||
	    has_too_many_outputs(task)) {
		request_reject(channel, &message->header, KERN_INVALID_ARGUMENT,
			       "console output with an unknown stream, or too much at once");
		return;
	}
	request = request_new(channel, message, channel->uid);
	if (!request)
		return;
	if (TAILQ_EMPTY(&task->outputs))
		taken = output_store(task, output.stream, output.data.data, output.data.bytes);
	if (taken == output.data.bytes)
		request_reply(request, NULL, 0);
	else
		output_wait(request, task, output.stream, output.data.data + taken,
			    output.data.bytes - taken);
	answer_reads(task);
}

static void read_wait(struct request *request, struct task *task,
		      const struct norma_console_read_request *wanted)
{
	struct console_read *read = calloc(1, sizeof(*read));

	if (!read) {
		request_refuse(request, KERN_RESOURCE_SHORTAGE, "this host is out of memory");
		return;
	}
	*read = (struct console_read){.task = task, .request = request, .offset = wanted->offset};
	read->timer.expired = read_expired;
	LIST_INSERT_HEAD(&task->reads, read, entry);
	request->holder = read;
	request->abandoned = read_abandoned;
	timer_arm(&task->hostd->loop, &read->timer, hostd_deadline(wanted->timeout_ms));
}

void consoles_read(struct request *request, struct task *task,
		   const struct norma_console_read_request *wanted)
{
	if (wanted->attach && task->phase != TASK_ENDED) {
		if (attachment_note(request->channel, task->name, task, request->uid,
				    wanted->offset)) {
			request_refuse(request, KERN_RESOURCE_SHORTAGE,
				       "too many consoles are attached on this connection");
			return;
		}
		consoles_room(task);
	}
	if (wanted->offset < task->console.end || task->phase == TASK_ENDED ||
	    wanted->timeout_ms == 0)
		read_reply(request, task, wanted->offset);
	else
		read_wait(request, task, wanted);
}

void consoles_task_ended(struct task *task)
{
	attachments_task_ended(task);
	answer_reads(task);
}
