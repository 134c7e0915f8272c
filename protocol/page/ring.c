/*
 * The io_uring event loop. SINGLE_ISSUER and DEFER_TASKRUN: completions are only made while the
 * loop waits, so no interrupt of this thread's other work.
 */
#include "page/ring.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "base/clock.h"

#define RING_ENTRIES 256u

#define LOOKS_PER_ROUND 32u /* about 1 us */

int ring_init(struct ring *ring, int spin_us)
{
	int r = io_uring_queue_init(RING_ENTRIES, &ring->uring,
				    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
					IORING_SETUP_TASKRUN_FLAG);

	spin_init(&ring->spin, spin_us);
	ring->is_open = r == 0;
	ring->has_woken = false;
	return r;
}

void ring_done(struct ring *ring)
{
	if (ring->is_open)
		io_uring_queue_exit(&ring->uring);
	ring->is_open = false;
}

static struct io_uring_sqe *ring_sqe(struct ring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);

	if (!sqe) {
		io_uring_submit(&ring->uring);
		sqe = io_uring_get_sqe(&ring->uring);
	}
	assert(sqe); /* without SQPOLL a submission empties the queue */
	return sqe;
}

static void start(struct io_uring_sqe *sqe, struct ring_operation *operation)
{
	assert(!operation->is_pending);
	operation->is_pending = true;
	io_uring_sqe_set_data(sqe, operation);
}

void ring_receive(struct ring *ring, struct ring_operation *operation, int fd, void *buffer,
		  size_t bytes)
{
	struct io_uring_sqe *sqe = ring_sqe(ring);

	io_uring_prep_recv(sqe, fd, buffer, bytes, 0);
	start(sqe, operation);
}

void ring_receive_vectors(struct ring *ring, struct ring_operation *operation, int fd,
			  struct msghdr *message)
{
	struct io_uring_sqe *sqe = ring_sqe(ring);

	io_uring_prep_recvmsg(sqe, fd, message, 0);
	start(sqe, operation);
}

void ring_send(struct ring *ring, struct ring_operation *operation, int fd,
	       const struct msghdr *message)
{
	struct io_uring_sqe *sqe = ring_sqe(ring);

	io_uring_prep_sendmsg(sqe, fd, message, MSG_NOSIGNAL);
	start(sqe, operation);
}

void ring_connect(struct ring *ring, struct ring_operation *operation, int fd,
		  const struct sockaddr *address, socklen_t bytes)
{
	struct io_uring_sqe *sqe = ring_sqe(ring);

	io_uring_prep_connect(sqe, fd, address, bytes);
	start(sqe, operation);
}

void ring_accept(struct ring *ring, struct ring_operation *operation, int fd)
{
	struct io_uring_sqe *sqe = ring_sqe(ring);

	io_uring_prep_accept(sqe, fd, NULL, NULL, SOCK_CLOEXEC);
	start(sqe, operation);
}

void ring_poll(struct ring *ring, struct ring_operation *operation, int fd, unsigned int events)
{
	struct io_uring_sqe *sqe = ring_sqe(ring);

	io_uring_prep_poll_add(sqe, fd, events);
	start(sqe, operation);
}

void ring_poll_always(struct ring *ring, struct ring_operation *operation, int fd,
		      unsigned int events)
{
	struct io_uring_sqe *sqe = ring_sqe(ring);

	io_uring_prep_poll_multishot(sqe, fd, events);
	start(sqe, operation);
}

void ring_cancel(struct ring *ring, struct ring_operation *operation)
{
	struct io_uring_sqe *sqe;

	if (!operation->is_pending)
		return;
	sqe = ring_sqe(ring);
	io_uring_prep_cancel(sqe, operation, 0);
	io_uring_sqe_set_data(sqe, NULL);
}

/* Return: whether there were any. */
static bool run_completions(struct ring *ring)
{
	struct io_uring_cqe *cqe;
	bool any = false;

	while (io_uring_peek_cqe(&ring->uring, &cqe) == 0) {
		struct ring_operation *operation = io_uring_cqe_get_data(cqe);
		int result = cqe->res;
		bool more = cqe->flags & IORING_CQE_F_MORE;

		/* The clock is asked once: what comes later in this turn is close in any case. */
		if (!any)
			spin_event(&ring->spin, clock_now_ns());
		any = true;
		io_uring_cqe_seen(&ring->uring, cqe);
		if (!operation)
			continue; /* the answer to a cancellation */
		operation->is_pending = more;
		operation->complete(operation, result);
	}
	return any;
}

/* The kernel says in memory that it has something for us (TASKRUN_FLAG): no system call to ask. */
static bool has_work(const struct ring *ring)
{
	return __atomic_load_n(ring->uring.sq.kflags, __ATOMIC_ACQUIRE) & IORING_SQ_TASKRUN;
}

/*
 * Looks for something to come until a time. Whoever else wants this CPU gets it in between: with
 * few CPUs that may be the thread that we wait for. The load of the machine does not tell (of a
 * thread that has just gone to sleep Linux 6.12 still says that it runs).
 * Return: whether something has come.
 */
static bool look(const struct ring *ring, uint64_t until_ns)
{
	do {
		for (unsigned int i = 0; i < LOOKS_PER_ROUND; i++) {
			if (has_work(ring))
				return true;
			__builtin_ia32_pause();
		}
		sched_yield();
	} while (clock_now_ns() < until_ns);
	return false;
}

/* Return: 0, or -errno when the ring is broken. */
static int sleep_until(struct ring *ring, uint64_t deadline_ns)
{
	struct io_uring_cqe *cqe;
	struct __kernel_timespec wait, *limit = NULL;
	int r;

	if (deadline_ns != UINT64_MAX) {
		uint64_t now = clock_now_ns();
		uint64_t left = deadline_ns > now ? deadline_ns - now : 0;

		wait.tv_sec = (int64_t)(left / NS_PER_S);
		wait.tv_nsec = (int64_t)(left % NS_PER_S);
		limit = &wait;
	}
	r = io_uring_submit_and_wait_timeout(&ring->uring, &cqe, 1, limit, NULL);
	return r < 0 && r != -ETIME && r != -EINTR && r != -EAGAIN && r != -EBUSY ? r : 0;
}

/* Return: whether looking for events until deadline_ns found some, and ran their completions. */
static bool find_events(struct ring *ring, uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns(), until_ns = spin_until_ns(&ring->spin, now);
	bool has_woken = ring->has_woken;

	ring->has_woken = false;
	if (now >= until_ns)
		return false;
	io_uring_submit_and_get_events(&ring->uring); /* should it fail, sleeping says why */
	if (run_completions(ring))
		return true;
	if (has_woken)
		return false;
	if (look(ring, until_ns < deadline_ns ? until_ns : deadline_ns)) {
		spin_found(&ring->spin);
		io_uring_get_events(&ring->uring);
		return run_completions(ring);
	}
	if (until_ns <= deadline_ns)
		spin_missed(&ring->spin);
	return false;
}

void ring_has_woken(struct ring *ring)
{
	ring->has_woken = true;
}

int ring_turn(struct ring *ring, uint64_t deadline_ns)
{
	int r;

	if (find_events(ring, deadline_ns))
		return 0;
	r = sleep_until(ring, deadline_ns);
	if (r == 0)
		run_completions(ring);
	return r;
}
