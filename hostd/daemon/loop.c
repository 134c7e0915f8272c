/*
 * epoll, a sorted list of timers, and a list of memory to release. Most timers are deadlines of
 * one of two lengths, so inserting from the list's end takes a step or two.
 */
#include "loop.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"

int loop_init(struct loop *loop)
{
	*loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	TAILQ_INIT(&loop->timers);
	STAILQ_INIT(&loop->deferred);
	return loop->epoll_fd < 0 ? -errno : 0;
}

static void release_deferred(struct loop *loop)
{
	struct deferred *deferred;

	while ((deferred = STAILQ_FIRST(&loop->deferred))) {
		STAILQ_REMOVE_HEAD(&loop->deferred, entry);
		deferred->release(deferred);
	}
}

void loop_done(struct loop *loop)
{
	release_deferred(loop);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

int loop_add(struct loop *loop, struct source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0)
		return -errno;
	source->is_added = true;
	source->events = events;
	return 0;
}

void loop_change(struct loop *loop, struct source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (!source->is_added || events == source->events)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
	source->events = events;
}

void loop_remove(struct loop *loop, struct source *source)
{
	if (!source->is_added)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->is_added = false;
	for (int i = loop->batch_next; i < loop->batch_count; i++)
		if (loop->batch[i].data.ptr == source)
			loop->batch[i].data.ptr = NULL;
}

void timer_cancel(struct loop *loop, struct timer *timer)
{
	if (timer->is_armed)
		TAILQ_REMOVE(&loop->timers, timer, entry);
	timer->is_armed = false;
}

void timer_arm(struct loop *loop, struct timer *timer, uint64_t deadline_ns)
{
	struct timer *before;

	timer_cancel(loop, timer);
	timer->deadline_ns = deadline_ns;
	timer->is_armed = true;
	TAILQ_FOREACH_REVERSE(before, &loop->timers, timer_list, entry)
	{
		if (before->deadline_ns <= deadline_ns) {
			TAILQ_INSERT_AFTER(&loop->timers, before, timer, entry);
			return;
		}
	}
	TAILQ_INSERT_HEAD(&loop->timers, timer, entry);
}

void loop_defer(struct loop *loop, struct deferred *deferred)
{
	STAILQ_INSERT_TAIL(&loop->deferred, deferred, entry);
}

/* Rounded up: a wait that ends just before the deadline would turn around for nothing. */
static int wait_ms(const struct loop *loop, int max_wait_ms)
{
	const struct timer *first = TAILQ_FIRST(&loop->timers);
	uint64_t now = clock_now_ns();
	uint64_t left_ms;

	if (!first)
		return max_wait_ms;
	if (first->deadline_ns <= now)
		return 0;
	left_ms = (first->deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS;
	if (max_wait_ms >= 0 && (uint64_t)max_wait_ms < left_ms)
		return max_wait_ms;
	return left_ms > 3600000 ? 3600000 : (int)left_ms;
}

/* Only timers that were due at the start: one that arms itself anew waits for the next round. */
static void run_timers(struct loop *loop)
{
	uint64_t now = clock_now_ns();
	struct timer *timer;

	while ((timer = TAILQ_FIRST(&loop->timers)) && timer->deadline_ns <= now) {
		timer_cancel(loop, timer);
		timer->expired(timer);
	}
}

void loop_run_once(struct loop *loop, int max_wait_ms)
{
	int count = epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, wait_ms(loop, max_wait_ms));

	loop->batch_count = count > 0 ? count : 0;
	for (loop->batch_next = 0; loop->batch_next < loop->batch_count;) {
		struct epoll_event *event = &loop->batch[loop->batch_next++];
		struct source *source = event->data.ptr;

		if (source)
			source->ready(source, event->events);
	}
	run_timers(loop);
	release_deferred(loop);
}
