/*
 * The client's own memory that the stubs hand out (vm_read, task_threads). It is mapped like a
 * guest's, so that the same vm_deallocate(mach_task_self(), ...) frees it: a list tells it from the
 * task's own ranges. They cannot be confused: mappings of this process lie above 128 GiB, where no
 * task has memory. The list is the process's, since one thread may free what another was given.
 */
#include <pthread.h>
#include <sys/mman.h>

#include <mach/mach.h>

#include "base/checked.h"
#include "mach/transport.h"

/* In the page in front of every allocation. */
struct client_memory {
	struct client_memory *next;
	vm_offset_t address;
	vm_size_t pages_bytes; /* whole pages, this one not included */
};

static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;
static struct client_memory *memory_list;

kern_return_t norma_transport_allocate(vm_size_t bytes, vm_offset_t *ret_address)
{
	struct client_memory *memory;
	uint64_t pages_bytes, total;
	void *pages;

	if (!page_ceil(bytes, &pages_bytes) || !checked_add_u64(pages_bytes, PAGE_BYTES, &total))
		return KERN_RESOURCE_SHORTAGE;
	pages = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return KERN_RESOURCE_SHORTAGE;
	memory = pages;
	memory->address = (vm_offset_t)pages + PAGE_BYTES;
	memory->pages_bytes = pages_bytes;
	pthread_mutex_lock(&memory_lock);
	memory->next = memory_list;
	memory_list = memory;
	pthread_mutex_unlock(&memory_lock);
	*ret_address = memory->address;
	return KERN_SUCCESS;
}

/* The lock is held. Return: the place that points to the allocation of exactly this range. */
static struct client_memory **memory_find(vm_offset_t address, vm_size_t bytes)
{
	struct client_memory **place = &memory_list;
	uint64_t pages_bytes;

	if (!page_ceil(bytes, &pages_bytes))
		return NULL;
	while (*place && ((*place)->address != address || (*place)->pages_bytes != pages_bytes))
		place = &(*place)->next;
	return *place ? place : NULL;
}

void norma_transport_free(vm_offset_t address, vm_size_t bytes)
{
	struct client_memory **place, *memory = NULL;

	pthread_mutex_lock(&memory_lock);
	place = memory_find(address, bytes);
	if (place) {
		memory = *place;
		*place = memory->next;
	}
	pthread_mutex_unlock(&memory_lock);
	if (memory)
		munmap(memory, memory->pages_bytes + PAGE_BYTES);
}

bool norma_transport_is_apart(task_t task, vm_offset_t address, vm_size_t bytes)
{
	bool is_apart;

	if (task != mach_task_self())
		return false;
	pthread_mutex_lock(&memory_lock);
	is_apart = memory_find(address, bytes) != NULL;
	pthread_mutex_unlock(&memory_lock);
	return is_apart;
}
