/*
 * Sending pages of a frozen object: in runs of pages that are zero, which cost
 * nothing, and pages that are not.
 */
#ifndef SERVICE_BLOCK_SEND_H
#define SERVICE_BLOCK_SEND_H

#include "page/connection.h"
#include "pager/service/frozen/store.h"

/*
 * Queues the answer about these pages, PAGE_BLOCK_PAGES of them at most. They leave from where they
 * are: the store, which has a view, is held until they have. Return: how many had to be sent.
 */
uint32_t block_send(struct page_connection *connection, const struct page_message *about,
		    struct store *store);
/* Queues BLOCK_LOST and logs why: -ENOENT is what a host that has left meets, and no error. */
void block_send_lost(struct page_connection *connection, const struct page_message *about,
		     int error);
/* Queues a short answer about pages. */
void block_send_about(struct page_connection *connection, enum page_message_type type,
		      const struct page_message *about);

#endif
