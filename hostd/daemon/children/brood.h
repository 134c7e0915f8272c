/*
 * Several tasks made on this host by one call: all of them or, when `done` is told of the failure,
 * none that goes on: those that were made are ended.
 */
#ifndef DAEMON_BROOD_H
#define DAEMON_BROOD_H

#include "child.h"

/* Time that making each of them adds to a deadline. */
#define BROOD_EACH_MS 50u

/* names[count]: in the order of their numbers. result: a kern_return_t; `text` says why it is not
 * 0, and there are no names then. Never called from brood_create(). */
typedef void (*brood_done_fn)(void *context, int32_t result, const struct port_name *names,
			      uint32_t count, const char *text);

struct brood_setup {
	struct child_setup child; /* of each; thread.number, done and context are set here */
	uint32_t count;		  /* 1..SPAWN_MAX_CHILDREN */
	brood_done_fn done;
	void *context;
};

/* Return: 0, or a kern_return_t with a sentence in `error`; then nothing was begun. */
int32_t brood_create(struct hostd *hostd, const struct brood_setup *setup,
		     char error[MESSAGE_MAX_TEXT]);

#endif
