/*
 * The floor under moving memory between hosts: TCP streams out of memory that exists into memory
 * that exists. The reference of [remote_copy_bulk] and [seq_scan].
 *
 *   raw_stream serve ADDRESS PORT MIB [STREAMS]           sends MIB of random bytes to one caller
 *   raw_stream fetch ADDRESS PORT MIB [STREAMS [fresh]]   receives them
 *
 * Over one stream, or over several with a thread and a part of the memory for each. Both fill or
 * touch their memory (huge pages of a memfd where the host has them) before the clock starts;
 * `fresh`: the receiver gives each 2 MiB its memory when it comes to it, as any receiver has to
 * that did not know beforehand what it would get. fetch prints the wall time from before its first
 * recv(2) to the last byte and its CPU time, serve its CPU time, all in microseconds, one per line.
 * To measure the way the pagers' bytes go, run the ends on two hosts of a laboratory:
 * `norma lab exec 1 -- raw_stream serve ...`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "samples.h"

#define USAGE	      "raw_stream serve|fetch ADDRESS PORT MIB [STREAMS [fresh]]"
#define BLOCK_BYTES   ((size_t)2 << 20)
#define CONNECT_TRIES 200
#define MAX_STREAMS   16

/* Linux 5.14; the installed headers may be older. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct stream {
	pthread_t thread;
	int fd;
	uint8_t *memory; /* its part */
	size_t bytes;
	bool is_serve, is_fresh;
};

static double cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static uint8_t *make_memory(size_t bytes)
{
	int fd = memfd_create("raw-stream", MFD_CLOEXEC);
	uint8_t *reserved = mmap(NULL, bytes + BLOCK_BYTES, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *memory = reserved + -(uintptr_t)reserved % BLOCK_BYTES;

	if (fd < 0 || reserved == MAP_FAILED || ftruncate(fd, (off_t)bytes) ||
	    mmap(memory, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
		MAP_FAILED)
		fatal("raw_stream: making %zu bytes of memory: %s", bytes, strerror(errno));
	madvise(memory, bytes, MADV_HUGEPAGE); /* as the host allows */
	return memory;
}

static void fill(uint8_t *memory, size_t bytes)
{
	uint64_t value = 88172645463325252ull;

	for (size_t i = 0; i < bytes / sizeof(value); i++) {
		value ^= value << 13;
		value ^= value >> 7;
		value ^= value << 17;
		((uint64_t *)(void *)memory)[i] = value;
	}
}

static void serve(const struct sockaddr_in *address, struct stream *streams, unsigned int count)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, (const struct sockaddr *)address, sizeof(*address)) ||
	    listen(listener, MAX_STREAMS))
		fatal("raw_stream: waiting for a caller: %s", strerror(errno));
	for (unsigned int i = 0; i < count; i++) {
		streams[i].fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (streams[i].fd < 0)
			fatal("raw_stream: waiting for a caller: %s", strerror(errno));
	}
	close(listener);
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

static void *stream_main(void *context)
{
	const struct stream *stream = context;

	for (size_t at = 0; at < stream->bytes;) {
		size_t rest = stream->bytes - at;
		size_t want = rest < BLOCK_BYTES ? rest : BLOCK_BYTES - at % BLOCK_BYTES;
		uint8_t *here = stream->memory + at;
		ssize_t done;

		if (stream->is_fresh && at % BLOCK_BYTES == 0 &&
		    madvise(here, want, MADV_POPULATE_WRITE))
			fatal("raw_stream: no memory: %s", strerror(errno));
		done = stream->is_serve ? send(stream->fd, here, want, MSG_NOSIGNAL)
					: recv(stream->fd, here, want, 0);
		if (done <= 0)
			fatal("raw_stream: the stream ended after %zu of %zu bytes", at,
			      stream->bytes);
		at += (size_t)done;
	}
	return NULL;
}

static void run(struct stream *streams, unsigned int count, const struct stream *all)
{
	size_t part = all->bytes / count / BLOCK_BYTES * BLOCK_BYTES;

	for (unsigned int i = 0; i < count; i++) {
		int fd = streams[i].fd;

		streams[i] = *all;
		streams[i].fd = fd;
		streams[i].memory += i * part;
		streams[i].bytes = i + 1 < count ? part : all->bytes - i * part;
		if (pthread_create(&streams[i].thread, NULL, stream_main, &streams[i]))
			fatal("raw_stream: no thread");
	}
	for (unsigned int i = 0; i < count; i++)
		pthread_join(streams[i].thread, NULL);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct stream streams[MAX_STREAMS],
	    all = {
		.bytes = (size_t)samples_number(argc, argv, 4, 1 << 20, USAGE) << 20,
		.is_serve = argc > 1 && strcmp(argv[1], "serve") == 0,
		.is_fresh = argc > 6 && strcmp(argv[6], "fresh") == 0,
	    };
	unsigned int count =
	    argc > 5 ? (unsigned int)samples_number(argc, argv, 5, MAX_STREAMS, USAGE) : 1;
	uint64_t begin_ns;
	double cpu;

	address.sin_port = htons((uint16_t)samples_number(argc, argv, 3, 65535, USAGE));
	if ((!all.is_serve && strcmp(argv[1], "fetch") != 0) || (argc > 6 && !all.is_fresh) ||
	    count == 0 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		fatal("usage: %s", USAGE);
	all.memory = make_memory(all.bytes);
	if (!all.is_fresh)
		fill(all.memory, all.bytes);
	if (all.is_serve)
		serve(&address, streams, count);
	for (unsigned int i = 0; !all.is_serve && i < count; i++)
		streams[i].fd = call(&address);
	cpu = cpu_us();
	begin_ns = samples_now_ns();
	run(streams, count, &all);
	if (!all.is_serve)
		printf("%.1f\n", samples_us(begin_ns, samples_now_ns()));
	printf("%.1f\n", cpu_us() - cpu);
	return 0;
}
