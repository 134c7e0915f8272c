/*
 * Pages that this host waits for: the threads whose faults cannot be answered yet, and the
 * deadline of the request that will answer them. A wait exists while there is either.
 */
#ifndef SERVICE_WAITS_H
#define SERVICE_WAITS_H

#include "pager/service/tasks/object.h"
#include "pager/service/tasks/vmm.h"

struct fault {
	struct vmm *vmm;
	uint64_t address;
	bool is_write;
	TAILQ_ENTRY(fault) of_wait;
};
TAILQ_HEAD(fault_list, fault);

struct page_wait {
	struct object *object;
	uint64_t page;
	struct timer deadline;
	bool is_asked; /* of a frozen object: the page was asked for by itself */
	struct fault_list faults;
	UT_hash_handle hh;
};

/* Return: the wait for a page, or NULL. */
struct page_wait *wait_find(const struct object *object, uint64_t page);
/* Finds or makes one; a new one has its deadline running. Return: NULL without memory. */
struct page_wait *wait_get(struct object *object, uint64_t page);
/* Something came for the page: what is still wanted has the whole time again. */
void wait_restart(struct page_wait *wait);
/* Adds a thread's fault; one address of a VMM counts once. Return: 0 or -ENOMEM. */
int wait_add_fault(struct page_wait *wait, struct vmm *vmm, uint64_t address, bool is_write);
/* Takes the first fault off, for the caller to free; NULL when there is none. */
struct fault *wait_take_fault(struct page_wait *wait);
void wait_free(struct page_wait *wait);

/* Forgets the faults of a VMM that is gone. */
void waits_forget_vmm(struct object *object, const struct vmm *vmm);
/* Lets the threads that wait in a range of a VMM try again a little later. */
void waits_forget_range(struct vmm *vmm, uint64_t address, uint64_t bytes);
void waits_done(struct object *object);

#endif
