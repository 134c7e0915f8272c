/*
 * Standard input of a task: a bounded ring that norma_console_write fills and read(0) empties. Pure
 * but for its lock.
 */
#ifndef TASK_CONSOLE_H
#define TASK_CONSOLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONSOLE_INPUT_BYTES 65536u

struct console_input {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t head; /* of the next byte to read */
	uint32_t used;
	bool is_ended;
	uint32_t starving; /* takes that nothing can end but a feed or a wake after now */
	uint64_t feedings; /* how often `starving` was set to 0 */
	uint8_t ring[CONSOLE_INPUT_BYTES];
};

void console_input_init(struct console_input *input);

/*
 * Adds what fits. With `is_last` and all of it accepted, nothing can be added any more. Return:
 * bytes accepted; -EPIPE after the end.
 */
ssize_t console_input_feed(struct console_input *input, const void *data, uint32_t bytes,
			   bool is_last);

/*
 * Takes up to `bytes` bytes, waiting until there is one, or the end, or *is_cancelled (see
 * console_input_wake). Return: bytes, 0 at the end, -EINTR when cancelled.
 */
ssize_t console_input_take(struct console_input *input, void *buffer, size_t bytes,
			   const atomic_bool *is_cancelled);

/*
 * Waits until a take would not wait, or deadline_ns (CLOCK_MONOTONIC; UINT64_MAX: for ever).
 * Return: 1 when it would not, 0 at the deadline, -EINTR when cancelled.
 */
int console_input_wait(struct console_input *input, uint64_t deadline_ns,
		       const atomic_bool *is_cancelled);

/* Return: how many takes wait, and will until the next feed or wake is called. */
uint32_t console_input_starving(struct console_input *input);

/* Makes every waiting reader look at its is_cancelled again. */
void console_input_wake(struct console_input *input);

#endif
