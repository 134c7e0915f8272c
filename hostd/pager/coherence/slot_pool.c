/*
 * Slots with handles: see slot_pool.h. A free slot is the handle of the next free one,
 * then zeros.
 */
#include "slot_pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 16U

void slot_pool_init(struct slot_pool *pool, size_t slot_bytes)
{
	assert(slot_bytes >= sizeof(uint32_t));
	*pool = (struct slot_pool){.slot_bytes = slot_bytes};
}

void slot_pool_done(struct slot_pool *pool)
{
	free(pool->slots);
	*pool = (struct slot_pool){.slot_bytes = pool->slot_bytes};
}

void *slot_pool_at(const struct slot_pool *pool, uint32_t handle)
{
	assert(handle != 0 && handle <= pool->capacity);
	return pool->slots + (size_t)(handle - 1) * pool->slot_bytes;
}

static void make_free(struct slot_pool *pool, uint32_t handle)
{
	memset(slot_pool_at(pool, handle), 0, pool->slot_bytes);
	memcpy(slot_pool_at(pool, handle), &pool->first_free, sizeof(pool->first_free));
	pool->first_free = handle;
}

int slot_pool_reserve(struct slot_pool *pool, uint32_t count)
{
	if (pool->capacity - pool->used_count >= count)
		return 0;
	uint32_t capacity = pool->capacity == 0 ? FIRST_CAPACITY : pool->capacity;
	while (capacity - pool->used_count < count) {
		if (capacity > UINT32_MAX / 2)
			return -ENOMEM;
		capacity *= 2;
	}
	uint8_t *slots = reallocarray(pool->slots, capacity, pool->slot_bytes);
	if (slots == NULL)
		return -ENOMEM;
	uint32_t old_capacity = pool->capacity;
	pool->slots = slots;
	pool->capacity = capacity;
	for (uint32_t handle = capacity; handle > old_capacity; handle--)
		make_free(pool, handle);
	return 0;
}

uint32_t slot_pool_get(struct slot_pool *pool)
{
	uint32_t handle = pool->first_free;
	void *slot = slot_pool_at(pool, handle);
	memcpy(&pool->first_free, slot, sizeof(pool->first_free));
	memset(slot, 0, pool->slot_bytes);
	pool->used_count++;
	return handle;
}

void slot_pool_put(struct slot_pool *pool, uint32_t handle)
{
	assert(pool->used_count > 0);
	make_free(pool, handle);
	pool->used_count--;
}
