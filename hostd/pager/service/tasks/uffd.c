/*
 * userfaultfd ioctls. The installed UAPI header is older than the kernel: what it lacks is defined
 * here (UFFDIO_CONTINUE_MODE_WP: Linux 6.4, UFFDIO_POISON: Linux 6.6).
 */
#include "pager/service/tasks/uffd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cleanup.h"

#ifndef UFFDIO_CONTINUE_MODE_WP
#define UFFDIO_CONTINUE_MODE_WP ((uint64_t)1 << 1)
#endif
#ifndef UFFDIO_POISON
struct uffdio_poison {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};
#define UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#endif

#define FEATURES_NEEDED                                                                            \
	(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM |  \
	 UFFD_FEATURE_WP_HUGETLBFS_SHMEM)
/* An event that nobody reads would make every later ioctl fail with EAGAIN. */
#define FEATURES_REFUSED                                                                           \
	(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE |          \
	 UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_SIGBUS)

/* Another thread of the VMM may hold a page for an instant; more tries than this is a kernel bug.
 */
#define MAX_TRIES 1000

static bool is_gone(int error)
{
	return error == ENOENT || error == ESRCH;
}

static int check_features(FILE *info)
{
	uint64_t api, features;
	char line[128];

	while (fgets(line, sizeof(line), info)) {
		if (sscanf(line, "API: %" SCNx64 ":%" SCNx64, &api, &features) != 2)
			continue;
		if ((features & FEATURES_NEEDED) != FEATURES_NEEDED ||
		    (features & FEATURES_REFUSED))
			return -ENOTSUP;
		return 0;
	}
	return -EBADF;
}

int uffd_check(int uffd)
{
	char path[64], target[64];
	ssize_t length;
	FILE *info;
	int flags, r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", uffd);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = 0;
	if (strcmp(target, "anon_inode:[userfaultfd]") != 0)
		return -EBADF;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", uffd);
	info = fopen(path, "re");
	if (!info)
		return -errno;
	r = check_features(info);
	fclose(info);
	if (r)
		return r;
	flags = fcntl(uffd, F_GETFL);
	if (flags < 0 || fcntl(uffd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* Asks in a way that changes nothing that matters in a range that nobody watches. */
static bool is_process_gone(int uffd, uint64_t address)
{
	struct uffdio_writeprotect none = {.range = {.start = address, .len = PAGE_BYTES}};

	return ioctl(uffd, UFFDIO_WRITEPROTECT, &none) < 0 && errno == ESRCH;
}

int uffd_register(int uffd, uint64_t address, uint64_t bytes, enum uffd_watch watch)
{
	struct uffdio_register request = {
	    .range = {.start = address, .len = bytes},
	    .mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR,
	};

	if (watch == UFFD_WATCH_COHERENT)
		request.mode |= UFFDIO_REGISTER_MODE_WP;
	if (ioctl(uffd, UFFDIO_REGISTER, &request) == 0)
		return 0;
	/* Here, unlike everywhere else, the kernel (6.18) says ENOMEM of a process that is gone. */
	int error = errno;
	return error == ENOMEM && is_process_gone(uffd, address) ? -ESRCH : -error;
}

void uffd_unregister(int uffd, uint64_t address, uint64_t bytes)
{
	struct uffdio_range range = {.start = address, .len = bytes};

	/* Fails only when the range is gone, which is what was wanted. */
	ioctl(uffd, UFFDIO_UNREGISTER, &range);
}

void uffd_wake(int uffd, uint64_t address, uint64_t bytes)
{
	struct uffdio_range range = {.start = address, .len = bytes};

	/* Fails only for a malformed range or a dead address space. */
	ioctl(uffd, UFFDIO_WAKE, &range);
}

/* Return: 0, -ENOENT or -ESRCH when some of it is gone, or -errno. */
static int try_write_protection(int uffd, uint64_t address, uint64_t pages, uint64_t mode)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		struct uffdio_writeprotect request = {
		    .range = {.start = address, .len = pages * PAGE_BYTES},
		    .mode = mode,
		};

		if (ioctl(uffd, UFFDIO_WRITEPROTECT, &request) == 0)
			return 0;
		if (errno != EAGAIN)
			return -errno;
	}
	return -EAGAIN;
}

int uffd_write_protect(int uffd, uint64_t address, uint64_t pages)
{
	int r = try_write_protection(uffd, address, pages, UFFDIO_WRITEPROTECT_MODE_WP);

	/* The kernel stops at the first page that is gone: those behind it have to be done, too. */
	if (r == -ENOENT && pages > 1)
		for (uint64_t i = 0; i < pages && (r == 0 || is_gone(-r)); i++)
			r = try_write_protection(uffd, address + i * PAGE_BYTES, 1,
						 UFFDIO_WRITEPROTECT_MODE_WP);
	return is_gone(-r) ? 0 : r;
}

int uffd_unprotect(int uffd, uint64_t address)
{
	int r = try_write_protection(uffd, address, 1, 0);

	/* Taking the protection off wakes whoever waits; where there is none any more, we do. */
	if (r)
		uffd_wake(uffd, address, PAGE_BYTES);
	return is_gone(-r) ? 0 : r;
}

/* A page that somebody mapped before us: give the access and wake (CONTINUE did not). */
static int map_again(int uffd, uint64_t address, enum uffd_access access)
{
	if (access == UFFD_WRITE)
		return uffd_unprotect(uffd, address);
	uffd_wake(uffd, address, PAGE_BYTES);
	return 0;
}

int uffd_map(int uffd, uint64_t address, uint64_t pages, enum uffd_access access,
	     uint64_t *ret_mapped)
{
	uint64_t done = 0;
	int tries = 0, r = 0;

	while (done < pages && tries++ < MAX_TRIES) {
		struct uffdio_continue request = {
		    .range = {.start = address + done * PAGE_BYTES,
			      .len = (pages - done) * PAGE_BYTES},
		    .mode = access == UFFD_WRITE ? 0 : UFFDIO_CONTINUE_MODE_WP,
		};

		if (ioctl(uffd, UFFDIO_CONTINUE, &request) == 0) {
			done = pages;
			break;
		}
		/* Not watched any more, and so not mapped by us: a thread that had faulted before
		 * sleeps until it is told to try again. */
		if (is_gone(errno)) {
			uffd_wake(uffd, request.range.start, request.range.len);
			done = pages;
			break;
		}
		if (errno == EAGAIN && request.mapped > 0) {
			done += (uint64_t)request.mapped / PAGE_BYTES;
			continue;
		}
		r = errno == EFAULT ? -ENODATA : -errno;
		if (r == -EEXIST) {
			r = map_again(uffd, request.range.start, access);
			done++;
		}
		if (r && r != -EAGAIN)
			break;
		r = 0;
	}
	if (ret_mapped)
		*ret_mapped = done;
	return r || done == pages ? r : -EAGAIN;
}

void uffd_map_ahead(int uffd, uint64_t address, uint64_t pages, enum uffd_access access)
{
	struct uffdio_continue request = {
	    .range = {.start = address, .len = pages * PAGE_BYTES},
	    .mode =
		UFFDIO_CONTINUE_MODE_DONTWAKE | (access == UFFD_READ ? UFFDIO_CONTINUE_MODE_WP : 0),
	};

	/* A convenience: what it does not map will fault. */
	ioctl(uffd, UFFDIO_CONTINUE, &request);
}

int uffd_poison(int uffd, uint64_t address)
{
	struct uffdio_poison request = {.range = {.start = address, .len = PAGE_BYTES}};
	/* A write-protection marker would make POISON say EEXIST (Linux 6.18): take it off first.
	 */
	int r = uffd_unprotect(uffd, address);

	if (r == 0 && ioctl(uffd, UFFDIO_POISON, &request) && !is_gone(errno) && errno != EEXIST)
		r = -errno;
	uffd_wake(uffd, address, PAGE_BYTES);
	return r;
}
