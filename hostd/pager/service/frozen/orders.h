/*
 * The pages that a host was asked for in the background and has not answered for: what a carrier
 * may receive from it, and where to. The pager's thread asks and forgets, carriers find and count.
 */
#ifndef SERVICE_ORDERS_H
#define SERVICE_ORDERS_H

#include <pthread.h>
#include <sys/queue.h>

#include "page/page_message.h"
#include "pager/service/frozen/store.h"

struct order {
	uint64_t object;
	uint64_t transaction; /* of the membership in which it was asked for */
	uint64_t first;
	uint32_t count;
	uint32_t left;	     /* of count, not answered for */
	struct store *store; /* held */
	LIST_ENTRY(order) of_orders;
};
LIST_HEAD(order_list, order);

/* Of one host. */
struct orders {
	pthread_mutex_t mutex;
	uint32_t session; /* which of the host's appearances they belong to */
	struct order_list list;
};

void orders_init(struct orders *orders);
void orders_done(struct orders *orders);

/* The pager's thread: pages are asked for. Return: 0 or -ENOMEM. */
int orders_add(struct orders *orders, const struct page_message *request, struct store *store);
/* All that belongs to a membership, or all at once because the host is gone: a new session. */
void orders_forget(struct orders *orders, uint64_t object, uint64_t transaction);
void orders_begin_session(struct orders *orders);

/*
 * Any thread: the pages of an answer, if all of them were ordered in this session.
 * Return: the store they are for, held for the caller, or NULL.
 */
struct store *orders_find(struct orders *orders, uint32_t session,
			  const struct page_message *answer);
/* The same, and the pages count as answered for. */
struct store *orders_take(struct orders *orders, uint32_t session,
			  const struct page_message *answer);

#endif
