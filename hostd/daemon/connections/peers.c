/*
 * Connecting to other hosts. A peer's state changes in peer_set_state() only.
 */
#include "peers.h"

#include <assert.h>
#include <errno.h>
#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "channel.h"
#include "host_link.h"
#include "hostd.h"

#define RETRY_MS	  100u
#define RETRY_MAX_DOUBLES 6 /* 6.4 s */
#define INCOMING_MAX	  (4 * CONFIG_MAX_NODES)

static const bool state_may_follow[PEER_NUM_STATES][PEER_NUM_STATES] = {
    [PEER_IDLE] = {[PEER_CONNECTING] = true},
    [PEER_CONNECTING] = {[PEER_HELLO] = true, [PEER_IDLE] = true},
    [PEER_HELLO] = {[PEER_UP] = true, [PEER_IDLE] = true},
    [PEER_UP] = {[PEER_IDLE] = true},
};

static void peer_set_state(struct peer *peer, enum peer_state state)
{
	assert(state_may_follow[peer->state][state]);
	peer->state = state;
}

static void tell_waiters(struct peer *peer, const char *why)
{
	struct peer_waiter *waiter;
	char copy[MESSAGE_MAX_TEXT];

	/* Without a reason it is up, unless it goes down again while they are told. */
	snprintf(copy, sizeof(copy), "%s", why ? why : "its link was lost again");
	while ((waiter = TAILQ_FIRST(&peer->waiters))) {
		TAILQ_REMOVE(&peer->waiters, waiter, entry);
		waiter->done(waiter, peer->state == PEER_UP ? peer->channel : NULL, copy);
	}
}

static void retry_later(struct peer *peer)
{
	unsigned int doubles =
	    peer->retries < RETRY_MAX_DOUBLES ? peer->retries : RETRY_MAX_DOUBLES;

	peer->retries++;
	timer_arm(&peer->hostd->loop, &peer->timer, hostd_deadline(RETRY_MS << doubles));
}

/* The attempt came to nothing, or the link was lost. */
static void peer_down(struct peer *peer, const char *why)
{
	char text[MESSAGE_MAX_TEXT];

	timer_cancel(&peer->hostd->loop, &peer->timer);
	loop_remove(&peer->hostd->loop, &peer->connecting);
	cleanup_close(&peer->connecting.fd);
	peer->connecting.fd = -1;
	if (peer->state == PEER_UP && !peer->hostd->is_stopping)
		log_line(LOG_WARNING, "node=%d step=lost why=\"%s\"", peer->node, why);
	peer_set_state(peer, PEER_IDLE);
	snprintf(text, sizeof(text), "node %d (%s) cannot be reached: %s", peer->node,
		 peer->address->text, why);
	if (peer->was_up && !peer->hostd->is_stopping)
		retry_later(peer);
	tell_waiters(peer, text);
}

void peer_link_closed(struct peer *peer, const char *why)
{
	peer->channel = NULL;
	if (peer->state != PEER_IDLE)
		peer_down(peer, why);
}

static void greeted(void *context, const struct answer *answer)
{
	struct peer *peer = context;
	struct peer_hello_reply hello;
	char text[MESSAGE_MAX_TEXT];

	if (answer->result) {
		snprintf(peer->error, sizeof(peer->error), "%s", answer_text(answer, text));
	} else if (hostd_decode(peer->hostd, peer_hello_reply, answer->payload, answer->bytes,
				&hello) ||
		   hello.node != peer->node) {
		snprintf(peer->error, sizeof(peer->error),
			 "the host there is not node %d: the node tables differ", peer->node);
	} else {
		timer_cancel(&peer->hostd->loop, &peer->timer);
		peer_set_state(peer, PEER_UP);
		if (peer->retries || !peer->was_up)
			log_line(LOG_INFO, "node=%d address=%s step=up", peer->node,
				 peer->address->text);
		peer->was_up = true;
		peer->retries = 0;
		host_link_established(peer->channel);
		tell_waiters(peer, NULL);
		return;
	}
	if (peer->channel)
		channel_close(peer->channel, peer->error);
}

static void peer_greet(struct peer *peer, int take_fd)
{
	size_t bytes =
	    hostd_encode(peer->hostd, peer_hello_request,
			 (&(struct peer_hello_request){.node = (int)peer->hostd->config.node}));
	int error = host_link_new(peer->hostd, take_fd, peer, &peer->channel);

	if (error) {
		peer_down(peer, strerror(-error));
		return;
	}
	peer_set_state(peer, PEER_HELLO);
	call_start(peer->hostd, peer->channel,
		   &(struct call_setup){
		       .type = MESSAGE_peer_hello,
		       .payload = peer->hostd->payload,
		       .bytes = bytes,
		       .deadline_ns = hostd_deadline(HOST_LINK_CONNECT_MS),
		       .done = greeted,
		       .context = peer,
		   });
}

static void peer_connected(struct source *source, uint32_t events)
{
	struct peer *peer = container_of(source, struct peer, connecting);
	socklen_t bytes = sizeof(int);
	int error = 0;

	(void)events;
	getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
	if (error) {
		peer_down(peer, strerror(error));
		return;
	}
	loop_remove(&peer->hostd->loop, source);
	timer_cancel(&peer->hostd->loop, &peer->timer);
	peer_greet(peer, take_fd(&source->fd));
}

/* Return: 0 when the connection is under way, -errno. */
static int begin_connecting(struct peer *peer)
{
	_cleanup_close_ int fd =
	    socket(peer->address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (connect(fd, &peer->address->any, peer->address->bytes) < 0 && errno != EINPROGRESS)
		return -errno;
	peer->connecting.fd = fd;
	error = loop_add(&peer->hostd->loop, &peer->connecting, EPOLLOUT);
	if (error)
		peer->connecting.fd = -1;
	else
		take_fd(&fd);
	return error;
}

static void peer_attempt(struct peer *peer)
{
	int error;

	peer_set_state(peer, PEER_CONNECTING);
	error = begin_connecting(peer);
	snprintf(peer->error, sizeof(peer->error), "%s",
		 error ? strerror(-error) : "it did not answer in 2 s");
	timer_arm(&peer->hostd->loop, &peer->timer,
		  hostd_deadline(error ? 0 : HOST_LINK_CONNECT_MS));
}

static void peer_timer(struct timer *timer)
{
	struct peer *peer = container_of(timer, struct peer, timer);

	if (peer->state == PEER_CONNECTING)
		peer_down(peer, peer->error);
	else if (peer->state == PEER_IDLE && !peer->hostd->is_stopping)
		peer_attempt(peer);
}

struct channel *peer_channel(const struct peer *peer)
{
	return peer->state == PEER_UP ? peer->channel : NULL;
}

void peer_when_up(struct peer *peer, struct peer_waiter *waiter)
{
	TAILQ_INSERT_TAIL(&peer->waiters, waiter, entry);
	if (peer->state == PEER_IDLE)
		peer_attempt(peer);
}

struct peer *peer_find(struct peer_set *set, int node)
{
	for (unsigned int i = 0; i < set->count; i++)
		if (set->peers[i].node == node)
			return &set->peers[i];
	return NULL;
}

void peers_init(struct peer_set *set, struct hostd *hostd)
{
	const struct config *config = &hostd->config;

	*set = (struct peer_set){.hostd = hostd};
	LIST_INIT(&set->links);
	for (unsigned int i = 0; i < config->node_count; i++) {
		struct peer *peer = &set->peers[set->count];

		if (config->nodes[i].node == config->node)
			continue;
		*peer = (struct peer){
		    .hostd = hostd,
		    .node = config->nodes[i].node,
		    .address = &config->nodes[i].hostd,
		    .connecting = {.fd = -1, .ready = peer_connected},
		    .timer.expired = peer_timer,
		};
		TAILQ_INIT(&peer->waiters);
		set->count++;
	}
}

void peers_done(struct peer_set *set)
{
	struct host_link *link;

	for (unsigned int i = 0; i < set->count; i++) {
		struct peer *peer = &set->peers[i];

		if (peer->state == PEER_CONNECTING)
			peer_down(peer, "this host stops");
		timer_cancel(&set->hostd->loop, &peer->timer);
	}
	while ((link = LIST_FIRST(&set->links)))
		channel_close(link->channel, "this host stops");
}

void peers_accepted(struct hostd *hostd, int take_fd)
{
	struct channel *channel;

	if (hostd->peers.incoming_count >= INCOMING_MAX) {
		close(take_fd);
		return;
	}
	if (!host_link_new(hostd, take_fd, NULL, &channel))
		hostd->peers.incoming_count++;
}
