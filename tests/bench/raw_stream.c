/*
 * The floor under moving memory between hosts: a TCP stream out of memory that exists into memory
 * that exists. The reference of [remote_copy_bulk] and [seq_scan].
 *
 *   raw_stream serve ADDRESS PORT MIB     sends MIB of random bytes to one caller, then ends
 *   raw_stream fetch ADDRESS PORT MIB     receives them
 *
 * Both fill or touch their memory (huge pages of a memfd where the host has them) before the clock
 * starts. fetch prints the wall time from its first recv(2) to the last byte and its CPU time,
 * serve its CPU time, all in microseconds, one per line. To measure the way the pagers' bytes go,
 * run the ends on two hosts of a laboratory: `norma lab exec 1 -- raw_stream serve ...`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "samples.h"

#define USAGE	      "raw_stream serve|fetch ADDRESS PORT MIB"
#define BLOCK_BYTES   ((size_t)2 << 20)
#define CONNECT_TRIES 200

static double cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static uint64_t *make_memory(size_t bytes)
{
	int fd = memfd_create("raw-stream", MFD_CLOEXEC);
	uint8_t *reserved = mmap(NULL, bytes + BLOCK_BYTES, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *memory = reserved + -(uintptr_t)reserved % BLOCK_BYTES;
	uint64_t value = 88172645463325252ull;

	if (fd < 0 || reserved == MAP_FAILED || ftruncate(fd, (off_t)bytes) ||
	    mmap(memory, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
		MAP_FAILED)
		fatal("raw_stream: making %zu bytes of memory: %s", bytes, strerror(errno));
	madvise(memory, bytes, MADV_HUGEPAGE); /* as the host allows */
	for (size_t i = 0; i < bytes / sizeof(value); i++) {
		value ^= value << 13;
		value ^= value >> 7;
		value ^= value << 17;
		((uint64_t *)(void *)memory)[i] = value;
	}
	return (uint64_t *)(void *)memory;
}

static int serve(const struct sockaddr_in *address)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	int fd = -1;

	if (listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(listener, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
	    listen(listener, 1) == 0)
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		fatal("raw_stream: waiting for a caller: %s", strerror(errno));
	return fd;
}

/* The other end may still be filling its memory. */
static int call(const struct sockaddr_in *address)
{
	for (int i = 0; i < CONNECT_TRIES; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct timespec pause = {.tv_nsec = 50000000};

		if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
			return fd;
		if (errno != ECONNREFUSED)
			break;
		close(fd);
		nanosleep(&pause, NULL);
	}
	fatal("raw_stream: calling the other end: %s", strerror(errno));
}

static void stream(int fd, uint8_t *memory, size_t bytes, bool is_serve)
{
	for (size_t at = 0; at < bytes;) {
		size_t want = bytes - at < BLOCK_BYTES ? bytes - at : BLOCK_BYTES;
		ssize_t done = is_serve ? send(fd, memory + at, want, MSG_NOSIGNAL)
					: recv(fd, memory + at, want, 0);

		if (done <= 0)
			fatal("raw_stream: the stream ended after %zu of %zu bytes", at, bytes);
		at += (size_t)done;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	size_t bytes = (size_t)samples_number(argc, argv, 4, 1 << 20, USAGE) << 20;
	bool is_serve = argc > 1 && strcmp(argv[1], "serve") == 0;
	uint64_t begin_ns;
	double cpu;
	uint8_t *memory;
	int fd;

	address.sin_port = htons((uint16_t)samples_number(argc, argv, 3, 65535, USAGE));
	if ((!is_serve && strcmp(argv[1], "fetch") != 0) ||
	    inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		fatal("usage: %s", USAGE);
	memory = (uint8_t *)make_memory(bytes);
	fd = is_serve ? serve(&address) : call(&address);
	cpu = cpu_us();
	begin_ns = samples_now_ns();
	stream(fd, memory, bytes, is_serve);
	if (!is_serve)
		printf("%.1f\n", samples_us(begin_ns, samples_now_ns()));
	printf("%.1f\n", cpu_us() - cpu);
	return 0;
}
