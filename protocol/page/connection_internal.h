/*
 * What connection.c and connection_send.c share.
 */
#ifndef PAGE_CONNECTION_INTERNAL_H
#define PAGE_CONNECTION_INTERNAL_H

#include <stddef.h>

#include "page/connection.h"

#define CONTAINER(pointer, type, member)                                                           \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Lets go of what a payload was received into or sent from, if there is one. */
void page_place_release(struct page_place *place);
/* Frees a frame that no connection has any more. */
void page_frame_free(struct page_frame *frame);
/* A send operation of the ring has ended. */
void page_connection_send_complete(struct ring_operation *operation, int result);
/* Ends a closing connection when the ring has let go of it; then it is freed. */
void page_connection_end_if_idle(struct page_connection *connection);

#endif
