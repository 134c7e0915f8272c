/*
 * The event loop: descriptors (epoll) and timers of one thread. Anything may be removed from
 * within any callback; what was removed gets no event any more, not even from the batch at hand.
 */
#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#define container_of(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A descriptor to watch; part of whoever owns the descriptor. Zeroed means not watched. */
struct source {
	int fd;
	bool is_added;
	uint32_t events; /* that it is watched for */
	void (*ready)(struct source *source, uint32_t events);
};

/* Zeroed means not armed. Disarmed before `expired` is called. */
struct timer {
	TAILQ_ENTRY(timer) entry;
	bool is_armed;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	void (*expired)(struct timer *timer);
};

/* Memory that callers up the stack may still hold: released when the loop is back on top. */
struct deferred {
	STAILQ_ENTRY(deferred) entry;
	void (*release)(struct deferred *deferred);
};

#define LOOP_BATCH 64

struct loop {
	int epoll_fd;
	TAILQ_HEAD(timer_list, timer) timers; /* by deadline */
	STAILQ_HEAD(, deferred) deferred;
	struct epoll_event batch[LOOP_BATCH];
	int batch_count, batch_next;
};

int loop_init(struct loop *loop);
/* Releases what was deferred. Sources and timers are their owners'. */
void loop_done(struct loop *loop);

/* Watches source->fd for EPOLLIN, EPOLLOUT. Return: 0, -errno. */
int loop_add(struct loop *loop, struct source *source, uint32_t events);
void loop_change(struct loop *loop, struct source *source, uint32_t events);
/* Before the descriptor is closed. Does nothing when it is not watched. */
void loop_remove(struct loop *loop, struct source *source);

/* Sets or moves a timer. */
void timer_arm(struct loop *loop, struct timer *timer, uint64_t deadline_ns);
void timer_cancel(struct loop *loop, struct timer *timer);

void loop_defer(struct loop *loop, struct deferred *deferred);

/* Waits at most max_wait_ms (-1: until something happens) and handles what there is. */
void loop_run_once(struct loop *loop, int max_wait_ms);

#endif
