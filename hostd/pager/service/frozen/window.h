/*
 * The memory of a frozen object, mapped into the pager: of a cache so that pages are received where
 * they stay, in units of a huge page, each of which is given its memory as a whole; of what is here
 * so that pages are sent from where they are. Only for sealed files: nobody can cut them short
 * under it. Several threads may use one at once; part of a store, which is counted.
 */
#ifndef SERVICE_WINDOW_H
#define SERVICE_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct window {
	uint8_t *at; /* of the file's first byte, at a multiple of a huge page */
	uint64_t bytes;
	uint64_t unit_count;	  /* whole ones */
	_Atomic uint64_t *filled; /* bitmap: units that have their memory; NULL: to read from */
};

/* Maps all of a file. Return: NULL when it is too small to matter or cannot be mapped. */
struct window *window_open(int fd, uint64_t bytes);
/* The same to read from; touch no holes: the kernel would give them memory. Return: 0 or -errno. */
int window_open_view(int fd, uint64_t bytes, struct window **ret_window);
void window_close(struct window *window);

/*
 * Return: where [offset, offset + bytes) of the file is, with its memory; NULL when it is not
 * inside one whole unit, or when the host has no memory for that: then it has to be written.
 */
uint8_t *window_place(struct window *window, uint64_t offset, uint64_t bytes);

#endif
