/*
 * Links to the other hosts of the node table. To each we keep at most one outgoing link, made when
 * it is first needed, over which we ask; what others ask arrives over their links to us. A lost
 * link is made again in the background. A host that does not answer pings counts as down.
 */
#ifndef DAEMON_PEERS_H
#define DAEMON_PEERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "calls.h"
#include "config.h"
#include "loop.h"

struct host_link;

enum peer_state { PEER_IDLE, PEER_CONNECTING, PEER_HELLO, PEER_UP, PEER_NUM_STATES };

struct peer_waiter {
	TAILQ_ENTRY(peer_waiter) entry;
	/* channel NULL: the host cannot be reached, `why` says so. Never called at once. */
	void (*done)(struct peer_waiter *waiter, struct channel *channel, const char *why);
};

struct peer {
	struct hostd *hostd;
	int node;
	const struct address *address;
	enum peer_state state;
	struct source connecting; /* fd -1 when there is none */
	struct channel *channel;  /* PEER_HELLO, PEER_UP */
	struct timer timer;	  /* the attempt's deadline, or the time of the next one */
	char error[MESSAGE_MAX_TEXT];
	bool was_up;	      /* then it is reconnected without being asked for */
	unsigned int retries; /* since it was up */
	TAILQ_HEAD(, peer_waiter) waiters;
};

struct peer_set {
	struct hostd *hostd;
	struct peer peers[CONFIG_MAX_NODES];
	unsigned int count;
	LIST_HEAD(, host_link) links; /* both directions */
	unsigned int incoming_count;
};

void peers_init(struct peer_set *set, struct hostd *hostd);
/* Closes every link. Accepts a zeroed set. */
void peers_done(struct peer_set *set);

/* Return: the peer with that number, or NULL when it is not in the table (or is this host). */
struct peer *peer_find(struct peer_set *set, int node);

/* Return: the channel to ask it by, or NULL when there is no link now. */
struct channel *peer_channel(const struct peer *peer);

/* Tries to have a link; the waiter (the caller's) is told how that went. */
void peer_when_up(struct peer *peer, struct peer_waiter *waiter);
/* Sends a call to another node, connecting first when necessary. The payload is copied then. */
void peer_call(struct hostd *hostd, int node, const struct call_setup *setup);

/* Its outgoing link closed (struct host_link). */
void peer_link_closed(struct peer *peer, const char *why);

/* Takes a connection from another host (struct listener). */
void peers_accepted(struct hostd *hostd, int take_fd);

#endif
