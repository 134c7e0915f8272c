/*
 * What comes for a cache: pages, and the news that there are none.
 */
#ifndef SERVICE_FROZEN_LAND_H
#define SERVICE_FROZEN_LAND_H

#include "pager/service/frozen/frozen.h"

/* Any answer to a BLOCK_REQUEST of ours. Return: 0, or -errno to give the peer up. */
int frozen_take_answer(struct peer *peer, enum page_connection_kind kind,
		       const struct page_message *message);

#endif
