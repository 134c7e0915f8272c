/*
 * The floor of cloning: what the kernel asks for a new process with a bare KVM machine over a
 * parent's memory, with nothing of norma in it. The clock starts before the request (a wake-up or
 * fork) and stops in the child behind its first exit. Microseconds, one line for each round that
 * standard input asks for (see samples.h).
 *
 *   raw_clone waiting MIB       a process with VM, vCPU and memory slot waits; it is woken, each
 *                               time after 8 ms in which nothing happened, as a child of norma is
 *   raw_clone fork MIB DIRTY    a parent that has read all its memory and written DIRTY MiB of it,
 *                               one vCPU running, forks; the child makes VM and vCPU. Second
 *                               column: how long fork() itself took
 *   raw_clone rate MIB COUNT    COUNT children one after another from each of two processes, every
 *                               one ended and reaped: us for each child
 *   raw_clone many MIB COUNT    COUNT children, forked as fast as possible: us until the last
 *                               one's first exit
 *   raw_clone alive MIB COUNT   COUNT children more, which stay until this program ends, with a
 *                               slot over a part of the memory only: us until all have run
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw_vm.h"
#include "samples.h"

#define USAGE	  "raw_clone waiting|fork|rate|many|alive MIB ... (see the top of raw_clone.c)"
#define MIB_BYTES 1048576ul

/* What shadow paging asks for a slot goes by its size: as much as norma gives code at first. */
#define ALIVE_SLOT_BYTES (4 * MIB_BYTES)

enum { BATCH = 16, MAX_MIB = 6144, MAX_MANY = 1024, QUIET_MS = 8 };

struct parent {
	struct raw_host host;
	size_t bytes;
	int memory_fd;
	uint8_t *memory;		 /* the parent's private mapping */
	unsigned long count;		 /* DIRTY as pages, or COUNT */
	struct raw_vm writer, spinner;	 /* vCPUs of the forking parent */
	_Atomic uint64_t *first_exit_ns; /* shared with the children; MAX_MANY of them */
};

struct waiting {
	pid_t pid;
	int wake_fd;
};

static uint8_t *map_private(const struct parent *parent)
{
	uint8_t *memory = mmap(NULL, parent->bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_NORESERVE, parent->memory_fd, 0);

	if (memory == MAP_FAILED)
		fatal("cannot map %zu bytes: %s", parent->bytes, strerror(errno));
	return memory;
}

/* Every page of the memory is resident in a memfd, as in a frozen object. */
static void parent_open(struct parent *parent, unsigned long mib)
{
	uint8_t *shared;

	raw_host_open(&parent->host);
	parent->bytes = mib * MIB_BYTES;
	parent->memory_fd = memfd_create("raw-clone", MFD_CLOEXEC);
	if (parent->memory_fd < 0 || ftruncate(parent->memory_fd, (off_t)parent->bytes))
		fatal("cannot make %lu MiB of memory: %s", mib, strerror(errno));
	shared =
	    mmap(NULL, parent->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, parent->memory_fd, 0);
	parent->first_exit_ns = mmap(NULL, MAX_MANY * sizeof(uint64_t), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || parent->first_exit_ns == MAP_FAILED)
		fatal("cannot map %lu MiB: %s", mib, strerror(errno));
	for (size_t at = 0; at < parent->bytes; at += 4096)
		memcpy(shared + at, &at, sizeof(at));
	raw_vm_write_code(shared);
	munmap(shared, parent->bytes);
	parent->memory = map_private(parent);
}

static void child_run(const struct parent *parent, const struct raw_vm *vm, unsigned long index)
{
	raw_vm_start(vm, RAW_VM_EXITS, 0, 0);
	raw_vm_run(vm);
	parent->first_exit_ns[index] = samples_now_ns();
}

static __attribute__((noreturn)) void child_main(const struct parent *parent, uint8_t *memory,
						 unsigned long index)
{
	struct raw_vm vm;

	raw_vm_open(&vm, &parent->host);
	raw_vm_set_memory(&vm, memory, parent->bytes);
	child_run(parent, &vm, index);
	_exit(0);
}

static __attribute__((noreturn)) void waiting_main(const struct parent *parent, int wake_fd,
						   int ready_fd)
{
	struct raw_vm vm;
	uint64_t value = 1;

	raw_vm_open(&vm, &parent->host);
	raw_vm_set_memory(&vm, map_private(parent), parent->bytes);
	if (write(ready_fd, &value, sizeof(value)) != sizeof(value) ||
	    read(wake_fd, &value, sizeof(value)) != sizeof(value))
		_exit(1);
	child_run(parent, &vm, 0);
	_exit(0);
}

static pid_t fork_or_die(void)
{
	pid_t pid = fork();

	if (pid < 0)
		fatal("fork: %s", strerror(errno));
	return pid;
}

/* Waits for a child, or with -1 for any. */
static void reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0 || status)
		fatal("a child failed (status %d)", status);
}

static void waiting_open(const struct parent *parent, struct waiting *waiting, int ready_fd)
{
	waiting->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (waiting->wake_fd < 0)
		fatal("eventfd: %s", strerror(errno));
	waiting->pid = fork_or_die();
	if (!waiting->pid)
		waiting_main(parent, waiting->wake_fd, ready_fd);
}

/* As a client of norma-hostd is measured: out of the blue, not while the processors are at it. */
static void stand_still(void)
{
	const struct timespec look = {.tv_nsec = 1000000};

	for (int i = 0; i < QUIET_MS; i++)
		nanosleep(&look, NULL);
}

static double waiting_wake(const struct parent *parent, const struct waiting *waiting)
{
	uint64_t one = 1, before;

	stand_still();
	before = samples_now_ns();
	if (write(waiting->wake_fd, &one, sizeof(one)) != sizeof(one))
		fatal("cannot wake a child: %s", strerror(errno));
	reap(waiting->pid);
	close(waiting->wake_fd);
	return samples_us(before, parent->first_exit_ns[0]);
}

static void wait_until_ready(int ready_fd, unsigned long count)
{
	uint64_t one;

	for (unsigned long i = 0; i < count; i++)
		if (read(ready_fd, &one, sizeof(one)) != sizeof(one))
			fatal("a child does not come up: %s", strerror(errno));
}

static void measure_waiting(void *context, unsigned long rounds)
{
	int ready_fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	struct waiting waiting[BATCH];

	while (rounds) {
		unsigned long batch = rounds < BATCH ? rounds : BATCH;

		for (unsigned long i = 0; i < batch; i++)
			waiting_open(context, &waiting[i], ready_fd);
		wait_until_ready(ready_fd, batch);
		for (unsigned long i = 0; i < batch; i++)
			printf("%.1f\n", waiting_wake(context, &waiting[i]));
		rounds -= batch;
	}
	close(ready_fd);
}

static void *spin_main(void *argument)
{
	raw_vm_run(argument);
	return NULL;
}

/* The parent's program reads all of its memory and writes the first pages: the overlay. */
static void touch(const struct parent *parent)
{
	raw_vm_start(&parent->writer, RAW_VM_READS, 0, parent->bytes / 4096);
	raw_vm_run(&parent->writer);
	raw_vm_start(&parent->writer, RAW_VM_WRITES, 1, parent->count);
	raw_vm_run(&parent->writer);
}

static void fork_once(const struct parent *parent)
{
	uint64_t before, forked;
	pid_t pid;

	touch(parent);
	before = samples_now_ns();
	pid = fork_or_die();
	if (!pid)
		child_main(parent, parent->memory, 0);
	forked = samples_now_ns();
	reap(pid);
	printf("%.1f %.1f\n", samples_us(before, parent->first_exit_ns[0]),
	       samples_us(before, forked));
}

/* A second vCPU of the parent runs while it is measured. */
static void measure_fork(void *context, unsigned long rounds)
{
	struct parent *parent = context;
	_Atomic uint64_t *stop = (_Atomic uint64_t *)(parent->memory + parent->bytes - 4096);
	pthread_t thread;

	*stop = 0;
	raw_vm_start(&parent->spinner, RAW_VM_SPINS, parent->bytes / 4096 - 1, 0);
	if (pthread_create(&thread, NULL, spin_main, &parent->spinner))
		fatal("cannot start the parent's thread");
	while (rounds--)
		fork_once(parent);
	*stop = 1;
	pthread_join(thread, NULL);
}

static void serve_fork(struct parent *parent)
{
	raw_vm_open(&parent->writer, &parent->host);
	raw_vm_set_memory(&parent->writer, parent->memory, parent->bytes);
	raw_vm_open(&parent->spinner, &parent->host);
	raw_vm_set_memory(&parent->spinner, parent->memory, parent->bytes);
	samples_serve(measure_fork, parent);
}

static __attribute__((noreturn)) void make_children(const struct parent *parent,
						    unsigned long index)
{
	for (unsigned long i = 0; i < parent->count; i++) {
		pid_t pid = fork_or_die();

		if (!pid)
			child_main(parent, parent->memory, index);
		reap(pid);
	}
	_exit(0);
}

static void measure_rate(void *context, unsigned long rounds)
{
	const struct parent *parent = context;

	while (rounds--) {
		uint64_t before = samples_now_ns();

		for (unsigned long maker = 0; maker < 2; maker++)
			if (!fork_or_die())
				make_children(parent, maker);
		reap(-1);
		reap(-1);
		printf("%.1f\n",
		       samples_us(before, samples_now_ns()) / (double)(2 * parent->count));
	}
}

static void measure_many(void *context, unsigned long rounds)
{
	const struct parent *parent = context;

	while (rounds--) {
		uint64_t before = samples_now_ns(), last = 0;

		for (unsigned long i = 0; i < parent->count; i++)
			if (!fork_or_die())
				child_main(parent, parent->memory, i);
		for (unsigned long i = 0; i < parent->count; i++)
			reap(-1);
		for (unsigned long i = 0; i < parent->count; i++)
			if (parent->first_exit_ns[i] > last)
				last = parent->first_exit_ns[i];
		printf("%.1f\n", samples_us(before, last));
	}
}

/* As a clone that waits for input, with nothing but what it takes to run. Only the call that waits
 * is left to do: pause(2), in which a signal ends it. */
static __attribute__((noreturn)) void alive_main(const struct parent *parent, int ready_fd)
{
	struct raw_vm vm;
	uint64_t one = 1;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		_exit(1);
	munmap(parent->memory, parent->bytes);
	raw_vm_open(&vm, &parent->host);
	raw_vm_set_memory(&vm, map_private(parent), ALIVE_SLOT_BYTES);
	child_run(parent, &vm, 0);
	if (write(ready_fd, &one, sizeof(one)) != sizeof(one))
		_exit(1);
	while (true)
		pause();
}

static void measure_alive(void *context, unsigned long rounds)
{
	const struct parent *parent = context;
	int ready_fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);

	while (rounds--) {
		uint64_t before = samples_now_ns();

		for (unsigned long i = 0; i < parent->count; i++)
			if (!fork_or_die())
				alive_main(parent, ready_fd);
		wait_until_ready(ready_fd, parent->count);
		printf("%.1f\n", samples_us(before, samples_now_ns()));
	}
	close(ready_fd);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	unsigned long mib = samples_number(argc, argv, 2, MAX_MIB, USAGE);
	bool is_waiting = !strcmp(mode, "waiting");
	struct parent parent;

	if (!is_waiting)
		parent.count = samples_number(argc, argv, 3, MAX_MANY, USAGE);
	parent_open(&parent, mib);
	if (is_waiting) {
		samples_serve(measure_waiting, &parent);
	} else if (!strcmp(mode, "fork") && parent.count && parent.count < mib) {
		parent.count *= MIB_BYTES / 4096;
		serve_fork(&parent);
	} else if (!strcmp(mode, "rate")) {
		samples_serve(measure_rate, &parent);
	} else if (!strcmp(mode, "many")) {
		samples_serve(measure_many, &parent);
	} else if (!strcmp(mode, "alive") && parent.bytes >= ALIVE_SLOT_BYTES) {
		samples_serve(measure_alive, &parent);
	} else {
		fatal("usage: %s", USAGE);
	}
	return 0;
}
