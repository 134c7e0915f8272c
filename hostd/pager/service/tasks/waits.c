/*
 * Waits for pages.
 */
#include "pager/service/tasks/waits.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "pager/service/coherent/coherent.h"
#include "pager/service/container.h"
#include "pager/service/frozen/frozen.h"

struct page_wait *wait_find(const struct object *object, uint64_t page)
{
	struct page_wait *wait;

	HASH_FIND(hh, object->waits, &page, sizeof(page), wait);
	return wait;
}

static void deadline_fire(struct timer *timer)
{
	struct page_wait *wait = CONTAINER(timer, struct page_wait, deadline);

	if (wait->object->kind == OBJECT_COHERENT)
		coherent_expired(wait->object, wait->page);
	else
		frozen_expired(wait->object, wait->page);
}

/* Twice what a silent host is given: home must notice first that a third host is gone. */
static uint64_t due_ns(const struct object *object)
{
	return clock_now_ns() + 2 * object->pager->options.deadline_ns;
}

void wait_restart(struct page_wait *wait)
{
	/* It runs, so moving it needs no memory. */
	(void)timer_start(&wait->object->pager->timers, &wait->deadline, due_ns(wait->object));
}

struct page_wait *wait_get(struct object *object, uint64_t page)
{
	struct timers *timers = &object->pager->timers;
	struct page_wait *wait = wait_find(object, page);

	if (wait)
		return wait;
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return NULL;
	wait->object = object;
	wait->page = page;
	wait->deadline.fire = deadline_fire;
	TAILQ_INIT(&wait->faults);
	if (timer_start(timers, &wait->deadline, due_ns(object))) {
		free(wait);
		return NULL;
	}
	HASH_ADD(hh, object->waits, page, sizeof(wait->page), wait);
	return wait;
}

int wait_add_fault(struct page_wait *wait, struct vmm *vmm, uint64_t address, bool is_write)
{
	struct fault *fault;

	TAILQ_FOREACH (fault, &wait->faults, of_wait) {
		if (fault->vmm != vmm || fault->address != address)
			continue;
		fault->is_write |= is_write;
		return 0;
	}
	fault = malloc(sizeof(*fault));
	if (!fault)
		return -ENOMEM;
	*fault = (struct fault){.vmm = vmm, .address = address, .is_write = is_write};
	TAILQ_INSERT_TAIL(&wait->faults, fault, of_wait);
	return 0;
}

struct fault *wait_take_fault(struct page_wait *wait)
{
	struct fault *fault = TAILQ_FIRST(&wait->faults);

	if (fault)
		TAILQ_REMOVE(&wait->faults, fault, of_wait);
	return fault;
}

void wait_free(struct page_wait *wait)
{
	struct fault *fault;

	while ((fault = wait_take_fault(wait)))
		free(fault);
	timer_stop(&wait->object->pager->timers, &wait->deadline);
	HASH_DEL(wait->object->waits, wait);
	free(wait);
}

void waits_done(struct object *object)
{
	struct page_wait *wait, *next;

	HASH_ITER (hh, object->waits, wait, next)
		wait_free(wait);
}

void waits_forget_vmm(struct object *object, const struct vmm *vmm)
{
	struct page_wait *wait, *next_wait;

	HASH_ITER (hh, object->waits, wait, next_wait) {
		struct fault *fault = TAILQ_FIRST(&wait->faults), *next;

		for (; fault; fault = next) {
			next = TAILQ_NEXT(fault, of_wait);
			if (fault->vmm != vmm)
				continue;
			TAILQ_REMOVE(&wait->faults, fault, of_wait);
			free(fault);
		}
	}
}

static void forget_page_range(struct page_wait *wait, struct vmm *vmm, uint64_t address,
			      uint64_t end)
{
	struct fault *fault = TAILQ_FIRST(&wait->faults), *next;

	for (; fault; fault = next) {
		next = TAILQ_NEXT(fault, of_wait);
		if (fault->vmm != vmm || fault->address < address || fault->address >= end)
			continue;
		TAILQ_REMOVE(&wait->faults, fault, of_wait);
		vmm_stray_fault(vmm, fault->address);
		free(fault);
	}
}

void waits_forget_range(struct vmm *vmm, uint64_t address, uint64_t bytes)
{
	uint64_t end = address + bytes;
	struct mapping *mapping;

	for (uint64_t at = address;
	     (mapping = mapping_from(&vmm->mappings, at)) && mapping->address < end;
	     at = mapping->address + mapping->bytes) {
		struct page_wait *wait, *next;

		HASH_ITER (hh, mapping->object->waits, wait, next)
			forget_page_range(wait, vmm, address, end);
	}
}
