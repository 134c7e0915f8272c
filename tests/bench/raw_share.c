/*
 * The floor under sharing a page between two hosts: two bare machines, each with a thread beside it
 * that watches its memory with userfaultfd and talks to the other one over TCP. The least that can
 * be done here, and nothing of norma: no directory, no third host, nothing can fail.
 *
 *   raw_share serve ADDRESS PORT upgrade|pingpong COUNT
 *   raw_share measure ADDRESS PORT upgrade|pingpong COUNT
 *
 * upgrade: a machine stores to COUNT pages that both have read. Each is a write-protect fault, a
 * request, the page unmapped over there, an answer without data, the protection taken off. Prints
 * COUNT times in microseconds, taken by the guest right before and after each store.
 * pingpong: both machines write one page by turns, COUNT times each. Each turn is a fault, a
 * request, the page unmapped over there as soon as it was written to, sent, stored, mapped. Prints
 * COUNT times in microseconds, half of what passes between two turns of one machine.
 *
 * upgrade: the thread sleeps until there is a fault, and then asks the socket again and again, as
 * does the other side. pingpong: there are more threads that want to run than processors, so each
 * lets the others have its own in between, and sleeps when nothing came for 40 us: without that a
 * thread may wait for the next tick of the clock, 4 ms, behind a machine that waits for its turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "raw_socket.h"
#include "raw_timed.h"
#include "raw_vm.h"
#include "samples.h"

enum { WARM_UP = 20, LOOK_NS = 40000, SLICE_NS = 100000, HEADER_BYTES = RAW_REQUEST_BYTES };

struct message {
	uint64_t page, bytes; /* of data behind it */
	uint8_t rest[HEADER_BYTES - 2 * sizeof(uint64_t)];
	uint8_t data[RAW_PAGE_BYTES];
};

struct side {
	struct raw_timed memory;
	struct raw_vm vm;
	int uffd, fd;
	/* pingpong */
	uint64_t first;		  /* this side's first number */
	bool has_page, is_wanted; /* by the other side */
	uint64_t last_event_ns;
};

/* As threads do that wait for pages: Linux 6.12 takes `runtime` as the slice that is wanted. */
static void take_short_slices(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attributes = {.size = sizeof(attributes), .runtime = SLICE_NS};

	if (syscall(SYS_sched_setattr, 0, &attributes, 0))
		fatal("no short slices: %s", strerror(errno));
}

static void machine_open(struct side *side)
{
	static struct raw_host host;

	raw_host_open(&host);
	raw_vm_open(&side->vm, &host);
	raw_vm_set_memory(&side->vm, side->memory.memory, side->memory.bytes);
}

static void machine_run(struct side *side, enum raw_vm_entry entry, uint64_t count)
{
	raw_vm_start(&side->vm, entry, side->memory.first_page, count);
	raw_vm_run(&side->vm);
}

static void unmap(const struct side *side, size_t at)
{
	if (madvise(side->memory.memory + at, RAW_PAGE_BYTES, MADV_DONTNEED))
		fatal("cannot unmap a page: %s", strerror(errno));
}

static size_t page_of(const struct side *side, const struct uffd_msg *event)
{
	uint64_t address = event->arg.pagefault.address & ~(uint64_t)(RAW_PAGE_BYTES - 1);

	return address - (uintptr_t)side->memory.memory;
}

/* ---- upgrade ---- */

static void protect(const struct side *side, size_t at, size_t bytes, uint64_t mode)
{
	struct uffdio_writeprotect request = {
	    .range = {.start = (uintptr_t)side->memory.memory + at, .len = bytes},
	    .mode = mode,
	};

	if (ioctl(side->uffd, UFFDIO_WRITEPROTECT, &request))
		fatal("cannot change a page's protection: %s", strerror(errno));
}

static void *upgrade_pages(void *context)
{
	const struct side *side = context;
	struct message message = {.bytes = 0};

	for (uint64_t i = 0; i < side->memory.count; i++) {
		struct uffd_msg event;

		if (read(side->uffd, &event, sizeof(event)) != sizeof(event))
			fatal("cannot read a fault: %s", strerror(errno));
		message.page = page_of(side, &event);
		raw_socket_send(side->fd, &message, HEADER_BYTES);
		if (!raw_socket_receive(side->fd, &message, HEADER_BYTES, true))
			fatal("the other side closed");
		protect(side, message.page, RAW_PAGE_BYTES, 0);
	}
	return NULL;
}

static void upgrade_measure(struct side *side)
{
	size_t first = raw_timed_page(&side->memory, 0), bytes = side->memory.bytes - first;
	double rate = raw_ticks_per_us();
	pthread_t thread;

	memset(side->memory.memory + first, 1, bytes);
	side->uffd = raw_timed_watch(&side->memory, UFFDIO_REGISTER_MODE_WP);
	protect(side, first, bytes, UFFDIO_WRITEPROTECT_MODE_WP);
	machine_run(side, RAW_VM_TIMES, side->memory.count);
	if (pthread_create(&thread, NULL, upgrade_pages, side))
		fatal("no thread");
	machine_run(side, RAW_VM_STORES, side->memory.count);
	pthread_join(thread, NULL);
	for (uint64_t i = 0; i < side->memory.count; i++)
		printf("%.2f\n", (double)raw_timed_ticks(&side->memory)[i] / rate);
}

static void upgrade_serve(struct side *side)
{
	size_t first = raw_timed_page(&side->memory, 0);
	struct message message;

	memset(side->memory.memory + first, 1, side->memory.bytes - first);
	machine_run(side, RAW_VM_TIMES, side->memory.count);
	while (raw_socket_receive(side->fd, &message, HEADER_BYTES, true)) {
		if (message.page % RAW_PAGE_BYTES || message.page >= side->memory.bytes)
			fatal("the other side asked for what is no page");
		unmap(side, message.page);
		raw_socket_send(side->fd, &message, HEADER_BYTES);
	}
}

/* ---- pingpong ---- */

static _Atomic uint64_t *word_of(const struct side *side)
{
	return (void *)(side->memory.alias + raw_timed_page(&side->memory, 0));
}

static void map_page(const struct side *side)
{
	struct uffdio_continue request = {
	    .range = {.start = (uintptr_t)side->memory.memory + raw_timed_page(&side->memory, 0),
		      .len = RAW_PAGE_BYTES},
	};

	if (ioctl(side->uffd, UFFDIO_CONTINUE, &request))
		fatal("cannot map a page: %s", strerror(errno));
}

/* Return: false when the other side has closed. */
static bool look_at_socket(struct side *side)
{
	static struct message message;
	ssize_t got = recv(side->fd, &message, HEADER_BYTES, MSG_DONTWAIT | MSG_PEEK);

	if (got < 0 && errno == EAGAIN)
		return true;
	if (!raw_socket_receive(side->fd, &message, HEADER_BYTES, true))
		return false;
	side->last_event_ns = samples_now_ns();
	if (message.bytes == 0) {
		side->is_wanted = true;
		return true;
	}
	if (!raw_socket_receive(side->fd, message.data, RAW_PAGE_BYTES, true))
		return false;
	memcpy(side->memory.alias + raw_timed_page(&side->memory, 0), message.data, RAW_PAGE_BYTES);
	side->has_page = true;
	map_page(side);
	return true;
}

static void look_at_faults(struct side *side)
{
	static const struct message request;
	struct uffd_msg event;
	ssize_t got = read(side->uffd, &event, sizeof(event));

	if (got < 0 && errno == EAGAIN)
		return;
	if (got != sizeof(event))
		fatal("cannot read a fault: %s", strerror(errno));
	side->last_event_ns = samples_now_ns();
	if (side->has_page)
		map_page(side);
	else
		raw_socket_send(side->fd, &request, HEADER_BYTES);
}

static void give_page(struct side *side)
{
	static struct message message = {.bytes = RAW_PAGE_BYTES};
	size_t at = raw_timed_page(&side->memory, 0);

	unmap(side, at);
	memcpy(message.data, side->memory.alias + at, RAW_PAGE_BYTES);
	raw_socket_send(side->fd, &message, sizeof(message));
	side->has_page = side->is_wanted = false;
}

/* Lets others have this processor; after a while in which nothing came, until something comes. */
static void wait_for_event(struct side *side)
{
	struct pollfd events[] = {{.fd = side->fd, .events = POLLIN},
				  {.fd = side->uffd, .events = POLLIN}};

	if (samples_now_ns() - side->last_event_ns < LOOK_NS) {
		sched_yield();
		return;
	}
	poll(events, 2, -1);
	side->last_event_ns = samples_now_ns();
}

static void *pass_page(void *context)
{
	struct side *side = context;

	take_short_slices();
	while (look_at_socket(side)) {
		look_at_faults(side);
		if (!side->is_wanted || !side->has_page)
			wait_for_event(side);
		else if (atomic_load(word_of(side)) % 2 != side->first)
			give_page(side);
	}
	return NULL;
}

static void pingpong(struct side *side)
{
	double rate = raw_ticks_per_us();
	const uint64_t *ticks = raw_timed_ticks(&side->memory);
	pthread_t thread;

	atomic_init(word_of(side), 0);
	side->uffd = raw_timed_watch(&side->memory, UFFDIO_REGISTER_MODE_MINOR);
	if (fcntl(side->uffd, F_SETFL, O_NONBLOCK) ||
	    pthread_create(&thread, NULL, pass_page, side))
		fatal("no thread");
	take_short_slices();
	machine_run(side, side->first ? RAW_VM_ODD : RAW_VM_EVEN, side->memory.count);
	/* The odd side has the last turn. */
	if (side->first)
		shutdown(side->fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	for (uint64_t i = WARM_UP; !side->first && i < side->memory.count; i++)
		printf("%.2f\n", (double)(ticks[i] - ticks[i - 1]) / rate / 2);
}

int main(int argc, char **argv)
{
	static const char usage[] = "raw_share serve|measure ADDRESS PORT upgrade|pingpong COUNT";
	uint64_t count = samples_number(argc, argv, 5, RAW_TIMED_MAX - WARM_UP, usage);
	bool is_server = strcmp(argv[1], "serve") == 0;
	bool is_pingpong = strcmp(argv[4], "pingpong") == 0;
	struct side side = {.first = is_server, .has_page = !is_server};
	struct sockaddr_in address;

	if (!raw_socket_address(argv[2], argv[3], &address))
		fatal("usage: %s", usage);
	raw_timed_init(&side.memory, count + (is_pingpong ? WARM_UP : 0), RAW_TIMED_SHARED);
	machine_open(&side);
	side.fd = is_server ? raw_socket_accept(&address) : raw_socket_connect(&address);
	if (is_pingpong)
		pingpong(&side);
	else if (is_server)
		upgrade_serve(&side);
	else
		upgrade_measure(&side);
	raw_vm_close(&side.vm);
	close(side.fd);
	return 0;
}
