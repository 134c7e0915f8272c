/*
 * What comes for a cache: pages, and the news that there are none.
 */
#ifndef SERVICE_FROZEN_LAND_H
#define SERVICE_FROZEN_LAND_H

#include "pager/service/frozen.h"

/* Return: true and where the pages of a BLOCK are to be received, see page_connection_owner. */
bool frozen_place(const struct peer *peer, const struct page_message *block,
		  struct page_place *ret_place);
/* Any answer to a BLOCK_REQUEST of ours. Return: 0, or -errno to give the peer up. */
int frozen_take_answer(struct peer *peer, enum page_connection_kind kind,
		       const struct page_message *message);

#endif
