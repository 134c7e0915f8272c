/*
 * accept4(2) until EAGAIN.
 */
#include "listener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "hostd.h"

#define PAUSE_MS	200
#define ACCEPTS_AT_ONCE 16

static void pause_over(struct timer *timer)
{
	struct listener *listener = container_of(timer, struct listener, pause_timer);

	loop_change(&listener->hostd->loop, &listener->source, EPOLLIN);
}

static void listener_pause(struct listener *listener, int error)
{
	log_line(LOG_WARNING, "step=accept listener=\"%s\" err=\"%s, pausing for %d ms\"",
		 listener->name, strerror(error), PAUSE_MS);
	loop_change(&listener->hostd->loop, &listener->source, 0);
	timer_arm(&listener->hostd->loop, &listener->pause_timer, hostd_deadline(PAUSE_MS));
}

/* Errors of the connection itself (it went away again) are no reason to pause. */
static void listener_ready(struct source *source, uint32_t events)
{
	struct listener *listener = container_of(source, struct listener, source);

	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE && listener->source.fd >= 0; i++) {
		int fd = accept4(listener->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			listener->accepted(listener->hostd, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			listener_pause(listener, errno);
		return;
	}
}

void listener_init(struct listener *listener, struct hostd *hostd, const char *name,
		   void (*accepted)(struct hostd *hostd, int take_fd))
{
	*listener = (struct listener){
	    .hostd = hostd,
	    .name = name,
	    .accepted = accepted,
	    .source = {.fd = -1, .ready = listener_ready},
	    .pause_timer.expired = pause_over,
	};
}

int listener_open(struct listener *listener, int take_fd)
{
	int error;

	listener->source.fd = take_fd;
	error = loop_add(&listener->hostd->loop, &listener->source, EPOLLIN);
	if (error)
		listener_close(listener);
	return error;
}

void listener_close(struct listener *listener)
{
	timer_cancel(&listener->hostd->loop, &listener->pause_timer);
	loop_remove(&listener->hostd->loop, &listener->source);
	if (listener->source.fd >= 0)
		close(listener->source.fd);
	listener->source.fd = -1;
}
