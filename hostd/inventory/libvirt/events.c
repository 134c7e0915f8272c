/*
 * libvirt's event loop, run by wait(): a timer for its timeout (which is also the dummy timer that
 * keeps the loop from sleeping without end), the wake-up descriptor, guests' lifecycle, and the end
 * of the connection.
 */
#include <errno.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdio.h>

#include "session.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_initialized;

/* Errors are returned and told by the caller; libvirt itself would print them. */
static void be_quiet(void *context, virErrorPtr error)
{
	(void)context;
	(void)error;
}

/* The event loop must be there before the first connection is opened, or it has no events. */
static void initialize(void)
{
	is_initialized = virInitialize() == 0 && virEventRegisterDefaultImpl() == 0;
	virSetErrorFunc(NULL, be_quiet);
}

int events_init(char why[SNAPSHOT_WHY_BYTES])
{
	pthread_once(&once, initialize);
	if (is_initialized)
		return 0;
	snprintf(why, SNAPSHOT_WHY_BYTES, "libvirt's library cannot be initialized");
	return -EIO;
}

static void timed_out(int timer, void *context)
{
	struct libvirt_session *session = context;

	virEventUpdateTimeout(timer, -1);
	session->is_timed_out = true;
}

static void woken(int watch, int fd, int events, void *context)
{
	struct libvirt_session *session = context;

	(void)watch;
	(void)fd;
	(void)events;
	session->news |= LIBVIRT_NEWS_WOKEN;
}

static int guest_changed(virConnectPtr connection, virDomainPtr domain, int event, int detail,
			 void *context)
{
	struct libvirt_session *session = context;

	(void)connection;
	(void)domain;
	(void)event;
	(void)detail;
	session->news |= LIBVIRT_NEWS_CHANGED;
	return 0;
}

static void connection_closed(virConnectPtr connection, int reason, void *context)
{
	struct libvirt_session *session = context;

	(void)connection;
	session->is_closed = true;
	session->close_reason = reason;
}

/* Neither is known to every driver; what one has not is simply not heard. */
static void subscribe(struct libvirt_session *session)
{
	session->lifecycle = virConnectDomainEventRegisterAny(
	    session->connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
	    VIR_DOMAIN_EVENT_CALLBACK(guest_changed), session, NULL);
	if (virConnectRegisterCloseCallback(session->connection, connection_closed, session, NULL) <
	    0)
		virResetLastError();
}

int events_open(struct libvirt_session *session, int wake_fd, char why[SNAPSHOT_WHY_BYTES])
{
	session->lifecycle = -1;
	session->timer = virEventAddTimeout(-1, timed_out, session, NULL);
	session->wake_watch =
	    virEventAddHandle(wake_fd, VIR_EVENT_HANDLE_READABLE, woken, session, NULL);
	if (session->timer < 0 || session->wake_watch < 0) {
		events_close(session);
		snprintf(why, SNAPSHOT_WHY_BYTES, "libvirt's event loop takes no more descriptors");
		return -EIO;
	}
	subscribe(session);
	return 0;
}

void events_close(struct libvirt_session *session)
{
	if (session->lifecycle >= 0)
		virConnectDomainEventDeregisterAny(session->connection, session->lifecycle);
	if (virConnectUnregisterCloseCallback(session->connection, connection_closed) < 0)
		virResetLastError();
	if (session->wake_watch >= 0)
		virEventRemoveHandle(session->wake_watch);
	if (session->timer >= 0)
		virEventRemoveTimeout(session->timer);
}

static const char *close_reason_text(int reason)
{
	switch (reason) {
	case VIR_CONNECT_CLOSE_REASON_EOF:
		return "it closed the connection";
	case VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
		return "it has stopped answering";
	default:
		return "the connection broke";
	}
}

unsigned int events_wait(struct libvirt_session *session, int timeout_ms,
			 char why[SNAPSHOT_WHY_BYTES])
{
	session->news = 0;
	session->is_timed_out = false;
	virEventUpdateTimeout(session->timer, timeout_ms);
	while (!session->news && !session->is_timed_out && !session->is_closed)
		if (virEventRunDefaultImpl() < 0)
			session->is_closed = true;
	if (session->is_closed || virConnectIsAlive(session->connection) != 1) {
		snprintf(why, SNAPSHOT_WHY_BYTES, "%s", close_reason_text(session->close_reason));
		return LIBVIRT_NEWS_CLOSED;
	}
	return session->news;
}
