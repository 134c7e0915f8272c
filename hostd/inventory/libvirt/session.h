/*
 * The parts of norma-libvirt.so share a connection; nothing but norma_libvirt_module is visible
 * outside.
 */
#ifndef LIBVIRT_SESSION_H
#define LIBVIRT_SESSION_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "inventory/libvirt_module.h"

struct libvirt_session {
	virConnectPtr connection;
	int wake_watch; /* libvirt's number of the wake_fd handle; -1: none */
	int timer;	/* of wait()'s timeout; -1: none */
	int lifecycle;	/* of the event subscription; -1: this driver has no events */
	bool is_closed; /* by the other side; `close_reason` says how */
	int close_reason;
	unsigned int news; /* since wait() began */
	bool is_timed_out;
};

/*
 * Puts libvirt's last error into words. Return: -EOPNOTSUPP when this libvirt cannot do it,
 * -ENOENT when CPUs have nothing in common, -EIO otherwise.
 */
int session_error(const char *what, char why[SNAPSHOT_WHY_BYTES]);

/* events.c: once per process. Return: 0, -EIO. */
int events_init(char why[SNAPSHOT_WHY_BYTES]);
/* events.c: subscribes to what wait() reports. Return: 0, -errno. */
int events_open(struct libvirt_session *session, int wake_fd, char why[SNAPSHOT_WHY_BYTES]);
void events_close(struct libvirt_session *session);
unsigned int events_wait(struct libvirt_session *session, int timeout_ms,
			 char why[SNAPSHOT_WHY_BYTES]);

/* collect.c */
int session_collect(struct libvirt_session *session, struct snapshot_libvirt *ret_facts,
		    char why[SNAPSHOT_WHY_BYTES]);

/* cpu.c */
int session_cpu(struct libvirt_session *session, struct libvirt_cpu *ret_cpu,
		char why[SNAPSHOT_WHY_BYTES]);
int session_baseline(struct libvirt_session *session, const char *const *xmls, unsigned int count,
		     struct libvirt_baseline *ret_baseline, char why[SNAPSHOT_WHY_BYTES]);

#endif
