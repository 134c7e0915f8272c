/*
 * Counting, reading and writing.
 */
#include "pager/service/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/checked.h"

int store_new(int fd, uint64_t offset, struct store **ret_store)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	store->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (store->fd < 0) {
		int r = -errno;

		free(store);
		return r;
	}
	atomic_init(&store->references, 1);
	store->offset = offset;
	*ret_store = store;
	return 0;
}

void store_open_window(struct store *store, uint64_t file_bytes)
{
	store->window = window_open(store->fd, file_bytes);
}

struct store *store_get(struct store *store)
{
	atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
	return store;
}

void store_put(void *data)
{
	struct store *store = data;

	if (atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) > 1)
		return;
	if (store->window)
		window_close(store->window);
	close(store->fd);
	free(store);
}

uint8_t *store_place(struct store *store, uint64_t first, uint64_t bytes)
{
	if (!store->window || atomic_load_explicit(&store->is_sparse, memory_order_relaxed))
		return NULL;
	return window_place(store->window, store->offset + first * PAGE_BYTES, bytes);
}

int store_read(const struct store *store, uint64_t first, uint32_t count, void *buffer)
{
	size_t bytes = count * PAGE_BYTES;
	ssize_t got = pread(store->fd, buffer, bytes, (off_t)(store->offset + first * PAGE_BYTES));

	if (got < 0)
		return -errno;
	return got == (ssize_t)bytes ? 0 : -EIO;
}

int store_write(const struct store *store, uint64_t first, uint32_t count, const void *data)
{
	size_t bytes = count * PAGE_BYTES;
	ssize_t put = pwrite(store->fd, data, bytes, (off_t)(store->offset + first * PAGE_BYTES));

	if (put < 0)
		return -errno;
	return put == (ssize_t)bytes ? 0 : -EIO;
}
