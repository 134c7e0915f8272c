/*
 * Blocks.
 */
#include "pager/service/block_send.h"

#include <errno.h>
#include <stdlib.h>
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

/* Takes a frame that holds the pages. */
static uint32_t send_frame(struct page_connection *connection, const struct page_message *about,
			   struct page_frame *take_frame)
{
	struct page_message block = {
	    .type = PAGE_MESSAGE_BLOCK,
	    .object = about->object,
	    .transaction = about->transaction,
	    .first_page = about->first_page,
	    .page_count = about->page_count,
	    .bytes = (uint32_t)(about->page_count * PAGE_BYTES),
	};

	page_connection_send_frame(connection, take_frame, &block);
	return about->page_count;
}

static uint32_t send_runs(struct page_connection *connection, const struct page_message *about,
			  const uint8_t *data)
{
	struct page_message run = *about;
	uint32_t sent = 0;

	for (uint32_t left = about->page_count; left > 0; left -= run.page_count) {
		bool is_zero = page_is_zero(data, PAGE_BYTES);
		struct page_frame *frame;

		run.page_count = count_run(data, left, is_zero);
		frame = is_zero ? NULL : page_frame_new(run.page_count * PAGE_BYTES);
		if (is_zero) {
			block_send_about(connection, PAGE_MESSAGE_BLOCK_ZERO, &run);
		} else if (frame) {
			memcpy(page_frame_payload(frame), data, run.page_count * PAGE_BYTES);
			sent += send_frame(connection, &run, frame);
		} else {
			run.page_count = left;
			block_send_lost(connection, &run, -ENOMEM);
		}
		data += run.page_count * PAGE_BYTES;
		run.first_page += run.page_count;
	}
	return sent;
}

uint32_t block_send(struct page_connection *connection, const struct page_message *about,
		    const struct store *store)
{
	uint32_t count = about->page_count, sent = 0;
	struct page_frame *frame = page_frame_new(count * PAGE_BYTES);
	uint8_t *data = frame ? page_frame_payload(frame) : NULL;
	int r = frame ? store_read(store, about->first_page, count, data) : -ENOMEM;

	if (r == 0 && count_run(data, count, false) == count)
		return send_frame(connection, about, frame);
	if (r)
		block_send_lost(connection, about, r);
	else
		sent = send_runs(connection, about, data);
	free(frame);
	return sent;
}
