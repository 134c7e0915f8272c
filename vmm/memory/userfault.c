/*
 * Thin wrappers around userfaultfd's ioctls, with our own definitions of what the headers lack.
 */
#include "userfault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cleanup.h"

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif
#ifndef UFFD_FEATURE_POISON
#define UFFD_FEATURE_POISON (1ull << 14)
#endif

struct kernel_poison {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};

#define KERNEL_UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct kernel_poison)

static const uint64_t features = UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_MISSING_SHMEM |
				 UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_EXACT_ADDRESS |
				 UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_POISON;

/* The device lets a process without CAP_SYS_PTRACE have kernel-mode faults too. */
static int open_by_device(void)
{
	_cleanup_close_ int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);

	if (device < 0)
		return -errno;
	int uffd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	return uffd < 0 ? -errno : uffd;
}

int userfault_open(void)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};
	_cleanup_close_ int uffd = open_by_device();

	if (uffd < 0)
		uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0)
		return -errno;
	if (ioctl(uffd, UFFDIO_API, &api) < 0)
		return -errno;
	if ((api.features & features) != features)
		return -EINVAL;
	return take_fd(&uffd);
}

bool userfault_is_registered(int uffd, uint64_t hva, uint64_t nothing)
{
	struct uffdio_copy copy = {
	    .dst = hva, .src = nothing, .len = PAGE_BYTES, .mode = UFFDIO_COPY_MODE_DONTWAKE};

	return ioctl(uffd, UFFDIO_COPY, &copy) == 0 || errno != ENOENT;
}

int userfault_poison(int uffd, uint64_t hva)
{
	struct kernel_poison poison = {.range = {.start = hva, .len = PAGE_BYTES}};

	return ioctl(uffd, KERNEL_UFFDIO_POISON, &poison) < 0 ? -errno : 0;
}

int userfault_unprotect(int uffd, uint64_t hva, uint64_t bytes)
{
	struct uffdio_writeprotect request = {.range = {.start = hva, .len = bytes},
					      .mode = UFFDIO_WRITEPROTECT_MODE_DONTWAKE};

	return ioctl(uffd, UFFDIO_WRITEPROTECT, &request) < 0 ? -errno : 0;
}

void userfault_wake(int uffd, uint64_t hva, uint64_t bytes)
{
	struct uffdio_range range = {.start = hva, .len = bytes};

	/* Fails for a malformed range only, and these are regions of ours. */
	ioctl(uffd, UFFDIO_WAKE, &range);
}

int userfault_next(int uffd, struct userfault_event *ret_event)
{
	struct uffd_msg message;

	for (;;) {
		ssize_t got = read(uffd, &message, sizeof(message));

		if (got < 0)
			return -errno;
		if (got != (ssize_t)sizeof(message))
			return -EIO;
		if (message.event == UFFD_EVENT_PAGEFAULT)
			break;
	}
	ret_event->hva = page_floor(message.arg.pagefault.address);
	ret_event->is_write_protect = message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP;
	return 0;
}
