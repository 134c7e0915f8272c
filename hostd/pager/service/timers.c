/*
 * The timer heap.
 */
#include "pager/service/timers.h"

#include <errno.h>
#include <stdlib.h>

static void place(struct timers *timers, size_t position, struct timer *timer)
{
	timers->heap[position] = timer;
	timer->position = position;
}

static void sift_up(struct timers *timers, struct timer *timer)
{
	size_t at = timer->position;

	while (at > 1 && timers->heap[at / 2]->due_ns > timer->due_ns) {
		place(timers, at, timers->heap[at / 2]);
		at /= 2;
	}
	place(timers, at, timer);
}

static void sift_down(struct timers *timers, struct timer *timer)
{
	size_t at = timer->position;

	for (;;) {
		size_t child = 2 * at;

		if (child < timers->count &&
		    timers->heap[child + 1]->due_ns < timers->heap[child]->due_ns)
			child++;
		if (child > timers->count || timers->heap[child]->due_ns >= timer->due_ns)
			break;
		place(timers, at, timers->heap[child]);
		at = child;
	}
	place(timers, at, timer);
}

static int reserve(struct timers *timers)
{
	size_t capacity = timers->capacity ? 2 * timers->capacity : 64;
	struct timer **heap;

	if (timers->count + 1 < timers->capacity)
		return 0;
	heap = realloc(timers->heap, capacity * sizeof(struct timer *));
	if (!heap)
		return -ENOMEM;
	timers->heap = heap;
	timers->capacity = capacity;
	return 0;
}

int timer_start(struct timers *timers, struct timer *timer, uint64_t due_ns)
{
	if (!timer_is_running(timer)) {
		int r = reserve(timers);

		if (r)
			return r;
		timer->due_ns = due_ns;
		place(timers, ++timers->count, timer);
		sift_up(timers, timer);
		return 0;
	}
	timer->due_ns = due_ns;
	sift_up(timers, timer);
	sift_down(timers, timer);
	return 0;
}

void timer_stop(struct timers *timers, struct timer *timer)
{
	size_t position = timer->position;
	struct timer *last;

	if (!position)
		return;
	last = timers->heap[timers->count--];
	timer->position = 0;
	if (last == timer)
		return;
	place(timers, position, last);
	sift_up(timers, last);
	sift_down(timers, last);
}

uint64_t timers_next_ns(const struct timers *timers)
{
	return timers->count ? timers->heap[1]->due_ns : UINT64_MAX;
}

void timers_run(struct timers *timers, uint64_t now_ns)
{
	while (timers->count && timers->heap[1]->due_ns <= now_ns) {
		struct timer *timer = timers->heap[1];

		timer_stop(timers, timer);
		timer->fire(timer);
	}
}

void timers_done(struct timers *timers)
{
	free(timers->heap);
	*timers = (struct timers){0};
}
