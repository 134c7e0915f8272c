/*
 * The memory of a frozen object as the carriers' threads see it: a descriptor of their own, and
 * for a cache the window that pages are received into. Counted, and never changed, so that it may
 * be read, written and let go of by any thread while the object itself comes and goes.
 */
#ifndef SERVICE_STORE_H
#define SERVICE_STORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pager/service/window.h"

struct store {
	_Atomic unsigned int references;
	int fd;
	uint64_t offset;	/* of the object's first page in the file */
	struct window *window;	/* NULL: pages are written */
	_Atomic bool is_sparse; /* most of it is zero: do not give it huge pages */
};

/* fd stays the caller's. Return: 0 or -errno (-EMFILE: it needs a descriptor of its own). */
int store_new(int fd, uint64_t offset, struct store **ret_store);
/* Maps the file's first file_bytes to receive into them; where that cannot be, pages are written.
 */
void store_open_window(struct store *store, uint64_t file_bytes);
struct store *store_get(struct store *store);
/* void *: a page_place's release. */
void store_put(void *store);

/* Return: where these pages are to be received, with their memory, or NULL: write them. */
uint8_t *store_place(struct store *store, uint64_t first, uint64_t bytes);
/* Return: 0, -EIO (the file was cut), -errno. */
int store_read(const struct store *store, uint64_t first, uint32_t count, void *buffer);
int store_write(const struct store *store, uint64_t first, uint32_t count, const void *data);

#endif
