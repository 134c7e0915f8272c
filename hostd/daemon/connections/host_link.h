/*
 * One TCP connection between two hosts, whoever made it: hello, pings, and requests that arrive.
 */
#ifndef DAEMON_HOST_LINK_H
#define DAEMON_HOST_LINK_H

#include <stdint.h>
#include <sys/queue.h>

#include "loop.h"

struct channel;
struct hostd;
struct peer;
struct peer_export;

#define HOST_LINK_CONNECT_MS	  2000 /* until connected and greeted */
#define HOST_LINK_PING_MS	  1000 /* of silence */
#define HOST_LINK_PING_TIMEOUT_MS 3000

struct host_link {
	LIST_ENTRY(host_link) entry;
	struct hostd *hostd;
	struct channel *channel;
	struct peer *peer;		  /* NULL: the other side connected */
	int node;			  /* -1 until it said who it is */
	uint64_t ping_ns;		  /* when the last ping was sent */
	LIST_HEAD(, peer_export) exports; /* that the other host asked for (peer_export.h) */
	struct timer timer; /* the hello's deadline, then the next look at the silence */
};

/* Makes a link of a connected socket, which it takes. Return: 0, -errno. */
int host_link_new(struct hostd *hostd, int take_fd, struct peer *peer,
		  struct channel **ret_channel);
/* It was greeted: from now on it is pinged. */
void host_link_established(struct channel *channel);

#endif
