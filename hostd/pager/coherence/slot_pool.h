/*
 * A growing array of equally sized slots, named by a handle that survives growth (pointers do not).
 * Slots are reused; handle 0 means "none", so that zeroed tables hold no slot.
 */
#ifndef COHERENCE_SLOT_POOL_H
#define COHERENCE_SLOT_POOL_H

#include <stddef.h>
#include <stdint.h>

struct slot_pool {
	uint8_t *slots; /* slot_pool_done() frees it */
	size_t slot_bytes;
	uint32_t capacity;
	uint32_t first_free;
	uint32_t used_count;
};

/* slot_bytes: at least 4. Nothing is allocated before the first get. */
void slot_pool_init(struct slot_pool *pool, size_t slot_bytes);
void slot_pool_done(struct slot_pool *pool);

/* Makes sure that the next `count` gets succeed. Return: 0 or -ENOMEM. */
int slot_pool_reserve(struct slot_pool *pool, uint32_t count);

/* Return: the handle of a zeroed slot; slot_pool_reserve() must have promised it. */
uint32_t slot_pool_get(struct slot_pool *pool);
void slot_pool_put(struct slot_pool *pool, uint32_t handle);

/* Return: the slot, valid until the next reserve. */
void *slot_pool_at(const struct slot_pool *pool, uint32_t handle);

#endif
