/*
 * Opening and closing the connection, and libvirt's errors in our words.
 */
#include "session.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A connection whose other side is silent for this long counts as closed. */
#define KEEPALIVE_INTERVAL_S 3
#define KEEPALIVE_COUNT	     3

/* libvirt's event loop belongs to the process, so only one session can run it. */
static atomic_flag is_open = ATOMIC_FLAG_INIT;

int session_error(const char *what, char why[SNAPSHOT_WHY_BYTES])
{
	const virError *error = virGetLastError();
	const char *text = error && error->message ? error->message : "no reason given";

	/* One line, so that it can stand in a log and in a table. */
	snprintf(why, SNAPSHOT_WHY_BYTES, "%s: %.*s", what, (int)strcspn(text, "\n"), text);
	for (char *quote = why; (quote = strchr(quote, '"'));)
		*quote = '\'';
	if (!error)
		return -EIO;
	switch (error->code) {
	case VIR_ERR_NO_SUPPORT:
	case VIR_ERR_OPERATION_UNSUPPORTED:
	case VIR_ERR_CONFIG_UNSUPPORTED:
	case VIR_ERR_ARGUMENT_UNSUPPORTED:
		return -EOPNOTSUPP;
	case VIR_ERR_CPU_INCOMPATIBLE:
	case VIR_ERR_OPERATION_FAILED: /* a baseline's "CPUs are incompatible" */
		return -ENOENT;
	default:
		return -EIO;
	}
}

/* -EOPNOTSUPP, and a driver inside this process (test:///) has nobody to keep alive. */
static void keep_alive(struct libvirt_session *session)
{
	if (virConnectSetKeepAlive(session->connection, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT) < 0)
		virResetLastError();
}

static void session_close(struct libvirt_session *session)
{
	events_close(session);
	virConnectClose(session->connection);
	free(session);
	atomic_flag_clear(&is_open);
}

static int connect_to(const char *uri, int wake_fd, struct libvirt_session *session,
		      char why[SNAPSHOT_WHY_BYTES])
{
	int result = events_init(why);

	if (result)
		return result;
	/* Not read-only: domain capabilities and statistics are for full connections. */
	session->connection = virConnectOpen(uri);
	if (!session->connection)
		return session_error("it cannot be reached", why);
	keep_alive(session);
	result = events_open(session, wake_fd, why);
	if (result)
		virConnectClose(session->connection);
	return result;
}

static int session_open(const char *uri, int wake_fd, struct libvirt_session **ret_session,
			char why[SNAPSHOT_WHY_BYTES])
{
	struct libvirt_session *session;
	int result;

	if (atomic_flag_test_and_set(&is_open)) {
		snprintf(why, SNAPSHOT_WHY_BYTES, "this process has a connection already");
		return -EBUSY;
	}
	session = calloc(1, sizeof(*session));
	result = session ? connect_to(uri, wake_fd, session, why) : -ENOMEM;
	if (result) {
		free(session);
		atomic_flag_clear(&is_open);
		return result;
	}
	*ret_session = session;
	return 0;
}

__attribute__((visibility("default"))) const struct libvirt_module norma_libvirt_module = {
    .version = LIBVIRT_MODULE_VERSION,
    .open = session_open,
    .close = session_close,
    .wait = events_wait,
    .collect = session_collect,
    .cpu = session_cpu,
    .baseline = session_baseline,
};
