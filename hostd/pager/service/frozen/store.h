/*
 * The memory of a frozen object as the carriers' threads see it: a descriptor of their own, and a
 * window that pages are received into, of a cache, or sent from. Counted, and never changed, so
 * that it may be read, written and let go of by any thread while the object itself comes and goes.
 */
#ifndef SERVICE_STORE_H
#define SERVICE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pager/service/frozen/window.h"

struct store {
	_Atomic unsigned int references;
	int fd;
	uint64_t offset;	/* of the object's first page in the file */
	struct window *window;	/* NULL: pages are written */
	struct window *view;	/* NULL: pages are not sent */
	_Atomic bool is_sparse; /* most of it is zero: do not give it huge pages */
};

/* fd stays the caller's. Return: 0 or -errno (-EMFILE: it needs a descriptor of its own). */
int store_new(int fd, uint64_t offset, struct store **ret_store);
/* Maps the file's first file_bytes to receive into them; where that cannot be, pages are written.
 */
void store_open_window(struct store *store, uint64_t file_bytes);
/* Maps the file's first file_bytes to send from. Sealed. Return: 0 or -errno. */
int store_open_view(struct store *store, uint64_t file_bytes);
struct store *store_get(struct store *store);
/* void *: a page_place's release. */
void store_put(void *store);

/* Return: where these pages are to be received, with their memory, or NULL: write them. */
uint8_t *store_place(struct store *store, uint64_t first, uint64_t bytes);
/*
 * Of the pages from `first` on, at most limit: how many are in memory, at most PAGE_BLOCK_PAGES;
 * when that is 0, how many are a hole (0: the first one has been swapped out).
 */
uint32_t store_count_data(const struct store *store, uint64_t first, uint32_t limit);
uint32_t store_count_hole(const struct store *store, uint64_t first, uint32_t limit);
/* Return: where a page that has memory is, for as long as the store is held. */
uint8_t *store_view(const struct store *store, uint64_t first);
/* Return: 0, -EIO (the file was cut), -errno. */
int store_write(const struct store *store, uint64_t first, uint32_t count, const void *data);

#endif
