/*
 * One coherent object of the virtual fleet: the product's directory at its home and a holder at
 * every host that has joined. Hosts have slots in the object, 0 is its home.
 */
#ifndef SIMULATOR_SHARED_OBJECT_H
#define SIMULATOR_SHARED_OBJECT_H

#include <sys/queue.h>

#include "directory.h"
#include "fleet.h"
#include "holder.h"

/* A thread that waits for a page; told once when the page may be used. */
struct page_waiter {
	uint64_t page;
	enum fault_kind kind;
	void (*ready)(struct page_waiter *waiter, uint64_t now_ns, unsigned int depth);
	LIST_ENTRY(page_waiter) entry;
};

struct shared_member {
	unsigned int host;
	struct holder holder;
	LIST_HEAD(, page_waiter) waiters;
};

struct shared_object {
	struct fleet *fleet;
	struct directory directory;
	struct shared_member members[HOST_SET_MAX];
	unsigned int member_count;
	const struct envelope *handling; /* NULL: a fault of a thread is */
	unsigned int at;		 /* slot that handles it */
	uint64_t done_ns;		 /* when that is done */
};

/* Return: 0, -ENOMEM. */
int shared_object_init(struct shared_object *object, struct fleet *fleet, uint64_t id,
		       unsigned int home_host, uint64_t page_count);
void shared_object_done(struct shared_object *object);

/* Return: the host's slot; -EUSERS when HOST_SET_MAX hosts have joined, -ENOMEM. */
int shared_object_join(struct shared_object *object, unsigned int host);

/* Return: whether a thread there may read (or write) the page at once. */
bool shared_object_may(const struct shared_object *object, unsigned int slot, uint64_t page,
		       enum fault_kind kind);

/* A thread faults; waiter->ready is called when the page came. */
void shared_object_fault(struct shared_object *object, unsigned int slot,
			 struct page_waiter *waiter);

/* Return: bytes of tables that describe pages: as reserved, home and members together. */
uint64_t shared_object_table_bytes(const struct shared_object *object);

#endif
