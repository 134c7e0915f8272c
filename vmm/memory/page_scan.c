/*
 * PAGEMAP_SCAN, with our own definitions: the headers here are older than the
 * kernel.
 */
#include "page_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PAGE_IS_FILE	UINT64_C(0x04)
#define PAGE_IS_PRESENT UINT64_C(0x08)
#define PAGE_IS_SWAPPED UINT64_C(0x10)

#define PAGE_SCAN_RUNS_MAX 256u

struct kernel_page_region {
	uint64_t start;
	uint64_t end;
	uint64_t categories;
};

struct kernel_scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t start;
	uint64_t end;
	uint64_t walk_end;
	uint64_t vec;
	uint64_t vec_len;
	uint64_t max_pages;
	uint64_t category_inverted;
	uint64_t category_mask;
	uint64_t category_anyof_mask;
	uint64_t return_mask;
};

#define KERNEL_PAGEMAP_SCAN _IOWR('f', 16, struct kernel_scan_arg)

int page_scan_open(void)
{
	struct kernel_scan_arg arg = {.size = sizeof(arg), .category_anyof_mask = PAGE_IS_PRESENT};
	struct kernel_page_region region;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	arg.vec = (uintptr_t)&region;
	arg.vec_len = 1;
	arg.return_mask = PAGE_IS_PRESENT;
	if (ioctl(fd, KERNEL_PAGEMAP_SCAN, &arg) < 0) {
		int ret = errno == ENOTTY ? -ENOSYS : -errno;

		close(fd);
		return ret;
	}
	return fd;
}

int page_scan_next(int pagemap_fd, enum page_scan_what what, uint64_t *start, uint64_t end,
		   struct page_run *runs, unsigned int capacity)
{
	struct kernel_page_region found[PAGE_SCAN_RUNS_MAX];
	struct kernel_scan_arg arg = {
	    .size = sizeof(arg),
	    .start = *start,
	    .end = end,
	    .vec = (uintptr_t)found,
	    .vec_len = capacity < PAGE_SCAN_RUNS_MAX ? capacity : PAGE_SCAN_RUNS_MAX,
	};

	if (what == PAGE_SCAN_OVERLAY) {
		arg.category_inverted = PAGE_IS_FILE;
		arg.category_mask = PAGE_IS_FILE;
		arg.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED;
	} else {
		arg.category_mask = PAGE_IS_PRESENT;
	}
	int count = ioctl(pagemap_fd, KERNEL_PAGEMAP_SCAN, &arg);
	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++)
		runs[i] = (struct page_run){found[i].start, found[i].end};
	*start = arg.walk_end;
	return count;
}
