/*
 * One io_uring as an event loop: operations carry their completion function, one turn submits what
 * was prepared, waits for something to end or for a time, and runs the completions. One thread.
 */
#ifndef PAGE_RING_H
#define PAGE_RING_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>

#include "page/spin.h"

/*
 * Embedded in what it works for; that must stay in place while is_pending. complete() may start the
 * operation again, or free it when it is not pending.
 */
struct ring_operation {
	void (*complete)(struct ring_operation *operation, int result);
	bool is_pending;
};

struct ring {
	struct io_uring uring;
	struct spin spin;
	bool is_open;
	bool has_woken; /* see ring_has_woken */
};

/*
 * spin_us: how long a turn looks for events before it sleeps, see spin.h.
 * Return: 0, or -errno (-ENOSYS, -EPERM: no io_uring here; -EINVAL: kernel older than 6.1).
 */
int ring_init(struct ring *ring, int spin_us);
/* Ends all pending operations without calling complete(). Accepts a zeroed ring. */
void ring_done(struct ring *ring);

/* Each starts an operation that is not pending. Buffers belong to the ring until it completes. */
void ring_receive(struct ring *ring, struct ring_operation *operation, int fd, void *buffer,
		  size_t bytes);
/* The same into several places. */
void ring_receive_vectors(struct ring *ring, struct ring_operation *operation, int fd,
			  struct msghdr *message);
void ring_send(struct ring *ring, struct ring_operation *operation, int fd,
	       const struct msghdr *message);
void ring_connect(struct ring *ring, struct ring_operation *operation, int fd,
		  const struct sockaddr *address, socklen_t bytes);
void ring_accept(struct ring *ring, struct ring_operation *operation, int fd);
/* Completes once when one of `events` (POLLIN...) holds. */
void ring_poll(struct ring *ring, struct ring_operation *operation, int fd, unsigned int events);
/* As ring_poll, but completes again each time until it is cancelled or completes with an error. */
void ring_poll_always(struct ring *ring, struct ring_operation *operation, int fd,
		      unsigned int events);
/* Asks a pending operation to end; it completes soon, usually with -ECANCELED. */
void ring_cancel(struct ring *ring, struct ring_operation *operation);

/*
 * This turn has woken a thread of this machine that needs a CPU now. After it the ring sleeps and
 * does not look for events: ours may be that CPU, and the thread's next event wakes us there.
 */
void ring_has_woken(struct ring *ring);

/*
 * One turn of the loop. deadline_ns: CLOCK_MONOTONIC time at which to come back at the latest;
 * UINT64_MAX for never. Return: 0, or -errno when the ring itself fails.
 */
int ring_turn(struct ring *ring, uint64_t deadline_ns);

#endif
