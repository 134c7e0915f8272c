/*
 * The objects that this host knows: made here (published by a VMM) or joined at their home. An
 * object lives while a VMM of this host refers to it or maps it, or, at its home, while another
 * host has joined it.
 *
 *   HERE      this host is its home
 *   JOINING   home was (or will be) asked; nobody maps it yet
 *   JOINED    usable
 *   LEAVING   nobody here uses it; its pages are on their way home. A new attach makes it JOINED.
 *   ORPHANED  home was lost: what is here stays usable, what is not here is lost
 *   REFUSED   home said no, or did not answer; ends when those who asked have been told
 */
#ifndef SERVICE_OBJECT_H
#define SERVICE_OBJECT_H

#include <uthash.h>

#include "pager/service/pager.h"
#include "page/page_message.h"

#define OBJECT_MAX_BYTES ((uint64_t)1 << 40)
#define OBJECTS_MAX	 65536u

enum object_phase {
	OBJECT_HERE,
	OBJECT_JOINING,
	OBJECT_JOINED,
	OBJECT_LEAVING,
	OBJECT_ORPHANED,
	OBJECT_REFUSED,
	OBJECT_NUM_PHASES,
};

struct mapping;
struct page_wait;
struct coherent;
struct frozen;
struct frozen_given;
struct store;

LIST_HEAD(mapping_list, mapping);

/* A member that has said PART while a page that it gave away is still on its way to another. */
struct parting {
	int node;
	bool is_back; /* it has said JOIN again */
	uint64_t join_serial;
	LIST_ENTRY(parting) of_object;
};
LIST_HEAD(parting_list, parting);

struct object {
	struct pager *pager;
	uint64_t id;
	enum object_phase phase;
	enum object_kind kind;
	int home;
	int memory; /* memfd; -1 while joining. Sealed against being cut short if it is frozen */
	uint64_t offset; /* of the window in it */
	uint64_t bytes, pages;

	unsigned int references; /* of VMMs */
	struct mapping_list mappings;
	uint64_t members[PAGER_MAX_NODES / 64]; /* at home: the hosts that joined */
	unsigned int member_count;
	struct parting_list partings;

	bool is_join_sent;
	uint64_t join_serial; /* of the last JOIN; its answer repeats it */
	struct timer join_timer;
	struct page_refusal refusal; /* when REFUSED */

	struct coherent *coherent;  /* while other hosts take part in a coherent object */
	struct frozen *frozen;	    /* cache of a frozen object from elsewhere */
	struct store *store;	    /* of a frozen object that was asked for */
	struct frozen_given *given; /* by unit: at home of a frozen object that was asked for */
	struct page_wait *waits;    /* a uthash by page: threads that wait, requests under way */
	bool is_unsettled;
	TAILQ_ENTRY(object) unsettled;
	UT_hash_handle hh;
};

static inline int object_id_node(uint64_t id)
{
	return (int)(id >> 48);
}

/* Return: the object, or NULL. */
struct object *object_find(struct pager *pager, uint64_t id);
/*
 * Makes an object of a memfd window; takes the descriptor on success. The caller has checked kind
 * and window. Return: 0, -ENOMEM, -ENOSPC (too many objects).
 */
int object_publish(struct pager *pager, const struct object_window *window, int take_fd,
		   struct object **ret_object);
/* Makes an object in phase JOINING. Return: 0, -ENOMEM, -ENOSPC. */
int object_new_joining(struct pager *pager, uint64_t id, struct object **ret_object);
/* Home agreed: makes the local memory. Return: 0 or -errno (the object is as before). */
int object_become_joined(struct object *object, const struct page_joined *joined,
			 uint32_t membership);

bool object_is_member(const struct object *object, int node);
void object_add_member(struct object *object, int node);
void object_remove_member(struct object *object, int node);

static inline bool object_is_used_here(const struct object *object)
{
	return object->references > 0 || !LIST_EMPTY(&object->mappings);
}

/*
 * To be called when a use, a member or a page transfer ended. At the end of the turn the object
 * begins to leave, forgets what is not needed or is freed: never while somebody is at work on it.
 */
void object_settle(struct object *object);
/* The end of the turn. */
void objects_settle(struct pager *pager);
/* Frees without ceremony; at the end of the pager. */
void object_free(struct object *object);

/* Return: the store to read a frozen object from (it stays the object's), NULL: see errno. */
struct store *object_store(struct object *object);
/* Reads or writes whole pages of the memory. Return: 0, -EIO (the memfd was cut), -errno. */
int object_read_pages(const struct object *object, uint64_t first, uint32_t count, void *buffer);
int object_write_pages(const struct object *object, uint64_t first, uint32_t count,
		       const void *data);
static inline int object_read(const struct object *object, uint64_t page, void *buffer)
{
	return object_read_pages(object, page, 1, buffer);
}
static inline int object_write(const struct object *object, uint64_t page, const void *data)
{
	return object_write_pages(object, page, 1, data);
}
/* Return: how many pages from first on, at most limit, have no memory: they read as zero. */
uint64_t object_count_hole(const struct object *object, uint64_t first, uint64_t limit);
/* Gives a page that is a hole memory of zeros. */
int object_allocate(const struct object *object, uint64_t page, uint64_t count);
/* Takes a page out of the memory and out of every mapping. */
int object_punch(const struct object *object, uint64_t page);

#endif
