/*
 * One norma-hostd: everything it owns, passed down to every part of it. There is no global state,
 * so several can live in one process (the tests do that).
 */
#ifndef DAEMON_HOSTD_H
#define DAEMON_HOSTD_H

#include <stdbool.h>
#include <stdint.h>

#include "calls.h"
#include "config.h"
#include "cpu/host_cpu.h"
#include "inventory/inventory.h"
#include "listener.h"
#include "loop.h"
#include "pager.h"
#include "peers.h"
#include "room.h"
#include "tasks.h"
#include "vmm.h"
#include "zygote.h"
#include "wire/wire.h"

#define HOSTD_SCRATCH_BYTES (128u * 1024u)

struct hostd {
	struct config config;
	struct loop loop;
	struct call_table calls;
	struct task_table tasks;
	struct vmm_set vmms;
	struct helper pager, zygote;
	struct host_cpu cpu;
	struct peer_set peers;
	struct room room;
	struct inventory *inventory;   /* what this host knows of itself */
	struct listener clients;       /* Unix socket */
	struct listener hosts;	       /* TCP; fd -1 when there are no other hosts */
	LIST_HEAD(, channel) channels; /* all that are open */
	unsigned int client_count;
	uint64_t last_export;	 /* number of what was asked of other hosts (peer_export_range) */
	struct timer stop_timer; /* the helpers' time to end by themselves */
	bool is_stopping;
	bool reaps_strangers; /* no other children of this process are anybody's */

	/* For one decoding or encoding at a time, valid until the next one. */
	uint8_t scratch[HOSTD_SCRATCH_BYTES] __attribute__((aligned(8)));
	uint8_t payload[MESSAGE_MAX_PAYLOAD];
};

/*
 * Opens the sockets, starts the pager and the waiting VMMs. `config` is copied.
 * Return: 0, or -errno with a sentence in `error`; nothing is left behind then.
 */
int hostd_new(const struct config *config, struct hostd **ret_hostd,
	      char error[CONFIG_ERROR_BYTES]);
/* Ends whatever still runs and frees everything. Accepts NULL. */
void hostd_free(struct hostd *hostd);

/* Begins an orderly end: no new connections, every task and the pager are ended. */
void hostd_stop(struct hostd *hostd);
/* Return: true when nothing that was started is left. */
bool hostd_is_stopped(const struct hostd *hostd);

/* Return: whether this process is a VMM or a helper of ours. */
bool hostd_knows_process(const struct hostd *hostd, pid_t pid);
/* Reaps children that became ours and that nobody knows: their parent, or the zygote, died before
 * it could tell. Not while the zygote owes us an answer, which may name such a child. */
void hostd_reap_strangers(struct hostd *hostd);

/* Return: CLOCK_MONOTONIC in `ms` milliseconds. */
uint64_t hostd_deadline(uint64_t ms);
/* Return: true when `node` is this host's number. */
bool hostd_is_own_node(const struct hostd *hostd, int node);

/*
 * Decodes a payload as struct `name` into *value; arrays go to the hostd's scratch area.
 * Value: 0, -EBADMSG.
 */
#define hostd_decode(hostd, name, data, data_bytes, value)                                         \
	({                                                                                         \
		struct wire_reader reader_;                                                        \
		wire_reader_init(&reader_, data, data_bytes, (hostd)->scratch,                     \
				 HOSTD_SCRATCH_BYTES);                                             \
		name##_decode(&reader_, value);                                                    \
		wire_reader_end(&reader_);                                                         \
	})

/* Encodes struct `name` into the hostd's payload area. Value: its size in bytes. */
#define hostd_encode(hostd, name, value)                                                           \
	({                                                                                         \
		struct wire_writer writer_;                                                        \
		wire_writer_init(&writer_, (hostd)->payload, MESSAGE_MAX_PAYLOAD);                 \
		name##_encode(&writer_, value);                                                    \
		writer_.error ? 0 : writer_.used;                                                  \
	})

#endif
