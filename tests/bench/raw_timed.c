/*
 * Memory in which a bare machine takes times: see raw_timed.h.
 */
#include "raw_timed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "raw_vm.h"
#include "samples.h"

enum { TIMES_PAGE = 1, CLOCK_CHECK_NS = 20000000 };

static uint8_t *map(const struct raw_timed *timed, int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	uint8_t *memory =
	    mmap(NULL, timed->bytes, PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, fd, 0);

	if (memory == MAP_FAILED || madvise(memory, timed->bytes, MADV_NOHUGEPAGE))
		fatal("no memory for %zu bytes: %s", timed->bytes, strerror(errno));
	return memory;
}

static void map_shared(struct raw_timed *timed)
{
	int fd = memfd_create("raw-timed", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)timed->bytes))
		fatal("cannot make a file of %zu bytes: %s", timed->bytes, strerror(errno));
	timed->memory = map(timed, fd);
	timed->alias = map(timed, fd);
	close(fd);
}

void raw_timed_init(struct raw_timed *timed, uint64_t count, enum raw_timed_kind kind)
{
	size_t times_pages = (count * sizeof(uint64_t) + RAW_PAGE_BYTES - 1) / RAW_PAGE_BYTES;
	uint64_t first_page = TIMES_PAGE + times_pages;

	*timed = (struct raw_timed){
	    .count = count,
	    .first_page = first_page,
	    .bytes = (first_page + count * RAW_VM_TIMED_STRIDE_PAGES) * RAW_PAGE_BYTES,
	};
	if (kind == RAW_TIMED_SHARED)
		map_shared(timed);
	else
		timed->memory = map(timed, -1);
	memset(timed->memory, 0, first_page * RAW_PAGE_BYTES);
	raw_vm_write_code(timed->memory);
}

size_t raw_timed_page(const struct raw_timed *timed, uint64_t index)
{
	return (timed->first_page + index * RAW_VM_TIMED_STRIDE_PAGES) * RAW_PAGE_BYTES;
}

int raw_timed_watch(const struct raw_timed *timed, uint64_t modes)
{
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = {.api = UFFD_API};
	size_t first = raw_timed_page(timed, 0);
	struct uffdio_register request = {
	    .range = {.start = (uintptr_t)timed->memory + first, .len = timed->bytes - first},
	    .mode = modes,
	};

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &request))
		fatal("no userfaultfd: %s", strerror(errno));
	return uffd;
}

const uint64_t *raw_timed_ticks(const struct raw_timed *timed)
{
	return (const void *)(timed->memory + TIMES_PAGE * RAW_PAGE_BYTES);
}

double raw_ticks_per_us(void)
{
	uint64_t ticks = __builtin_ia32_rdtsc(), begin = samples_now_ns(), now;

	do
		now = samples_now_ns();
	while (now - begin < CLOCK_CHECK_NS);
	return (double)(__builtin_ia32_rdtsc() - ticks) * 1e3 / (double)(now - begin);
}
