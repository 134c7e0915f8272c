/*
 * This host's norma-pager: started with the daemon, introduced to every VMM, started again when it
 * dies (for later tasks: VMMs of before keep their dead socket and know what to do).
 */
#ifndef DAEMON_PAGER_H
#define DAEMON_PAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "process.h"

struct channel;
struct hostd;

struct pager {
	struct hostd *hostd;
	struct process process;
	struct source exited;
	struct channel *channel;
	uint64_t started_ns;
	unsigned int failures; /* short lives in a row */
	struct timer restart_timer;
};

void pager_init(struct pager *pager, struct hostd *hostd);
/* Ends it. Accepts one that was never started. */
void pager_done(struct pager *pager);

/* Return: 0, -errno. */
int pager_start(struct pager *pager);
void pager_kill(struct pager *pager);
/* Return: true when new VMMs can be introduced to it. */
bool pager_is_up(const struct pager *pager);

/* Hands it the other end of a new VMM's pager socket (borrowed). */
void pager_introduce(struct pager *pager, int fd);

#endif
