/*
 * Loading a Linux program: norma_run_begin, norma_run_data, norma_run_start.
 */
#ifndef TASK_RUN_H
#define TASK_RUN_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* An image has to fit into the host's memory twice while it is being loaded. */
#define RUN_IMAGE_BYTES_MAX (UINT64_C(1) << 30)
#define RUN_STRINGS_MAX	    32768u

enum run_state {
	RUN_NONE,    /* the task is no program, or not yet */
	RUN_LOADING, /* begun: data may come */
	RUN_STARTED, /* the image is mapped and its thread runs; the file is forgotten */
};

/* NUL-terminated strings one after another, and a NULL-terminated table of them. */
struct run_strings {
	char *bytes;
	const char **table;
	uint32_t count;
};

struct run {
	pthread_mutex_t lock; /* guards the rest; held during a whole run call */
	enum run_state state;
	int image_fd; /* a memfd; -1 unless LOADING */
	uint64_t image_bytes;
	struct run_strings arguments;
	struct run_strings environment;
};

void run_init(struct run *run);

/* Splits data[bytes]. Return: 0, -EINVAL (does not end with NUL), -ENOMEM. */
int run_strings_split(struct run_strings *strings, const uint8_t *data, uint32_t bytes);
void run_strings_done(struct run_strings *strings);

#endif
