/*
 * The io_uring event loop. SINGLE_ISSUER and DEFER_TASKRUN: completions are only made while the
 * loop waits, so no interrupt of this thread's other work.
 */
#include "page/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define RING_ENTRIES 256u

int ring_init(struct ring *ring)
{
	int r = io_uring_queue_init(RING_ENTRIES, &ring->uring,
				    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

	ring->is_open = r == 0;
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

static void run_completions(struct ring *ring)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&ring->uring, &cqe) == 0) {
		struct ring_operation *operation = io_uring_cqe_get_data(cqe);
		int result = cqe->res;
		bool more = cqe->flags & IORING_CQE_F_MORE;

		io_uring_cqe_seen(&ring->uring, cqe);
		if (!operation)
			continue; /* the answer to a cancellation */
		operation->is_pending = more;
		operation->complete(operation, result);
	}
}

int ring_turn(struct ring *ring, uint64_t deadline_ns)
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
	if (r < 0 && r != -ETIME && r != -EINTR && r != -EAGAIN && r != -EBUSY)
		return r;
	run_completions(ring);
	return 0;
}
