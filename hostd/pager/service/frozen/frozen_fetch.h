/*
 * What a cache asks for, and of whom: the page a thread waits for at once, the rest in the
 * background, so many pages at a time.
 */
#ifndef SERVICE_FROZEN_FETCH_H
#define SERVICE_FROZEN_FETCH_H

#include "pager/service/frozen/frozen.h"

/* Keeps the bulk connection to a home busy with the caches that are not complete, in turn. */
void frozen_background_run(struct peer *home);
void frozen_background_join(struct frozen *frozen);
void frozen_background_leave(struct frozen *frozen);

/* Return: whether a page was asked for in the background and has not come. */
bool frozen_is_under_way(const struct frozen *frozen, uint64_t page);
/* Asks for a page that a thread waits for; the background goes on behind it. */
void frozen_demand(struct frozen *frozen, uint64_t page);
/* What was asked for in the background is not expected any more. */
void frozen_orders_forget(const struct frozen *frozen);
/* Pages asked for in the background have been answered for. Return: 0, -EPROTO for too many. */
int frozen_count_answer(struct frozen *frozen, uint32_t count);

/* Home sends us to another host. Return: 0, -EPROTO. */
int frozen_take_elsewhere(struct object *object, const struct page_message *message);
/* Return: the loan of `node` that a page belongs to, or of any host for -1; NULL. */
struct frozen_loan *frozen_loan_find(const struct frozen *frozen, int node, uint64_t page);
/* A host has answered for pages of a loan; frees it when that was all. */
void frozen_loan_answered(struct frozen_loan *loan, uint32_t count);
/* Asks home for what is not here of pages that another host was to send. */
void frozen_ask_home_again(struct frozen *frozen, uint64_t first, uint32_t count);
void frozen_loans_done(struct frozen *frozen);

#endif
