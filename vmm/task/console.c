/*
 * The ring of a task's standard input.
 */
#include "console.h"

#include <errno.h>
#include <string.h>

#include "wait.h"

void console_input_init(struct console_input *input)
{
	pthread_mutex_init(&input->lock, NULL);
	wait_cond_init(&input->changed);
	input->head = 0;
	input->used = 0;
	input->is_ended = false;
	input->starving = 0;
	input->feedings = 1;
}

/* Whoever waits will look again, though maybe not before this is over. */
static void console_input_changed_locked(struct console_input *input)
{
	input->starving = 0;
	input->feedings++;
	pthread_cond_broadcast(&input->changed);
}

/* Counts a take that is about to wait, once for each time that something changed. */
static void console_input_starve_locked(struct console_input *input, uint64_t *counted_at)
{
	input->starving += *counted_at != input->feedings;
	*counted_at = input->feedings;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

ssize_t console_input_feed(struct console_input *input, const void *data, uint32_t bytes,
			   bool is_last)
{
	uint32_t accepted, tail, before_wrap;

	pthread_mutex_lock(&input->lock);
	if (input->is_ended) {
		pthread_mutex_unlock(&input->lock);
		return -EPIPE;
	}
	accepted = smaller(bytes, CONSOLE_INPUT_BYTES - input->used);
	if (accepted) {
		tail = (input->head + input->used) % CONSOLE_INPUT_BYTES;
		before_wrap = smaller(accepted, CONSOLE_INPUT_BYTES - tail);
		memcpy(input->ring + tail, data, before_wrap);
		memcpy(input->ring, (const uint8_t *)data + before_wrap, accepted - before_wrap);
		input->used += accepted;
	}
	input->is_ended = is_last && accepted == bytes;
	console_input_changed_locked(input);
	pthread_mutex_unlock(&input->lock);
	return accepted;
}

static uint32_t console_input_take_locked(struct console_input *input, uint8_t *buffer,
					  uint32_t bytes)
{
	uint32_t taken = smaller(bytes, input->used);
	uint32_t before_wrap = smaller(taken, CONSOLE_INPUT_BYTES - input->head);

	memcpy(buffer, input->ring + input->head, before_wrap);
	memcpy(buffer + before_wrap, input->ring, taken - before_wrap);
	input->head = (input->head + taken) % CONSOLE_INPUT_BYTES;
	input->used -= taken;
	return taken;
}

ssize_t console_input_take(struct console_input *input, void *buffer, size_t bytes,
			   const atomic_bool *is_cancelled)
{
	uint32_t capacity = bytes < CONSOLE_INPUT_BYTES ? (uint32_t)bytes : CONSOLE_INPUT_BYTES;
	uint64_t counted_at = 0;
	ssize_t taken = -EINTR;

	if (bytes == 0)
		return 0;
	pthread_mutex_lock(&input->lock);
	while (!input->used && !input->is_ended && !atomic_load(is_cancelled)) {
		console_input_starve_locked(input, &counted_at);
		wait_until(&input->changed, &input->lock, WAIT_FOREVER);
	}
	if (input->used)
		taken = console_input_take_locked(input, buffer, capacity);
	else if (input->is_ended)
		taken = 0;
	pthread_mutex_unlock(&input->lock);
	return taken;
}

int console_input_wait(struct console_input *input, uint64_t deadline_ns,
		       const atomic_bool *is_cancelled)
{
	int error = 0;
	bool is_ready;

	pthread_mutex_lock(&input->lock);
	while (!input->used && !input->is_ended && !atomic_load(is_cancelled) && !error)
		error = wait_until(&input->changed, &input->lock, deadline_ns);
	is_ready = input->used || input->is_ended;
	pthread_mutex_unlock(&input->lock);
	if (is_ready)
		return 1;
	return atomic_load(is_cancelled) ? -EINTR : 0;
}

void console_input_wake(struct console_input *input)
{
	pthread_mutex_lock(&input->lock);
	console_input_changed_locked(input);
	pthread_mutex_unlock(&input->lock);
}

uint32_t console_input_starving(struct console_input *input)
{
	uint32_t starving;

	pthread_mutex_lock(&input->lock);
	starving = input->starving;
	pthread_mutex_unlock(&input->lock);
	return starving;
}
