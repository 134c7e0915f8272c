/*
 * The object table and the memory behind objects.
 */
#include "pager/service/tasks/object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pager/service/coherent/coherent.h"
#include "pager/service/frozen/frozen.h"
#include "pager/service/frozen/frozen_home.h"
#include "pager/service/hosts/join.h"
#include "pager/service/frozen/store.h"
#include "pager/service/tasks/waits.h"

struct object *object_find(struct pager *pager, uint64_t id)
{
	struct object *object;

	HASH_FIND(hh, pager->objects, &id, sizeof(id), object);
	return object;
}

static int object_new(struct pager *pager, uint64_t id, struct object **ret_object)
{
	struct object *object;

	if (HASH_COUNT(pager->objects) >= OBJECTS_MAX)
		return -ENOSPC;
	object = calloc(1, sizeof(*object));
	if (!object)
		return -ENOMEM;
	object->pager = pager;
	object->id = id;
	object->home = object_id_node(id);
	object->memory = -1;
	LIST_INIT(&object->mappings);
	LIST_INIT(&object->partings);
	HASH_ADD(hh, pager->objects, id, sizeof(object->id), object);
	pager->statistics.objects++;
	*ret_object = object;
	return 0;
}

/* node, 16 bits of this run's epoch, serial: an id of an earlier run never names a new object. */
static uint64_t next_id(struct pager *pager)
{
	uint64_t id;

	do
		id = (uint64_t)pager->options.node << 48 | (uint64_t)(pager->epoch & 0xffff) << 32 |
		     ++pager->object_serial;
	while (pager->object_serial == 0 || object_find(pager, id));
	return id;
}

int object_publish(struct pager *pager, const struct object_window *window, int take_fd,
		   struct object **ret_object)
{
	struct object *object;
	int r = object_new(pager, next_id(pager), &object);

	if (r)
		return r;
	object->phase = OBJECT_HERE;
	object->kind = (enum object_kind)window->kind;
	object->memory = take_fd;
	object->offset = window->offset;
	object->bytes = window->bytes;
	object->pages = window->bytes / PAGE_BYTES;
	*ret_object = object;
	return 0;
}

int object_new_joining(struct pager *pager, uint64_t id, struct object **ret_object)
{
	int r = object_new(pager, id, ret_object);

	if (r == 0)
		(*ret_object)->phase = OBJECT_JOINING;
	return r;
}

/* Sealed, so that no task that maps it can cut it short while we receive into it. */
static int make_memory(uint64_t bytes)
{
	_cleanup_close_ int fd = memfd_create("norma-object", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	return take_fd(&fd);
}

int object_become_joined(struct object *object, const struct page_joined *joined,
			 uint32_t membership)
{
	_cleanup_close_ int fd = make_memory(joined->lead + joined->bytes);
	int r;

	if (fd < 0)
		return fd;
	object->kind = (enum object_kind)joined->kind;
	object->offset = joined->lead;
	object->bytes = joined->bytes;
	object->pages = joined->bytes / PAGE_BYTES;
	object->memory = fd;
	r = object->kind == OBJECT_COHERENT ? coherent_open(object, membership)
					    : frozen_open(object);
	if (r) {
		object->memory = -1;
		return r;
	}
	(void)take_fd(&fd);
	object->phase = OBJECT_JOINED;
	return 0;
}

bool object_is_member(const struct object *object, int node)
{
	return object->members[node / 64] >> (node % 64) & 1;
}

void object_add_member(struct object *object, int node)
{
	if (object_is_member(object, node))
		return;
	object->members[node / 64] |= (uint64_t)1 << (node % 64);
	object->member_count++;
}

void object_remove_member(struct object *object, int node)
{
	if (!object_is_member(object, node))
		return;
	object->members[node / 64] &= ~((uint64_t)1 << (node % 64));
	object->member_count--;
	frozen_take_back(object, node);
}

void object_free(struct object *object)
{
	struct pager *pager = object->pager;

	if (object->is_unsettled)
		TAILQ_REMOVE(&pager->unsettled, object, unsettled);
	timer_stop(&pager->timers, &object->join_timer);
	while (!LIST_EMPTY(&object->partings))
		join_forget_parting(object, LIST_FIRST(&object->partings)->node);
	waits_done(object);
	coherent_close(object);
	frozen_close(object);
	free(object->given);
	if (object->store)
		store_put(object->store);
	if (object->memory >= 0)
		close(object->memory);
	HASH_DEL(pager->objects, object);
	pager->statistics.objects--;
	free(object);
}

static void settle(struct object *object)
{
	bool is_used = object_is_used_here(object);

	switch (object->phase) {
	case OBJECT_HERE:
		if (object->member_count == 0 && !is_used)
			object_free(object);
		break;
	case OBJECT_JOINED:
		if (!is_used)
			join_leave(object);
		break;
	case OBJECT_ORPHANED:
	case OBJECT_REFUSED:
		if (!is_used)
			object_free(object);
		break;
	case OBJECT_JOINING: /* ends with home's answer or its deadline */
	case OBJECT_LEAVING: /* ends with the last page returned */
	case OBJECT_NUM_PHASES:
		break;
	}
}

void object_settle(struct object *object)
{
	if (object->is_unsettled)
		return;
	object->is_unsettled = true;
	TAILQ_INSERT_TAIL(&object->pager->unsettled, object, unsettled);
}

void objects_settle(struct pager *pager)
{
	struct object *object;

	while ((object = TAILQ_FIRST(&pager->unsettled))) {
		TAILQ_REMOVE(&pager->unsettled, object, unsettled);
		object->is_unsettled = false;
		settle(object);
	}
}

struct store *object_store(struct object *object)
{
	struct store *store;
	int r;

	if (object->store)
		return object->store;
	r = store_new(object->memory, object->offset, &store);
	if (r) {
		errno = -r;
		return NULL;
	}
	r = store_open_view(store, object->offset + object->bytes);
	if (r) {
		store_put(store);
		errno = -r;
		return NULL;
	}
	object->store = store;
	return store;
}

int object_read_pages(const struct object *object, uint64_t first, uint32_t count, void *buffer)
{
	size_t bytes = count * PAGE_BYTES;
	ssize_t got =
	    pread(object->memory, buffer, bytes, (off_t)(object->offset + first * PAGE_BYTES));

	if (got < 0)
		return -errno;
	return got == (ssize_t)bytes ? 0 : -EIO;
}

int object_write_pages(const struct object *object, uint64_t first, uint32_t count,
		       const void *data)
{
	size_t bytes = count * PAGE_BYTES;
	ssize_t put =
	    pwrite(object->memory, data, bytes, (off_t)(object->offset + first * PAGE_BYTES));

	if (put < 0)
		return -errno;
	return put == (ssize_t)bytes ? 0 : -EIO;
}

uint64_t object_count_hole(const struct object *object, uint64_t first, uint64_t limit)
{
	off_t at = (off_t)(object->offset + first * PAGE_BYTES);
	off_t data = lseek(object->memory, at, SEEK_DATA);
	uint64_t count;

	if (data < 0) /* ENXIO: nothing but a hole up to the end */
		return errno == ENXIO ? limit : 0;
	count = (uint64_t)(data - at) / PAGE_BYTES;
	return count < limit ? count : limit;
}

int object_allocate(const struct object *object, uint64_t page, uint64_t count)
{
	return fallocate(object->memory, FALLOC_FL_KEEP_SIZE,
			 (off_t)(object->offset + page * PAGE_BYTES), (off_t)(count * PAGE_BYTES))
		   ? -errno
		   : 0;
}

int object_punch(const struct object *object, uint64_t page)
{
	return fallocate(object->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 (off_t)(object->offset + page * PAGE_BYTES), PAGE_BYTES)
		   ? -errno
		   : 0;
}
