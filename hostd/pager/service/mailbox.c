/*
 * The list of notes, and the eventfd that wakes the ring.
 */
#include "pager/service/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pager/service/container.h"

static void poll_complete(struct ring_operation *operation, int result)
{
	struct mailbox *mailbox = CONTAINER(operation, struct mailbox, poll);
	uint64_t count;

	(void)result;
	/* Before the list is looked at: what is posted from here on wakes us again. */
	if (read(mailbox->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	mailbox_run(mailbox);
}

int mailbox_init(struct mailbox *mailbox)
{
	STAILQ_INIT(&mailbox->notes);
	mailbox->poll = (struct ring_operation){.complete = poll_complete};
	mailbox->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mailbox->event_fd < 0)
		return -errno;
	return -pthread_mutex_init(&mailbox->mutex, NULL);
}

void mailbox_listen(struct mailbox *mailbox, struct ring *ring)
{
	ring_poll_always(ring, &mailbox->poll, mailbox->event_fd, POLLIN);
}

void mailbox_post(struct mailbox *mailbox, struct note *note)
{
	const uint64_t one = 1;
	bool was_empty;

	pthread_mutex_lock(&mailbox->mutex);
	was_empty = STAILQ_EMPTY(&mailbox->notes);
	STAILQ_INSERT_TAIL(&mailbox->notes, note, of_mailbox);
	pthread_mutex_unlock(&mailbox->mutex);
	/* Fails only when the counter is full, which says the same. */
	if (was_empty && write(mailbox->event_fd, &one, sizeof(one)) < 0)
		return;
}

void mailbox_run(struct mailbox *mailbox)
{
	struct note_list notes = STAILQ_HEAD_INITIALIZER(notes);
	struct note *note;

	pthread_mutex_lock(&mailbox->mutex);
	STAILQ_CONCAT(&notes, &mailbox->notes);
	pthread_mutex_unlock(&mailbox->mutex);
	while ((note = STAILQ_FIRST(&notes))) {
		STAILQ_REMOVE_HEAD(&notes, of_mailbox);
		note->run(note);
	}
}

void mailbox_done(struct mailbox *mailbox)
{
	if (mailbox->event_fd < 0)
		return;
	close(mailbox->event_fd);
	mailbox->event_fd = -1;
	pthread_mutex_destroy(&mailbox->mutex);
}
