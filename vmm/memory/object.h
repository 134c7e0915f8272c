/*
 * Memory objects: a window of a memfd, with the id under which the pager knows it once it is
 * published or attached. Several windows may share one file. Reference counts are plain numbers:
 * the space's lock guards them.
 */
#ifndef MEMORY_OBJECT_H
#define MEMORY_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "message/message.h"

struct memory_file {
	int fd; /* owned */
	uint32_t references;
	uint64_t lead_bytes; /* at the front, of no object */
	uint64_t bytes;	     /* all of it */
};

struct object {
	struct memory_file *file; /* one reference */
	uint64_t offset;	  /* window: page-aligned, inside the file */
	uint64_t bytes;
	uint64_t id;	       /* the pager's; 0: only this task knows the object */
	enum object_kind kind; /* FROZEN, also without an id: others have it, it never changes */
	bool is_ours; /* all of it is on this host: holes are zeros and not pages to come */
	uint32_t references;
};

/*
 * A new zero-filled memfd, and an object of `bytes` over all of it but a hole at its front, so that
 * offsets in the file and addresses from `address` on, where it will be mapped, agree as huge pages
 * need it. Return: 0, -ENOMEM, -errno (-EMFILE).
 */
int object_new(uint64_t address, uint64_t bytes, struct object **ret_object);
/* An object over a window of another's file; offset counts from the other's window. Return: 0,
 * -ENOMEM. */
int object_new_window(const struct object *other, uint64_t offset, uint64_t bytes,
		      struct object **ret_object);
/*
 * An object over a descriptor that came from the pager.
 * Return: 0 and take_fd is owned; -EINVAL when the file is too short for the window; -ENOMEM.
 */
int object_new_attached(int take_fd, const struct object_window *window,
			struct object **ret_object);

/* The same for frozen memory that is complete on this host and that the pager does not know. */
int object_new_along(int take_fd, const struct object_window *window, struct object **ret_object);

void object_get(struct object *object);
/* Drops a reference that is known not to be the last. */
void object_drop(struct object *object);
/*
 * Drops a reference. Return: the id when that was the last one and the pager must be told, else 0.
 * The window's memory is freed when no other object uses the file.
 */
uint64_t object_put(struct object *object);

/* Offset in the file of a byte of the window. */
static inline uint64_t object_file_offset(const struct object *object, uint64_t offset)
{
	return object->offset + offset;
}

/* Frees the pages of part of an object; it reads as zero then. Return: 0 or -errno. */
int object_punch(const struct object *object, uint64_t offset, uint64_t bytes);
/* Does nobody else see the object's bytes, so that they may be taken away? */
bool object_is_own(const struct object *object);
/* Is the object all of its file, nobody else's, with one user? */
bool object_is_sole(const struct object *object);
/* Sets the size of such an object; bytes that are added are zero. Return: 0 or -errno. */
int object_resize(struct object *object, uint64_t bytes);

#endif
