/*
 * A program of ours that runs as long as the daemon does, with a control channel: started,
 * watched, and started again when it dies, each time later if it dies soon.
 */
#ifndef DAEMON_HELPER_H
#define DAEMON_HELPER_H

#include <stdbool.h>
#include <stdint.h>

#include "channel.h"
#include "config.h"
#include "loop.h"
#include "process.h"

struct hostd;

#define HELPER_ARGUMENTS_MAX  (16 + 2 * CONFIG_MAX_NODES)
#define HELPER_ARGUMENT_BYTES 96

struct helper_arguments {
	char *argv[HELPER_ARGUMENTS_MAX + 1];
	char text[HELPER_ARGUMENTS_MAX][HELPER_ARGUMENT_BYTES];
	unsigned int count;
};

/* What is different between helpers. Its control socket is descriptor SPAWN_FIRST_FD. */
struct helper_kind {
	const char *name; /* for messages to people */
	const char *loss; /* what its death means */
	enum channel_kind channel_kind;
	const char *(*program)(const struct config *config);
	void (*arguments)(const struct config *config, struct helper_arguments *arguments);
	void (*restarted)(struct hostd *hostd); /* optional */
	void (*lost)(struct hostd *hostd);	/* optional: its channel is closed */
};

struct helper {
	struct hostd *hostd;
	const struct helper_kind *kind;
	struct process process;
	struct source exited;
	struct channel *channel; /* NULL while it does not run */
	int start_error;	 /* of the last start */
	uint64_t started_ns;
	unsigned int failures; /* short lives in a row */
	struct timer restart_timer;
};

__attribute__((format(printf, 2, 3))) void helper_argument(struct helper_arguments *arguments,
							   const char *format, ...);

void helper_init(struct helper *helper, const struct helper_kind *kind, struct hostd *hostd);
/* Ends it. Accepts one that was never started. */
void helper_done(struct helper *helper);

/* Return: 0, -errno; it is tried again later then. */
int helper_start(struct helper *helper);
bool helper_is_up(const struct helper *helper);

#endif
