/*
 * What vm_remap exports at its source, be that a task of this host or of another: a turn at the
 * task (export_turn.h), then vmm_export_range here; peer_export_range (peer_export.h) elsewhere.
 *
 *   remap_source_export()     asks for the range; `exported` or `task_ended` follows
 *   remap_source_end()        the source lets go of what it exported
 *   remap_source_take_back()  the same, when nobody took it; `taken_back` follows
 *
 * Embedded in the remap that it belongs to.
 */
#ifndef DAEMON_REMAP_SOURCE_H
#define DAEMON_REMAP_SOURCE_H

#include <stdint.h>

#include "calls.h"
#include "export_turn.h"

struct hostd;
struct task;

struct remap_source {
	struct hostd *hostd;
	uint32_t task; /* its name */
	uint64_t address, bytes;
	uint32_t is_copy;
	uint32_t uid;
	uint64_t deadline_ns;
	/* The source's VMM answered, or its host; the replies have the same fields. */
	void (*exported)(struct remap_source *source, const struct answer *answer);
	/* It ended before it was asked. Only of a task of this host; another says so in its answer.
	 */
	void (*task_ended)(struct remap_source *source);
	void (*taken_back)(struct remap_source *source);
	/* ---- private ---- */
	struct export_turn turn; /* of a task of this host */
	uint64_t export;	 /* of another host's: its number there; 0: none */
};

/* here: the task, if it is one of this host's. */
void remap_source_export(struct remap_source *source, struct task *here);

/* Nobody waits for it. An export of another host is let go of there when the link to it breaks. */
void remap_source_end(struct remap_source *source, enum export_outcome outcome);

/* For one that was made. `taken_back` may be called at once. */
void remap_source_take_back(struct remap_source *source);

#endif
