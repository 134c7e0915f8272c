/*
 * The Unix socket that programs of this host connect to.
 */
#ifndef DAEMON_CLIENTS_H
#define DAEMON_CLIENTS_H

#include "config.h"

struct hostd;

/*
 * Binds the socket. A file left over by a daemon that died is replaced; one that answers is not.
 * Return: a listening socket, or -errno with a sentence in `error`.
 */
int clients_listen(const char *path, char error[CONFIG_ERROR_BYTES]);

/* Takes a connection of a client (struct listener). */
void clients_accepted(struct hostd *hostd, int take_fd);

#endif
