/*
 * Makes, shares and frees the memfds behind memory objects.
 */
#include "object.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cleanup.h"
#include "base/shmem.h"

static void file_put(struct memory_file *file)
{
	assert(file->references > 0);
	if (--file->references > 0)
		return;
	close(file->fd);
	free(file);
}

static int file_new(int take_fd, uint64_t bytes, struct memory_file **ret_file)
{
	struct memory_file *file = malloc(sizeof(*file));

	if (!file) {
		close(take_fd);
		return -ENOMEM;
	}
	*file = (struct memory_file){.fd = take_fd, .references = 1, .bytes = bytes};
	*ret_file = file;
	return 0;
}

static int object_new_over(struct memory_file *take_file, uint64_t offset, uint64_t bytes,
			   struct object **ret_object)
{
	struct object *object = calloc(1, sizeof(*object));

	if (!object) {
		file_put(take_file);
		return -ENOMEM;
	}
	object->file = take_file;
	object->offset = offset;
	object->bytes = bytes;
	object->references = 1;
	*ret_object = object;
	return 0;
}

int object_new(uint64_t address, uint64_t bytes, struct object **ret_object)
{
	_cleanup_close_ int fd = memfd_create("norma-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t lead_bytes = address % HUGE_PAGE_BYTES;
	struct memory_file *file;

	if (fd < 0 || ftruncate(fd, (off_t)(lead_bytes + bytes)) < 0)
		return -errno;
	int ret = file_new(take_fd(&fd), lead_bytes + bytes, &file);
	if (ret)
		return ret;
	file->lead_bytes = lead_bytes;
	ret = object_new_over(file, lead_bytes, bytes, ret_object);
	if (!ret)
		(*ret_object)->is_ours = true;
	return ret;
}

int object_new_window(const struct object *other, uint64_t offset, uint64_t bytes,
		      struct object **ret_object)
{
	assert(offset <= other->bytes && bytes <= other->bytes - offset);
	other->file->references++;
	int ret = object_new_over(other->file, other->offset + offset, bytes, ret_object);
	if (!ret)
		(*ret_object)->is_ours = other->is_ours;
	return ret;
}

/* Is the window page-aligned, not empty and inside the file? A mapping beyond the end would be
 * SIGBUS. */
static bool window_fits(int fd, const struct object_window *window, uint64_t *ret_file_bytes)
{
	struct stat status;
	uint64_t end;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || window->bytes == 0)
		return false;
	if (!is_page_aligned(window->offset) || !is_page_aligned(window->bytes) ||
	    !checked_add_u64(window->offset, window->bytes, &end))
		return false;
	*ret_file_bytes = (uint64_t)status.st_size;
	return end <= (uint64_t)status.st_size;
}

int object_new_attached(int take_fd, const struct object_window *window, struct object **ret_object)
{
	struct memory_file *file;
	uint64_t file_bytes = 0;

	if (!window_fits(take_fd, window, &file_bytes)) {
		close(take_fd);
		return -EINVAL;
	}
	int ret = file_new(take_fd, file_bytes, &file);
	if (ret)
		return ret;
	ret = object_new_over(file, window->offset, window->bytes, ret_object);
	if (ret)
		return ret;
	(*ret_object)->id = window->id;
	(*ret_object)->kind = (enum object_kind)window->kind;
	return 0;
}

int object_new_along(int take_fd, const struct object_window *window, struct object **ret_object)
{
	int ret = object_new_attached(take_fd, window, ret_object);

	if (ret)
		return ret;
	(*ret_object)->id = 0;
	(*ret_object)->is_ours = true;
	return 0;
}

void object_get(struct object *object)
{
	object->references++;
}

void object_drop(struct object *object)
{
	assert(object->references > 1);
	object->references--;
}

uint64_t object_put(struct object *object)
{
	assert(object->references > 0);
	if (--object->references > 0)
		return 0;
	uint64_t id = object->id;
	file_put(object->file);
	free(object);
	return id;
}

int object_punch(const struct object *object, uint64_t offset, uint64_t bytes)
{
	if (fallocate(object->file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)object_file_offset(object, offset), (off_t)bytes) < 0)
		return -errno;
	return 0;
}

bool object_is_own(const struct object *object)
{
	return object->id == 0 && object->kind != OBJECT_FROZEN;
}

bool object_is_sole(const struct object *object)
{
	return object_is_own(object) && object->references == 1 && object->file->references == 1 &&
	       object->offset == object->file->lead_bytes &&
	       object->bytes == object->file->bytes - object->file->lead_bytes;
}

int object_resize(struct object *object, uint64_t bytes)
{
	assert(object_is_sole(object));
	if (ftruncate(object->file->fd, (off_t)(object->offset + bytes)) < 0)
		return -errno;
	object->bytes = bytes;
	object->file->bytes = object->offset + bytes;
	return 0;
}
