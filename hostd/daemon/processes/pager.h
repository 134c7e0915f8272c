/*
 * This host's norma-pager: started with the daemon, introduced to every VMM. When it dies, the
 * waiting VMMs are replaced (for later tasks: VMMs of before keep their dead socket and know what
 * to do).
 */
#ifndef DAEMON_PAGER_H
#define DAEMON_PAGER_H

#include "helper.h"

extern const struct helper_kind pager_kind;

/* Asks it to end by itself. */
void pager_kill(struct helper *pager);

/* Hands it the other end of a new VMM's pager socket (borrowed). */
void pager_introduce(struct helper *pager, int fd);

#endif
