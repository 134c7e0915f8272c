/*
 * The floor under a guest's remote page fault: a bare machine touches memory that a thread beside
 * it watches with userfaultfd and fetches, a page at a time, from a TCP peer that does nothing else
 * (raw_pingpong serve). Everything that such a fault needs on this machine, and nothing of norma.
 *
 *   raw_fault ADDRESS PORT spin|block COUNT    each page from the peer
 *   raw_fault local COUNT                      pages that are in memory, but not mapped for the
 *                                              guest: the machine's exit and KVM's tables alone
 *
 * Prints COUNT times in microseconds, one per line, taken by the guest with the time stamp counter
 * right before and after each access. The thread sleeps until there is a fault and lets the vCPU
 * have its CPU; spin is how it and the peer wait for the network.
 */
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

enum { PAGE_BYTES = 4096, MAX_COUNT = 100000, CLOCK_CHECK_NS = 20000000 };

/* Memory of the machine: code, times, and the pages, each 16 pages from the next. */
struct layout {
	uint64_t count;
	size_t times_page, first_page, bytes;
	uint8_t *memory;
};

struct fetcher {
	int uffd, fd;
	bool spin;
	uint64_t count;
};

static uint64_t ticks_now(void)
{
	return __builtin_ia32_rdtsc();
}

static double ticks_per_us(void)
{
	uint64_t ticks = ticks_now(), begin = samples_now_ns(), now;

	do
		now = samples_now_ns();
	while (now - begin < CLOCK_CHECK_NS);
	return (double)(ticks_now() - ticks) * 1e3 / (double)(now - begin);
}

static void lay_out(struct layout *layout, uint64_t count)
{
	size_t times_pages = (count * sizeof(uint64_t) + PAGE_BYTES - 1) / PAGE_BYTES;

	layout->count = count;
	layout->times_page = 1;
	layout->first_page = 1 + times_pages;
	layout->bytes = (layout->first_page + count * RAW_VM_TIMED_STRIDE_PAGES) * PAGE_BYTES;
	layout->memory = mmap(NULL, layout->bytes, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (layout->memory == MAP_FAILED || madvise(layout->memory, layout->bytes, MADV_NOHUGEPAGE))
		fatal("no memory for %zu bytes: %s", layout->bytes, strerror(errno));
	memset(layout->memory, 0, layout->first_page * PAGE_BYTES);
	raw_vm_write_code(layout->memory);
}

static int watch(const struct layout *layout)
{
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register request = {
	    .range = {.start = (uintptr_t)layout->memory + layout->first_page * PAGE_BYTES,
		      .len = layout->bytes - layout->first_page * PAGE_BYTES},
	    .mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &request))
		fatal("no userfaultfd: %s", strerror(errno));
	return uffd;
}

static void *fetch(void *context)
{
	const struct fetcher *fetcher = context;
	static uint8_t reply[RAW_REPLY_BYTES];
	uint32_t request[RAW_REQUEST_BYTES / sizeof(uint32_t)] = {RAW_REPLY_BYTES};

	for (uint64_t i = 0; i < fetcher->count; i++) {
		struct uffd_msg event;
		struct uffdio_copy copy = {.src = (uintptr_t)reply + RAW_REPLY_BYTES - PAGE_BYTES,
					   .len = PAGE_BYTES};

		if (read(fetcher->uffd, &event, sizeof(event)) != sizeof(event))
			fatal("cannot read a fault: %s", strerror(errno));
		raw_socket_send(fetcher->fd, request, sizeof(request));
		if (!raw_socket_receive(fetcher->fd, reply, sizeof(reply), fetcher->spin))
			fatal("the peer closed");
		copy.dst = event.arg.pagefault.address & ~(uint64_t)(PAGE_BYTES - 1);
		if (ioctl(fetcher->uffd, UFFDIO_COPY, &copy))
			fatal("cannot give a page: %s", strerror(errno));
	}
	return NULL;
}

static void run(const struct layout *layout)
{
	struct raw_host host;
	struct raw_vm vm;

	raw_host_open(&host);
	raw_vm_open(&vm, &host);
	raw_vm_set_memory(&vm, layout->memory, layout->bytes);
	raw_vm_start(&vm, RAW_VM_TIMES, layout->first_page, layout->count);
	raw_vm_run(&vm);
	raw_vm_close(&vm);
}

static void run_remote(const struct layout *layout, const struct sockaddr_in *address, bool spin)
{
	struct fetcher fetcher = {.uffd = watch(layout),
				  .fd = raw_socket_connect(address),
				  .spin = spin,
				  .count = layout->count};
	pthread_t thread;

	if (pthread_create(&thread, NULL, fetch, &fetcher))
		fatal("no thread");
	run(layout);
	pthread_join(thread, NULL);
	close(fetcher.fd);
}

int main(int argc, char **argv)
{
	static const char usage[] =
	    "raw_fault ADDRESS PORT spin|block COUNT | raw_fault local COUNT";
	bool is_local = argc > 1 && strcmp(argv[1], "local") == 0;
	uint64_t count = samples_number(argc, argv, is_local ? 2 : 4, MAX_COUNT, usage);
	double rate = ticks_per_us();
	struct sockaddr_in address;
	struct layout layout;
	const uint64_t *ticks;

	lay_out(&layout, count);
	if (is_local) {
		memset(layout.memory, 0, layout.bytes);
		raw_vm_write_code(layout.memory);
		run(&layout);
	} else if (raw_socket_address(argv[1], argv[2], &address)) {
		run_remote(&layout, &address, strcmp(argv[3], "spin") == 0);
	} else {
		fatal("usage: %s", usage);
	}
	ticks = (const void *)(layout.memory + layout.times_page * PAGE_BYTES);
	for (uint64_t i = 0; i < count; i++)
		printf("%.2f\n", (double)ticks[i] / rate);
	return 0;
}
