/*
 * brk, mmap and their kin, over the host's map/unmap/protect/discard.
 */
#include "linux_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PROT_KNOWN (PROT_READ | PROT_WRITE | PROT_EXEC)
#define COPY_BYTES 65536

/* Whole pages. Return: 0, -EINVAL for nothing, -ENOMEM if it overflows. */
static int pages_of(uint64_t bytes, uint64_t *ret_bytes)
{
	uint64_t rounded;
	if (bytes == 0)
		return -EINVAL;
	if (__builtin_add_overflow(bytes, LINUX_PAGE_MASK, &rounded))
		return -ENOMEM;
	*ret_bytes = rounded & ~LINUX_PAGE_MASK;
	return 0;
}

static int64_t host_map(const struct linux_call *call, const struct linux_map_request *request)
{
	const struct linux_host *host = call_host(call);
	return host->map(host->context, request);
}

static int host_unmap(const struct linux_call *call, uint64_t address, uint64_t bytes)
{
	const struct linux_host *host = call_host(call);
	return bytes ? host->unmap(host->context, address, bytes) : 0;
}

static int brk_grow(struct linux_call *call, uint64_t end)
{
	struct linux_task *task = call->thread->task;
	struct linux_map_request request = {
	    .address = task->brk_end,
	    .bytes = end - task->brk_end,
	    .protection = PROT_READ | PROT_WRITE,
	    .place = LINUX_MAP_FIXED_FREE,
	};
	return host_map(call, &request) < 0 ? -ENOMEM : 0;
}

/* Linux answers the old break instead of an error. */
int64_t linux_brk(struct linux_call *call)
{
	struct linux_task *task = call->thread->task;
	uint64_t wanted = call->args[0];
	pthread_mutex_lock(&task->lock);
	if (wanted >= task->brk_start && wanted <= task->brk_limit) {
		uint64_t end = (wanted + LINUX_PAGE_MASK) & ~LINUX_PAGE_MASK;
		int ret = 0;
		if (end > task->brk_end)
			ret = brk_grow(call, end);
		else
			ret = host_unmap(call, end, task->brk_end - end);
		if (!ret) {
			task->brk_end = end;
			task->brk_now = wanted;
		}
	}
	uint64_t now = task->brk_now;
	pthread_mutex_unlock(&task->lock);
	return (int64_t)now;
}

int64_t linux_mmap(struct linux_call *call)
{
	uint64_t flags = call->args[3];
	struct linux_map_request request = {
	    .address = call->args[0],
	    .protection = (int)(call->args[2] & PROT_KNOWN),
	    .place = LINUX_MAP_ANYWHERE,
	    .sharing = flags & MAP_SHARED ? LINUX_MAP_IS_SHARED : LINUX_MAP_IS_PRIVATE,
	};
	int ret = pages_of(call->args[1], &request.bytes);
	if (ret)
		return ret;
	if (!(flags & (MAP_SHARED | MAP_PRIVATE)))
		return -EINVAL;
	/* No files yet; the three streams cannot be mapped. */
	if (!(flags & MAP_ANONYMOUS))
		return linux_stream_check(call, call->args[4]) ? -EBADF : -ENODEV;
	if (flags & MAP_FIXED_NOREPLACE)
		request.place = LINUX_MAP_FIXED_FREE;
	else if (flags & MAP_FIXED)
		request.place = LINUX_MAP_FIXED;
	if (request.address & LINUX_PAGE_MASK) {
		if (request.place != LINUX_MAP_ANYWHERE)
			return -EINVAL;
		request.address &= ~LINUX_PAGE_MASK;
	}
	return host_map(call, &request);
}

int64_t linux_munmap(struct linux_call *call)
{
	uint64_t bytes;
	if (call->args[0] & LINUX_PAGE_MASK || pages_of(call->args[1], &bytes))
		return -EINVAL;
	return host_unmap(call, call->args[0], bytes);
}

int64_t linux_mprotect(struct linux_call *call)
{
	const struct linux_host *host = call_host(call);
	uint64_t bytes;
	if (call->args[0] & LINUX_PAGE_MASK || call->args[2] & ~(uint64_t)PROT_KNOWN)
		return -EINVAL;
	if (call->args[1] == 0)
		return 0;
	int ret = pages_of(call->args[1], &bytes);
	return ret ? ret : host->protect(host->context, call->args[0], bytes, (int)call->args[2]);
}

static int pages_copy(struct linux_call *call, uint64_t to, uint64_t from, uint64_t bytes)
{
	uint8_t *buffer = malloc(COPY_BYTES);
	int ret = buffer ? 0 : -ENOMEM;
	for (uint64_t done = 0; done < bytes && !ret; done += COPY_BYTES) {
		size_t chunk = bytes - done < COPY_BYTES ? (size_t)(bytes - done) : COPY_BYTES;
		ret = call_copy_in(call, from + done, buffer, chunk);
		if (!ret)
			ret = call_copy_out(call, to + done, buffer, chunk);
	}
	free(buffer);
	return ret;
}

static int64_t mremap_move(struct linux_call *call, uint64_t from, uint64_t old_bytes,
			   uint64_t new_bytes)
{
	struct linux_map_request request = {
	    .bytes = new_bytes,
	    .protection = PROT_READ | PROT_WRITE,
	    .place = LINUX_MAP_ANYWHERE,
	};
	int64_t to = host_map(call, &request);
	if (to < 0)
		return to;
	int ret = pages_copy(call, (uint64_t)to, from, old_bytes);
	if (ret) {
		host_unmap(call, (uint64_t)to, new_bytes);
		return ret;
	}
	ret = host_unmap(call, from, old_bytes);
	return ret ? ret : to;
}

/* For private, readable and writable memory, which is what allocators grow; moving to a given
 * address is not answered. */
int64_t linux_mremap(struct linux_call *call)
{
	uint64_t from = call->args[0], flags = call->args[3], old_bytes, new_bytes;
	if (from & LINUX_PAGE_MASK || flags & ~(uint64_t)MREMAP_MAYMOVE)
		return -EINVAL;
	if (pages_of(call->args[1], &old_bytes) || pages_of(call->args[2], &new_bytes))
		return -EINVAL;
	if (new_bytes <= old_bytes) {
		int ret = host_unmap(call, from + new_bytes, old_bytes - new_bytes);
		return ret ? ret : (int64_t)from;
	}
	struct linux_map_request tail = {
	    .address = from + old_bytes,
	    .bytes = new_bytes - old_bytes,
	    .protection = PROT_READ | PROT_WRITE,
	    .place = LINUX_MAP_FIXED_FREE,
	};
	if (host_map(call, &tail) >= 0)
		return (int64_t)from;
	return flags & MREMAP_MAYMOVE ? mremap_move(call, from, old_bytes, new_bytes) : -ENOMEM;
}

int64_t linux_madvise(struct linux_call *call)
{
	const struct linux_host *host = call_host(call);
	uint64_t bytes;
	if (call->args[0] & LINUX_PAGE_MASK)
		return -EINVAL;
	if (call->args[1] == 0)
		return 0;
	if (pages_of(call->args[1], &bytes))
		return -EINVAL;
	switch ((int)call->args[2]) {
	case MADV_DONTNEED:
		return host->discard(host->context, call->args[0], bytes);
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_FREE: /* may keep the contents */
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DODUMP:
	case MADV_DONTDUMP:
		return 0;
	default:
		return -EINVAL;
	}
}
