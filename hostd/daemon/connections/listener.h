/*
 * A listening socket that accepts until descriptors run out, and then pauses instead of spinning.
 */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include "loop.h"

struct hostd;

struct listener {
	struct hostd *hostd;
	struct source source; /* fd -1: not listening */
	struct timer pause_timer;
	const char *name; /* for messages */
	/* Takes a connected socket. */
	void (*accepted)(struct hostd *hostd, int take_fd);
};

void listener_init(struct listener *listener, struct hostd *hostd, const char *name,
		   void (*accepted)(struct hostd *hostd, int take_fd));
/* Takes a bound, listening, non-blocking socket. Return: 0, -errno (it is closed then). */
int listener_open(struct listener *listener, int take_fd);
void listener_close(struct listener *listener);

#endif
