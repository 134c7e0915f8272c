/*
 * Copies regions into new objects. Holes stay holes: untouched memory costs a child nothing.
 *
 * Memory that the pager serves is read through its mapping, which fetches what is elsewhere; its
 * file tells nothing. Other memory is read from the file, where a hole is zero.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "export.h"
#include "host_map.h"
#include "page_scan.h"

#define COPY_RUNS 128u

static int write_all(const struct object *object, uint64_t offset, const uint8_t *data,
		     size_t bytes)
{
	while (bytes > 0) {
		ssize_t done = pwrite(object->file->fd, data, bytes,
				      (off_t)object_file_offset(object, offset));

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		data += done;
		offset += (uint64_t)done;
		bytes -= (size_t)done;
	}
	return 0;
}

static bool page_is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE_BYTES - 1) == 0;
}

/* Writes what is not zero, page by page, into an object that reads as zero. */
static int write_nonzero(const struct object *object, uint64_t offset, const uint8_t *data,
			 size_t bytes)
{
	for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
		if (page_is_zero(data + at))
			continue;
		int ret = write_all(object, offset + at, data + at, PAGE_BYTES);
		if (ret)
			return ret;
	}
	return 0;
}

enum copy_zeros { COPY_ZEROS, SKIP_ZEROS };

/* Copies [start, end) of the task as the mapping shows it. */
static int copy_mapped(struct export *export, const struct export_item *item, uint64_t start,
		       uint64_t end, enum copy_zeros zeros)
{
	uint64_t bytes;
	int ret = 0;

	for (uint64_t at = start; at < end && !ret; at += bytes) {
		uint64_t offset = at - item->region->start;

		bytes = end - at < EXPORT_COPY_BYTES ? end - at : EXPORT_COPY_BYTES;
		if (guest_copy_in(export->space->machine, at, export->buffer, bytes))
			return -EIO;
		ret = zeros == SKIP_ZEROS
			  ? write_nonzero(item->object, offset, export->buffer, bytes)
			  : write_all(item->object, offset, export->buffer, bytes);
	}
	return ret;
}

/* Copies [from, to) of a file into the object. */
static int copy_extent(struct export *export, const struct export_item *item, uint64_t from,
		       uint64_t to)
{
	uint64_t base = object_file_offset(item->region->object, item->region->offset);

	while (from < to) {
		size_t bytes = to - from < EXPORT_COPY_BYTES ? to - from : EXPORT_COPY_BYTES;
		ssize_t got =
		    pread(item->region->object->file->fd, export->buffer, bytes, (off_t)from);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		int ret = write_all(item->object, from - base, export->buffer, (size_t)got);
		if (ret)
			return ret;
		from += (uint64_t)got;
	}
	return 0;
}

static int copy_file(struct export *export, const struct export_item *item)
{
	const struct object *object = item->region->object;
	uint64_t at = object_file_offset(object, item->region->offset);
	uint64_t end = at + region_bytes(item->region);

	while (at < end) {
		off_t data = lseek(object->file->fd, (off_t)at, SEEK_DATA);

		if (data < 0)
			return errno == ENXIO ? 0 : -errno;
		if ((uint64_t)data >= end)
			return 0;
		off_t hole = lseek(object->file->fd, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		uint64_t to = (uint64_t)hole < end ? (uint64_t)hole : end;
		int ret = copy_extent(export, item, (uint64_t)data, to);
		if (ret)
			return ret;
		at = to;
	}
	return 0;
}

/* A region that the task may not read is copied all the same; its threads stand still meanwhile. */
static int host_readable(struct export *export, const struct region *region, bool is_readable)
{
	if (region->protection)
		return 0;
	return host_protect(export->space->machine, region_range(region),
			    is_readable ? VM_PROT_READ : region->protection);
}

int export_copy_base(struct export *export, struct export_item *item)
{
	const struct region *region = item->region;
	int ret;

	if (space_fail_at(SPACE_STEP_COPY))
		return -ENOMEM;
	if (!space_region_is_served(export->space, region))
		ret = copy_file(export, item);
	else if (region->protection || export->is_paused)
		ret = copy_mapped(export, item, region->start, region->end, SKIP_ZEROS);
	else
		return 0; /* unreadable for now: export_copy_instant does it */
	item->is_base_copied = !ret;
	return ret;
}

static int copy_overlay(struct export *export, const struct export_item *item)
{
	const struct space *space = export->space;
	uint64_t zero = space_hva(space, 0);
	uint64_t at = space_hva(space, item->region->start);
	uint64_t end = space_hva(space, item->region->end);

	while (at < end) {
		struct page_run runs[COPY_RUNS];
		int count =
		    page_scan_next(space->pagemap_fd, PAGE_SCAN_OVERLAY, &at, end, runs, COPY_RUNS);

		if (count < 0)
			return count;
		for (int i = 0; i < count; i++) {
			int ret = copy_mapped(export, item, runs[i].start - zero,
					      runs[i].end - zero, COPY_ZEROS);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/*
 * The pager may begin to serve a shared object at any moment, and pages may leave its file from
 * then on: a copy that was taken from the file is good only if that did not happen meanwhile.
 */
static int copy_shared(struct export *export, struct export_item *item)
{
	const struct region *region = item->region;

	if (!space_region_is_served(export->space, region)) {
		int ret = copy_file(export, item);

		if (ret || !space_region_is_served(export->space, region))
			return ret;
		ret = object_punch(item->object, 0, region_bytes(region));
		if (ret)
			return ret;
	}
	return copy_mapped(export, item, region->start, region->end, SKIP_ZEROS);
}

static int copy_private(struct export *export, struct export_item *item)
{
	int ret = item->is_base_copied ? 0 : export_copy_base(export, item);

	return ret ? ret : copy_overlay(export, item);
}

int export_copy_instant(struct export *export, struct export_item *item)
{
	if (space_fail_at(SPACE_STEP_COPY))
		return -ENOMEM;
	int ret = host_readable(export, item->region, true);
	if (ret)
		return ret;
	ret = item->region->mapping == REGION_SHARED ? copy_shared(export, item)
						     : copy_private(export, item);
	int restored = host_readable(export, item->region, false);
	return ret ? ret : restored;
}
