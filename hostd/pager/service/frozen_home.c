/*
 * Serving blocks of frozen objects.
 */
#include "pager/service/frozen_home.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pager/service/object.h"

/* Reads the pages behind the bitmap and closes the gaps that zero pages leave. */
static int read_block(const struct object *object, struct page_message *block,
		      struct page_frame *frame)
{
	uint8_t *payload = page_frame_payload(frame);
	uint8_t *end = payload + sizeof(uint64_t);
	uint64_t bitmap = 0;

	for (uint32_t i = 0; i < block->page_count; i++) {
		int r = object_read(object, block->first_page + i, end);

		if (r)
			return r;
		if (page_is_zero(end, PAGE_BYTES))
			continue;
		bitmap |= (uint64_t)1 << i;
		end += PAGE_BYTES;
	}
	page_block_bitmap_put(payload, bitmap);
	block->bytes = (uint32_t)(end - payload);
	return 0;
}

static void send_lost(struct peer *peer, enum page_connection_kind kind,
		      const struct page_message *request, int error)
{
	struct page_message lost = {
	    .type = PAGE_MESSAGE_BLOCK_LOST,
	    .object = request->object,
	    .transaction = request->transaction,
	    .first_page = request->first_page,
	    .page_count = request->page_count,
	};

	log_line(LOG_ERROR, "object=%#llx page=%llu count=%u: cannot be read for node %d: %s",
		 (unsigned long long)request->object, (unsigned long long)request->first_page,
		 request->page_count, peer->node, strerror(-error));
	peer_send(peer, kind, &lost);
}

int frozen_serve(struct peer *peer, enum page_connection_kind kind,
		 const struct page_message *request)
{
	const struct object *object = object_find(peer->pager, request->object);
	struct page_message block = {
	    .type = PAGE_MESSAGE_BLOCK,
	    .object = request->object,
	    .transaction = request->transaction,
	    .first_page = request->first_page,
	    .page_count = request->page_count,
	};
	struct page_frame *frame;
	int r;

	/* A host that has just parted may have asked before, on the other connection. */
	if (!object || !object_is_member(object, peer->node)) {
		send_lost(peer, kind, request, -ENOENT);
		return 0;
	}
	if (object->kind != OBJECT_FROZEN || request->first_page >= object->pages ||
	    request->page_count > object->pages - request->first_page)
		return -EPROTO;
	frame = page_frame_new(sizeof(uint64_t) + request->page_count * PAGE_BYTES);
	if (!frame) {
		send_lost(peer, kind, request, -ENOMEM);
		return 0;
	}
	r = read_block(object, &block, frame);
	if (r) {
		free(frame);
		send_lost(peer, kind, request, r);
		return 0;
	}
	peer->pager->statistics.pages_out += request->page_count;
	peer_send_frame(peer, kind, frame, &block);
	return 0;
}
