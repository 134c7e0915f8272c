/*
 * Blocks.
 */
#include "pager/service/frozen/block_send.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

void block_send_about(struct page_connection *connection, enum page_message_type type,
		      const struct page_message *about)
{
	struct page_message message = {
	    .type = (uint8_t)type,
	    .object = about->object,
	    .transaction = about->transaction,
	    .first_page = about->first_page,
	    .page_count = about->page_count,
	};

	page_connection_send(connection, &message);
}

void block_send_lost(struct page_connection *connection, const struct page_message *about,
		     int error)
{
	log_line(error == -ENOENT ? LOG_DEBUG : LOG_ERROR,
		 "object=%#llx page=%llu count=%u: cannot be given to another host: %s",
		 (unsigned long long)about->object, (unsigned long long)about->first_page,
		 about->page_count, strerror(-error));
	block_send_about(connection, PAGE_MESSAGE_BLOCK_LOST, about);
}

/* Return: how many pages at data, of count, are zero (or are not) from the first on. */
static uint32_t count_run(const uint8_t *data, uint32_t count, bool is_zero)
{
	uint32_t run = 0;

	while (run < count && page_is_zero(data + run * PAGE_BYTES, PAGE_BYTES) == is_zero)
		run++;
	return run;
}

static void send_placed(struct page_connection *connection, const struct page_message *about,
			struct store *store)
{
	struct page_message block = {
	    .type = PAGE_MESSAGE_BLOCK,
	    .object = about->object,
	    .transaction = about->transaction,
	    .first_page = about->first_page,
	    .page_count = about->page_count,
	    .bytes = (uint32_t)(about->page_count * PAGE_BYTES),
	};
	const struct page_place place = {
	    .at = store_view(store, about->first_page),
	    .release = store_put,
	    .context = store_get(store),
	};

	page_connection_send_placed(connection, &block, &place);
}

/* Return: how many pages from the first of `rest` on are alike: zero, or not. */
static uint32_t measure_run(const struct page_message *rest, const struct store *store,
			    bool *ret_is_zero)
{
	uint32_t count = store_count_data(store, rest->first_page, rest->page_count);
	const uint8_t *data = store_view(store, rest->first_page);

	if (!count) {
		/* A hole must not be touched: that would give it memory. */
		count = store_count_hole(store, rest->first_page, rest->page_count);
		*ret_is_zero = true;
		if (count)
			return count;
		count = 1;
	}
	*ret_is_zero = page_is_zero(data, PAGE_BYTES);
	return count_run(data, count, *ret_is_zero);
}

uint32_t block_send(struct page_connection *connection, const struct page_message *about,
		    struct store *store)
{
	struct page_message run = *about;
	uint32_t left = about->page_count, sent = 0;

	while (left > 0) {
		bool is_zero;

		run.page_count = left;
		run.page_count = measure_run(&run, store, &is_zero);
		if (is_zero)
			block_send_about(connection, PAGE_MESSAGE_BLOCK_ZERO, &run);
		else
			send_placed(connection, &run, store);
		sent += is_zero ? 0 : run.page_count;
		run.first_page += run.page_count;
		left -= run.page_count;
	}
	return sent;
}
