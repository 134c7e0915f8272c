/*
 * How long a bare fork() stops its caller: a process with MIB of private memory written over a
 * memfd, DIRTY of it its own, and no KVM. Microseconds, one line for each round that standard
 * input asks for (see samples.h).
 *
 *   raw_fork MIB DIRTY
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "samples.h"

#define USAGE "raw_fork MIB DIRTY"

enum { MAX_MIB = 6144 };

struct parent {
	uint8_t *memory;
	size_t bytes, dirty;
};

/* Reads every page, so that its tables are there, and makes the first `dirty` bytes its own. */
static void touch(volatile uint8_t *memory, size_t bytes, size_t dirty)
{
	for (size_t at = 0; at < dirty; at += 4096)
		memory[at]++;
	for (size_t at = dirty; at < bytes; at += 4096)
		(void)memory[at];
}

static double fork_once(void)
{
	uint64_t before = samples_now_ns(), after;
	pid_t pid = fork();

	if (pid < 0)
		fatal("fork: %s", strerror(errno));
	if (!pid)
		_exit(0);
	after = samples_now_ns();
	waitpid(pid, NULL, 0);
	return samples_us(before, after);
}

static void measure(void *context, unsigned long rounds)
{
	const struct parent *parent = context;

	for (unsigned long i = 0; i < rounds; i++) {
		touch(parent->memory, parent->bytes, parent->dirty);
		printf("%.1f\n", fork_once());
	}
}

int main(int argc, char **argv)
{
	size_t bytes = samples_number(argc, argv, 1, MAX_MIB, USAGE) << 20;
	size_t dirty = samples_number(argc, argv, 2, bytes >> 20, USAGE) << 20;
	int fd = memfd_create("raw-fork", MFD_CLOEXEC);
	struct parent parent = {.bytes = bytes, .dirty = dirty};
	uint8_t *shared;

	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		fatal("cannot make %zu bytes of memory: %s", bytes, strerror(errno));
	shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	parent.memory =
	    mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	if (shared == MAP_FAILED || parent.memory == MAP_FAILED)
		fatal("cannot map %zu bytes: %s", bytes, strerror(errno));
	memset(shared, 1, bytes);
	munmap(shared, bytes);
	samples_serve(measure, &parent);
	return 0;
}
