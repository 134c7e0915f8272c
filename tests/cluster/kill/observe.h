/*
 * Watching what becomes of a task after something was killed: it goes on, or ends with an error
 * that says so; anything else is a failure of the product.
 */
#ifndef KILL_OBSERVE_H
#define KILL_OBSERVE_H

#include <norma.h>
#include <stdbool.h>

enum outcome {
	OUTCOME_WENT_ON,      /* its console made progress after the kill */
	OUTCOME_DONE,	      /* it ended by itself with status 0 */
	OUTCOME_MEMORY_ERROR, /* ended by EXC_BAD_ACCESS with KERN_MEMORY_ERROR */
	OUTCOME_KILLED,	      /* its process was killed, and its host says so */
	OUTCOME_HOST_GONE,    /* its host's daemon is gone */
	OUTCOME_WRONG,	      /* it saw wrong memory, or ended in a way nobody expects */
	OUTCOME_HUNG,	      /* neither progress nor an end within the deadline */
	OUTCOME_NUM,
};

extern const char *const outcome_names[OUTCOME_NUM];

struct watched {
	const char *socket_path; /* its host's */
	const char *progress;	 /* the line it prints while it makes progress */
	struct norma_console console;
	char text[NORMA_TEXT_BYTES]; /* why it ended */
};

/* Reads the console until `line` was seen `times` times. Return: false at its end or the deadline.
 */
bool observe_lines(struct watched *watched, const char *line, int times, int timeout_ms);
/* Reads up to a line that starts with `prefix` into line[capacity]. Return: as observe_lines. */
bool observe_line_with(struct watched *watched, const char *prefix, char *line, size_t capacity,
		       int timeout_ms);
/* What becomes of it from now on, decided within timeout_ms. */
enum outcome observe_outcome(struct watched *watched, int timeout_ms);

#endif
