/*
 * Found out by doing it: the settings are several, and differ between kernels.
 */
#include "base/shmem.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cleanup.h"

/* As long as the largest page that the kernel gives to shared memory by itself, twice. */
#define PROBE_BYTES (4 << 20)

int shmem_pages_are_single(void)
{
	static const char page[PAGE_BYTES] = {1};
	_cleanup_close_ int fd = memfd_create("norma-probe", MFD_CLOEXEC);
	off_t middle = PROBE_BYTES / 2;

	if (fd < 0 || ftruncate(fd, PROBE_BYTES) || pwrite(fd, page, sizeof(page), middle) < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_DATA) != middle ||
	    lseek(fd, middle, SEEK_HOLE) != middle + (off_t)sizeof(page))
		return -EOPNOTSUPP;
	return 0;
}
