/*
 * A short list: so many pages and one unit are under way from a host at most.
 */
#include "pager/service/frozen/orders.h"

#include <errno.h>
#include <stdlib.h>

void orders_init(struct orders *orders)
{
	pthread_mutex_init(&orders->mutex, NULL); /* cannot fail on Linux */
	LIST_INIT(&orders->list);
}

static void order_free(struct order *order)
{
	LIST_REMOVE(order, of_orders);
	store_put(order->store);
	free(order);
}

void orders_done(struct orders *orders)
{
	while (!LIST_EMPTY(&orders->list))
		order_free(LIST_FIRST(&orders->list));
	pthread_mutex_destroy(&orders->mutex);
}

int orders_add(struct orders *orders, const struct page_message *request, struct store *store)
{
	struct order *order = malloc(sizeof(*order));

	if (!order)
		return -ENOMEM;
	*order = (struct order){
	    .object = request->object,
	    .transaction = request->transaction,
	    .first = request->first_page,
	    .count = request->page_count,
	    .left = request->page_count,
	    .store = store_get(store),
	};
	pthread_mutex_lock(&orders->mutex);
	LIST_INSERT_HEAD(&orders->list, order, of_orders);
	pthread_mutex_unlock(&orders->mutex);
	return 0;
}

void orders_forget(struct orders *orders, uint64_t object, uint64_t transaction)
{
	struct order *order, *next;

	pthread_mutex_lock(&orders->mutex);
	for (order = LIST_FIRST(&orders->list); order; order = next) {
		next = LIST_NEXT(order, of_orders);
		if (order->object == object && order->transaction == transaction)
			order_free(order);
	}
	pthread_mutex_unlock(&orders->mutex);
}

void orders_begin_session(struct orders *orders)
{
	pthread_mutex_lock(&orders->mutex);
	orders->session++;
	while (!LIST_EMPTY(&orders->list))
		order_free(LIST_FIRST(&orders->list));
	pthread_mutex_unlock(&orders->mutex);
}

/* Return: the order that all pages of an answer belong to, or NULL. Under the mutex. */
static struct order *find(struct orders *orders, uint32_t session,
			  const struct page_message *answer)
{
	struct order *order;

	if (session != orders->session)
		return NULL;
	LIST_FOREACH(order, &orders->list, of_orders)
	if (order->object == answer->object && order->transaction == answer->transaction &&
	    answer->first_page >= order->first &&
	    answer->first_page - order->first < order->count &&
	    answer->page_count <= order->count - (answer->first_page - order->first))
		return order;
	return NULL;
}

struct store *orders_find(struct orders *orders, uint32_t session,
			  const struct page_message *answer)
{
	const struct order *order;
	struct store *store;

	pthread_mutex_lock(&orders->mutex);
	order = find(orders, session, answer);
	store = order ? store_get(order->store) : NULL;
	pthread_mutex_unlock(&orders->mutex);
	return store;
}

struct store *orders_take(struct orders *orders, uint32_t session,
			  const struct page_message *answer)
{
	struct order *order;
	struct store *store;

	pthread_mutex_lock(&orders->mutex);
	order = find(orders, session, answer);
	store = order ? store_get(order->store) : NULL;
	if (order && answer->page_count >= order->left)
		order_free(order);
	else if (order)
		order->left -= answer->page_count;
	pthread_mutex_unlock(&orders->mutex);
	return store;
}
