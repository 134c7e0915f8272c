/*
 * Linux's words for memory in those of the task's space. Linux's PROT_ bits are Mach's VM_PROT_
 * bits.
 */
#include "personality_memory.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>

#include "norma_abi.h"
#include "space.h"
#include "task.h"

/* Room may be taken by another thread between looking and mapping; each round follows such a loss.
 */
#define PLACE_ROUNDS_MAX 64

static_assert(PROT_READ == VM_PROT_READ && PROT_WRITE == VM_PROT_WRITE &&
		  PROT_EXEC == VM_PROT_EXECUTE,
	      "protections need no conversion");

static int errno_of(kern_return_t code)
{
	switch (code) {
	case KERN_SUCCESS:
		return 0;
	case KERN_PROTECTION_FAILURE:
		return -EACCES;
	case KERN_INVALID_ARGUMENT:
		return -EINVAL;
	default:
		return -ENOMEM;
	}
}

/* The lowest hole of that size from map_start on: Mach's own first fit starts at the bottom, and
 * would put mappings where the heap is to grow. Return: 0 when there is none. */
static uint64_t hole_find(const struct task *task, uint64_t bytes)
{
	uint64_t start = task->personality.map_start;
	struct space_region_info info;

	while (bytes <= NORMA_USER_END - start) {
		if (space_region(task->space, start, &info) || info.start >= start + bytes)
			return start;
		start = info.start + info.bytes;
	}
	return 0;
}

static int64_t map_anywhere(struct task *task, struct space_map_request *request, uint64_t hint)
{
	uint64_t address;
	int error = -EEXIST;

	request->placement = SPACE_FIXED;
	request->address = hint;
	if (hint)
		error = space_map(task->space, request, &address);
	for (int round = 0; error == -EEXIST && round < PLACE_ROUNDS_MAX; round++) {
		request->address = hole_find(task, request->bytes);
		if (!request->address)
			break;
		error = space_map(task->space, request, &address);
	}
	if (!error)
		return (int64_t)address;
	/* Whatever was wrong with the hint, it was only a hint. */
	request->placement = SPACE_ANYWHERE;
	error = space_map(task->space, request, &address);
	return error ? error : (int64_t)address;
}

/* brk grows in small steps: one region that becomes longer instead of one more region each time. */
static bool is_heap(const struct task *task, const struct linux_map_request *request)
{
	const struct linux_task *linux_task = &task->personality.linux_task;

	return request->place == LINUX_MAP_FIXED_FREE && request->sharing == LINUX_MAP_IS_PRIVATE &&
	       request->protection == (PROT_READ | PROT_WRITE) &&
	       request->address >= linux_task->brk_start &&
	       request->address < linux_task->brk_limit &&
	       request->bytes <= linux_task->brk_limit - request->address;
}

int64_t personality_map(void *context, const struct linux_map_request *request)
{
	struct task *task = context;
	struct space_map_request map = {
	    .address = request->address,
	    .bytes = request->bytes,
	    .placement = request->place == LINUX_MAP_FIXED ? SPACE_FIXED_REPLACE : SPACE_FIXED,
	    .protection = request->protection,
	    .max_protection = VM_PROT_ALL,
	    .inheritance =
		request->sharing == LINUX_MAP_IS_SHARED ? VM_INHERIT_SHARE : VM_INHERIT_COPY,
	};
	uint64_t address;
	int error;

	if (request->place == LINUX_MAP_ANYWHERE)
		return map_anywhere(task, &map, request->address);
	if (is_heap(task, request)) {
		error = space_grow(task->space, task->personality.linux_task.brk_start,
				   request->address, request->address + request->bytes);
		return error ? error : (int64_t)request->address;
	}
	error = space_map(task->space, &map, &address);
	return error ? error : (int64_t)address;
}

int personality_unmap(void *context, uint64_t address, uint64_t bytes)
{
	struct task *task = context;

	return errno_of(space_deallocate(task->space, address, bytes));
}

int personality_protect(void *context, uint64_t address, uint64_t bytes, int protection)
{
	struct task *task = context;

	return errno_of(
	    space_protect(task->space, address, bytes, SPACE_PROTECT_CURRENT, protection));
}

int personality_discard(void *context, uint64_t address, uint64_t bytes)
{
	struct task *task = context;

	return space_discard(task->space, address, bytes);
}
