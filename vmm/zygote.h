/*
 * A process that copies itself on demand. It must have one thread only. The copies are children of
 * its parent (CLONE_PARENT): the daemon watches and reaps them itself, and they outlive the zygote.
 */
#ifndef VMM_ZYGOTE_H
#define VMM_ZYGOTE_H

#include "message/message.h"

/* What a copy gets: its sockets, which it owns, and features that its task is not shown. */
struct zygote_copy {
	int control_fd;
	int pager_fd;
	char cpu_clear[CPU_CLEAR_MAX_BYTES];
};

/*
 * Serves orders on a socket of norma-hostd, which it takes, until the daemon closes it.
 * Return: 0 then; 1 in a copy, with *ret_copy; -errno when the daemon broke the protocol or the
 * kernel cannot do this.
 */
int zygote_serve(int take_socket_fd, struct zygote_copy *ret_copy);

#endif
