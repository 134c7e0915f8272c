/*
 * Who reads which console so that no output may be lost (`attach` of norma_console_read). The
 * reader is known by its channel: at the host it is connected to, the client itself; at the task's
 * host, if that is another one, the host it comes from. When the client goes, its host tells the
 * task's host with a last attached read at offset UINT64_MAX: everything counts as read then.
 */
#ifndef DAEMON_ATTACHMENTS_H
#define DAEMON_ATTACHMENTS_H

#include <stdint.h>
#include <sys/queue.h>

struct channel;
struct task;

struct attachment {
	LIST_ENTRY(attachment) channel_entry;
	LIST_ENTRY(attachment) task_entry;
	struct channel *channel;
	uint32_t name;
	uint32_t uid;
	struct task *task; /* NULL: the task is on another node */
	uint64_t position; /* everything before it was read */
};

/*
 * Notes an attached read. task NULL: of a task on another node.
 * Return: 0, -EMFILE when this channel reads too many consoles, -ENOMEM.
 */
int attachment_note(struct channel *channel, uint32_t name, struct task *task, uint32_t uid,
		    uint64_t position);

/* Return: output from here on is still needed by somebody; UINT64_MAX: by nobody. */
uint64_t attachments_keep_from(const struct task *task);

/* The channel closes, or the task ended. */
void attachments_drop(struct channel *channel);
void attachments_task_ended(struct task *task);

#endif
