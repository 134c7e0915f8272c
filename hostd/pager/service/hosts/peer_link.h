/*
 * Single connections to other pagers: dialled or accepted, then HELLO. For peer.c and
 * peer_listen.c only.
 */
#ifndef SERVICE_PEER_LINK_H
#define SERVICE_PEER_LINK_H

#include "pager/service/hosts/peer.h"

/* Begins one connection to a peer; what fails is tried again by the peer's timer. */
void peer_link_dial(struct peer *peer, enum page_connection_kind kind);
/* Connects to a host that dials us and closes again: it hears that we are there now. */
void peer_link_knock(struct peer *peer);
/* Takes an accepted socket; the caller says who it is in HELLO, or is dropped. */
void peer_link_accept(struct pager *pager, int take_fd);
/* Begins its end. */
void peer_link_close(struct peer_link *link, int reason);
/* Adds what it carried so far. */
void peer_link_count_bytes(const struct peer_link *link, uint64_t *bytes_in, uint64_t *bytes_out);
/* Frees the link, not its connection; the peer has let go of it. */
void peer_link_free(struct peer_link *link);

/* All connections to a host stand (peer.c). */
void peer_become_up(struct peer *peer);

/* Listens for callers, trying for a while (peer_listen.c). Return: 0 or -errno, logged. */
int peer_listen(struct pager *pager);
void peer_listen_done(struct pager *pager);

#endif
