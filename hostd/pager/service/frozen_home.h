/*
 * The home side of frozen objects: blocks are read out of the memfd, zero pages left out.
 */
#ifndef SERVICE_FROZEN_HOME_H
#define SERVICE_FROZEN_HOME_H

#include "pager/service/peer.h"

/* Answers a BLOCK_REQUEST on the connection it came from. Return: 0, or -errno to give up. */
int frozen_serve(struct peer *peer, enum page_connection_kind kind,
		 const struct page_message *request);

#endif
