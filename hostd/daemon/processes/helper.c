/*
 * Starting, watching and restarting helpers.
 */
#include "helper.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "hostd.h"

/* One that lived this long may be started again at once; others wait, each time longer. */
#define GOOD_LIFE_MS	    5000
#define RESTART_MS	    250u
#define RESTART_MAX_DOUBLES 6

void helper_argument(struct helper_arguments *arguments, const char *format, ...)
{
	char *text = arguments->text[arguments->count];
	va_list args;

	va_start(args, format);
	vsnprintf(text, HELPER_ARGUMENT_BYTES, format, args);
	va_end(args);
	arguments->argv[arguments->count++] = text;
}

/* It asks us nothing. */
static void helper_request(struct channel *channel, struct link_message *message)
{
	(void)message;
	channel_close(channel, "it asked something of this daemon");
}

static void helper_closed(struct channel *channel, const char *why)
{
	struct helper *helper = channel->owner;

	(void)why;
	helper->channel = NULL;
	if (helper->kind->lost)
		helper->kind->lost(helper->hostd);
	/* Its exit is what starts the next one. */
	process_kill(&helper->process, SIGKILL);
}

static const struct channel_handlers helper_handlers = {
    .request = helper_request,
    .closed = helper_closed,
};

static void restart_due(struct timer *timer)
{
	struct helper *helper = container_of(timer, struct helper, restart_timer);
	int error;

	if (helper->hostd->is_stopping)
		return;
	error = helper_start(helper);
	if (error)
		log_line(LOG_ERROR, "step=%s err=\"%s cannot be started: %s\"", helper->kind->name,
			 helper->kind->program(&helper->hostd->config), strerror(-error));
	else if (helper->kind->restarted)
		helper->kind->restarted(helper->hostd);
}

static void restart_later(struct helper *helper)
{
	unsigned int doubles;
	uint64_t delay_ms;

	if (helper->hostd->is_stopping)
		return;
	if (clock_now_ns() - helper->started_ns >= GOOD_LIFE_MS * NS_PER_MS)
		helper->failures = 0;
	doubles = helper->failures < RESTART_MAX_DOUBLES ? helper->failures : RESTART_MAX_DOUBLES;
	delay_ms = helper->failures ? RESTART_MS << doubles : 0;
	helper->failures++;
	timer_arm(&helper->hostd->loop, &helper->restart_timer, hostd_deadline(delay_ms));
}

static void helper_exited(struct source *source, uint32_t events)
{
	struct helper *helper = container_of(source, struct helper, exited);
	pid_t pid = helper->process.pid;
	char how[128];

	(void)events;
	loop_remove(&helper->hostd->loop, &helper->exited);
	if (process_reap(&helper->process, how, sizeof(how))) {
		loop_add(&helper->hostd->loop, &helper->exited, EPOLLIN);
		return;
	}
	if (!helper->hostd->is_stopping)
		log_line(LOG_ERROR, "%s=%d err=\"it %s; %s\"", helper->kind->name, pid, how,
			 helper->kind->loss);
	if (helper->channel) {
		channel_drain(helper->channel);
		if (helper->channel)
			channel_close(helper->channel, "its process ended");
	}
	restart_later(helper);
}

static int helper_watch(struct helper *helper, int take_fd)
{
	struct channel_setup setup = {
	    .kind = helper->kind->channel_kind,
	    .link_kind = LINK_PACKET,
	    .handlers = &helper_handlers,
	    .owner = helper,
	};
	int error = channel_new(helper->hostd, take_fd, &setup, &helper->channel,
				"the %s (process %d)", helper->kind->name, helper->process.pid);

	if (error)
		return error;
	helper->exited = (struct source){.fd = helper->process.pidfd, .ready = helper_exited};
	return loop_add(&helper->hostd->loop, &helper->exited, EPOLLIN);
}

static int start_process(struct helper *helper, int take_socket_fd)
{
	struct helper_arguments arguments = {.count = 1};
	int error;

	arguments.argv[0] = (char *)(uintptr_t)helper->kind->program(&helper->hostd->config);
	helper->kind->arguments(&helper->hostd->config, &arguments);
	error = process_start(&helper->process, arguments.argv, &take_socket_fd, 1);
	close(take_socket_fd);
	return error;
}

int helper_start(struct helper *helper)
{
	int control[2];
	int error = socket_pair(control);

	helper->started_ns = clock_now_ns();
	if (!error) {
		error = start_process(helper, control[1]);
		if (error)
			close(control[0]);
	}
	helper->start_error = error;
	if (error) {
		restart_later(helper);
		return error;
	}
	error = helper_watch(helper, control[0]);
	if (error)
		helper_done(helper);
	return error;
}

bool helper_is_up(const struct helper *helper)
{
	return helper->channel != NULL;
}

void helper_init(struct helper *helper, const struct helper_kind *kind, struct hostd *hostd)
{
	*helper = (struct helper){.hostd = hostd, .kind = kind, .process.pidfd = -1};
	helper->restart_timer.expired = restart_due;
}

void helper_done(struct helper *helper)
{
	timer_cancel(&helper->hostd->loop, &helper->restart_timer);
	loop_remove(&helper->hostd->loop, &helper->exited);
	process_kill(&helper->process, SIGKILL);
	process_wait(&helper->process);
	if (helper->channel)
		channel_close(helper->channel, "this host stops");
}
