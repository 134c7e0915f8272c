/*
 * Whether a thread has used the write access that it waited for: see coherent_state.h.
 */
#include "base/clock.h"
#include "pager/service/coherent/coherent_state.h"

static struct fresh_grant *slot_of(struct coherent *coherent, uint64_t page)
{
	return &coherent->fresh[page % FRESH_GRANTS];
}

void coherent_note_grant(struct coherent *coherent, uint64_t page, const void *bytes)
{
	struct fresh_grant *fresh = slot_of(coherent, page);
	uint8_t buffer[PAGE_BYTES];

	fresh->page = 0;
	/* Of most pages nobody will ask: no work for them. */
	if (!holder_is_wanted(&coherent->holder, page, clock_now_ns()) ||
	    (!bytes && object_read(coherent->object, page, buffer)))
		return;
	*fresh =
	    (struct fresh_grant){.page = page + 1, .digest = page_digest(bytes ? bytes : buffer)};
}

/* Return: whether the page can be read. */
static bool digest_now(const struct coherent *coherent, uint64_t page, uint64_t *ret_digest)
{
	uint8_t buffer[PAGE_BYTES];

	if (object_read(coherent->object, page, buffer))
		return false;
	*ret_digest = page_digest(buffer);
	return true;
}

void coherent_look_for_use(struct coherent *coherent, uint64_t page)
{
	struct fresh_grant *fresh = slot_of(coherent, page);
	uint64_t first, second;

	if (fresh->page != page + 1 || !digest_now(coherent, page, &first) ||
	    first == fresh->digest || !digest_now(coherent, page, &second) || first != second)
		return;
	fresh->page = 0;
	holder_used(&coherent->holder, page);
}
