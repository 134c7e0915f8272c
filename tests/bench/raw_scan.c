/*
 * The floor under a first sequential read of another host's coherent memory: a bare machine reads a
 * word of each page, in order, while a thread beside it receives the pages (from raw_stream serve)
 * where they stay, and maps them for it with userfaultfd, write-protected, as a copy that another
 * host has as well must be. Nothing of norma, nobody to be asked, no home to protect its own pages.
 *
 *   raw_scan fetch ADDRESS PORT MIB    out of the stream, 64 pages at a time
 *   raw_scan here MIB                  all is here and mapped before: the machine's exits and
 *                                      KVM's tables alone
 *
 * Prints the time from the machine's first instruction to its last read, in microseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "raw_socket.h"
#include "raw_vm.h"

#include "samples.h"

/* Linux 6.4; the installed header is older. */
#ifndef UFFDIO_CONTINUE_MODE_WP
#define UFFDIO_CONTINUE_MODE_WP ((uint64_t)1 << 1)
#endif

#define PAGE_BYTES ((size_t)4096)
#define HUGE_BYTES ((size_t)2 << 20)
#define RUN_BYTES  (64 * PAGE_BYTES)
#define MAX_MIB	   6144

/* One memory, mapped twice: as the machine sees it, and to receive into. Code is in the first 2
 * MiB, what is read behind them. */
struct memory {
	size_t bytes; /* that are read */
	uint8_t *seen, *filled;
	int uffd;
	int fd; /* the stream; -1: none */
};

static uint8_t *map(int fd, size_t bytes)
{
	uint8_t *reserved = mmap(NULL, bytes + HUGE_BYTES, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *at = reserved + -(uintptr_t)reserved % HUGE_BYTES;

	if (reserved == MAP_FAILED ||
	    mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		fatal("cannot map %zu bytes: %s", bytes, strerror(errno));
	madvise(at, bytes, MADV_HUGEPAGE); /* as the host allows */
	return at;
}

static int watch(void *at, size_t bytes)
{
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = {.api = UFFD_API,
				 .features = UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM |
					     UFFD_FEATURE_PAGEFAULT_FLAG_WP |
					     UFFD_FEATURE_WP_HUGETLBFS_SHMEM};
	struct uffdio_register request = {
	    .range = {.start = (uintptr_t)at, .len = bytes},
	    .mode =
		UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR | UFFDIO_REGISTER_MODE_WP,
	};

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &request))
		fatal("no userfaultfd: %s", strerror(errno));
	return uffd;
}

static void memory_open(struct memory *memory, size_t bytes)
{
	int fd = memfd_create("raw-scan", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)(HUGE_BYTES + bytes)))
		fatal("no memory for %zu bytes: %s", bytes, strerror(errno));
	memory->bytes = bytes;
	memory->seen = map(fd, HUGE_BYTES + bytes);
	memory->filled = map(fd, HUGE_BYTES + bytes);
	close(fd);
	raw_vm_write_code(memory->filled);
	memory->uffd = watch(memory->seen + HUGE_BYTES, bytes);
	memory->fd = -1;
}

static void give(const struct memory *memory, size_t from, size_t bytes)
{
	struct uffdio_continue request = {
	    .range = {.start = (uintptr_t)memory->seen + HUGE_BYTES + from, .len = bytes},
	    .mode = UFFDIO_CONTINUE_MODE_WP,
	};

	if (ioctl(memory->uffd, UFFDIO_CONTINUE, &request))
		fatal("cannot map pages for the machine: %s", strerror(errno));
}

static void *fetch(void *context)
{
	const struct memory *memory = context;

	for (size_t at = 0; at < memory->bytes; at += RUN_BYTES) {
		if (!raw_socket_receive(memory->fd, memory->filled + HUGE_BYTES + at, RUN_BYTES,
					false))
			fatal("the stream ended after %zu of %zu bytes", at, memory->bytes);
		give(memory, at, RUN_BYTES);
	}
	return NULL;
}

/* Return: how long the machine took, in us. */
static double scan(struct memory *memory)
{
	struct raw_host host;
	struct raw_vm vm;
	pthread_t thread;
	uint64_t begin_ns, end_ns;

	raw_host_open(&host);
	raw_vm_open(&vm, &host);
	raw_vm_set_memory(&vm, memory->seen, HUGE_BYTES + memory->bytes);
	raw_vm_start(&vm, RAW_VM_EXITS, 0, 1);
	raw_vm_run(&vm);
	raw_vm_start(&vm, RAW_VM_READS, HUGE_BYTES / PAGE_BYTES, memory->bytes / PAGE_BYTES);
	begin_ns = samples_now_ns();
	if (memory->fd >= 0 && pthread_create(&thread, NULL, fetch, memory))
		fatal("no thread");
	raw_vm_run(&vm);
	end_ns = samples_now_ns();
	if (memory->fd >= 0)
		pthread_join(thread, NULL);
	raw_vm_close(&vm);
	return samples_us(begin_ns, end_ns);
}

int main(int argc, char **argv)
{
	static const char usage[] = "raw_scan fetch ADDRESS PORT MIB | raw_scan here MIB";
	bool is_here = argc > 1 && strcmp(argv[1], "here") == 0;
	size_t bytes = (size_t)samples_number(argc, argv, is_here ? 2 : 4, MAX_MIB, usage) << 20;
	struct sockaddr_in address;
	struct memory memory;

	memory_open(&memory, bytes);
	if (is_here) {
		memset(memory.filled + HUGE_BYTES, 1, bytes);
		give(&memory, 0, bytes);
	} else if (raw_socket_address(argv[2], argv[3], &address)) {
		memory.fd = raw_socket_connect(&address);
	} else {
		fatal("usage: %s", usage);
	}
	printf("%.1f\n", scan(&memory));
	return 0;
}
