/*
 * Notes from any thread to one: it sleeps in its ring, is woken once for all that came meanwhile,
 * and runs them in their order. A note is embedded in what it is about and belongs to the mailbox
 * from mailbox_post until it runs.
 */
#ifndef SERVICE_MAILBOX_H
#define SERVICE_MAILBOX_H

#include <pthread.h>
#include <sys/queue.h>

#include "page/ring.h"

struct note {
	void (*run)(struct note *note); /* by the thread that listens; may free the note */
	STAILQ_ENTRY(note) of_mailbox;
};
STAILQ_HEAD(note_list, note);

struct mailbox {
	pthread_mutex_t mutex;
	struct note_list notes; /* under the mutex */
	int event_fd;		/* readable when there are notes; -1: not initialised */
	struct ring_operation poll;
};

/* Return: 0 or -errno. */
int mailbox_init(struct mailbox *mailbox);
/* From now on this ring's thread runs the notes, each in a completion. */
void mailbox_listen(struct mailbox *mailbox, struct ring *ring);
void mailbox_post(struct mailbox *mailbox, struct note *note);
/* Runs what is there; by the thread that listens, or by the last one when that has ended. */
void mailbox_run(struct mailbox *mailbox);
/* Only when it is empty and no ring listens. Accepts what a failed mailbox_init left. */
void mailbox_done(struct mailbox *mailbox);

#endif
