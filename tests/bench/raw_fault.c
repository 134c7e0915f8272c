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
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "raw_socket.h"
#include "raw_timed.h"
#include "raw_vm.h"

#include "samples.h"

struct fetcher {
	int uffd, fd;
	bool spin;
	uint64_t count;
};

static void *fetch(void *context)
{
	const struct fetcher *fetcher = context;
	static uint8_t reply[RAW_REPLY_BYTES];
	uint32_t request[RAW_REQUEST_BYTES / sizeof(uint32_t)] = {RAW_REPLY_BYTES};

	for (uint64_t i = 0; i < fetcher->count; i++) {
		struct uffd_msg event;
		struct uffdio_copy copy = {.src =
					       (uintptr_t)reply + RAW_REPLY_BYTES - RAW_PAGE_BYTES,
					   .len = RAW_PAGE_BYTES};

		if (read(fetcher->uffd, &event, sizeof(event)) != sizeof(event))
			fatal("cannot read a fault: %s", strerror(errno));
		raw_socket_send(fetcher->fd, request, sizeof(request));
		if (!raw_socket_receive(fetcher->fd, reply, sizeof(reply), fetcher->spin))
			fatal("the peer closed");
		copy.dst = event.arg.pagefault.address & ~(uint64_t)(RAW_PAGE_BYTES - 1);
		if (ioctl(fetcher->uffd, UFFDIO_COPY, &copy))
			fatal("cannot give a page: %s", strerror(errno));
	}
	return NULL;
}

static void run(const struct raw_timed *timed)
{
	struct raw_host host;
	struct raw_vm vm;

	raw_host_open(&host);
	raw_vm_open(&vm, &host);
	raw_vm_set_memory(&vm, timed->memory, timed->bytes);
	raw_vm_start(&vm, RAW_VM_TIMES, timed->first_page, timed->count);
	raw_vm_run(&vm);
	raw_vm_close(&vm);
}

static void run_remote(const struct raw_timed *timed, const struct sockaddr_in *address, bool spin)
{
	struct fetcher fetcher = {.uffd = raw_timed_watch(timed, UFFDIO_REGISTER_MODE_MISSING),
				  .fd = raw_socket_connect(address),
				  .spin = spin,
				  .count = timed->count};
	pthread_t thread;

	if (pthread_create(&thread, NULL, fetch, &fetcher))
		fatal("no thread");
	run(timed);
	pthread_join(thread, NULL);
	close(fetcher.fd);
}

int main(int argc, char **argv)
{
	static const char usage[] =
	    "raw_fault ADDRESS PORT spin|block COUNT | raw_fault local COUNT";
	bool is_local = argc > 1 && strcmp(argv[1], "local") == 0;
	uint64_t count = samples_number(argc, argv, is_local ? 2 : 4, RAW_TIMED_MAX, usage);
	double rate = raw_ticks_per_us();
	struct sockaddr_in address;
	struct raw_timed timed;

	raw_timed_init(&timed, count, RAW_TIMED_PRIVATE);
	if (is_local) {
		memset(timed.memory, 0, timed.bytes);
		raw_vm_write_code(timed.memory);
		run(&timed);
	} else if (raw_socket_address(argv[1], argv[2], &address)) {
		run_remote(&timed, &address, strcmp(argv[3], "spin") == 0);
	} else {
		fatal("usage: %s", usage);
	}
	for (uint64_t i = 0; i < count; i++)
		printf("%.2f\n", (double)raw_timed_ticks(&timed)[i] / rate);
	return 0;
}
