/*
 * Starting, watching and restarting the pager.
 */
#include "pager.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "channel.h"
#include "hostd.h"

/* A pager that lived this long may be started again at once; others wait, each time longer. */
#define GOOD_LIFE_MS	    5000
#define RESTART_MS	    250u
#define RESTART_MAX_DOUBLES 6

#define ARGUMENTS_MAX  (16 + 2 * CONFIG_MAX_NODES)
#define ARGUMENT_BYTES 96
/* A host without others still has a pager; it listens where nobody else can reach it. */
#define LISTEN_ALONE "127.0.0.1:0"

struct arguments {
	char *argv[ARGUMENTS_MAX + 1];
	char text[ARGUMENTS_MAX][ARGUMENT_BYTES];
	unsigned int count;
};

__attribute__((format(printf, 2, 3))) static void add_argument(struct arguments *arguments,
							       const char *format, ...)
{
	char *text = arguments->text[arguments->count];
	va_list args;

	va_start(args, format);
	vsnprintf(text, ARGUMENT_BYTES, format, args);
	va_end(args);
	arguments->argv[arguments->count++] = text;
}

static void make_arguments(const struct config *config, struct arguments *arguments)
{
	*arguments =
	    (struct arguments){.argv[0] = (char *)(uintptr_t)config->pager_path, .count = 1};
	add_argument(arguments, "--control");
	add_argument(arguments, "%d", SPAWN_FIRST_FD);
	add_argument(arguments, "--node");
	add_argument(arguments, "%d", (int)config->node);
	add_argument(arguments, "--listen");
	add_argument(arguments, "%s",
		     config->pager_listen.bytes ? config->pager_listen.text : LISTEN_ALONE);
	add_argument(arguments, "--hold-us");
	add_argument(arguments, "%lld", (long long)config->pager_hold_us);
	add_argument(arguments, "--deadline-ms");
	add_argument(arguments, "%lld", (long long)config->pager_deadline_ms);
	for (unsigned int i = 0; i < config->node_count; i++) {
		if (config->nodes[i].node == config->node)
			continue;
		add_argument(arguments, "--peer");
		add_argument(arguments, "%d=%s", config->nodes[i].node,
			     config->nodes[i].pager.text);
	}
}

/* It asks us nothing. */
static void pager_request(struct channel *channel, struct link_message *message)
{
	(void)message;
	channel_close(channel, "it asked something of this daemon");
}

static void pager_closed(struct channel *channel, const char *why)
{
	struct pager *pager = channel->owner;

	(void)why;
	pager->channel = NULL;
	vmms_replace_waiting(&pager->hostd->vmms);
	/* Its exit is what starts the next one. */
	process_kill(&pager->process, SIGKILL);
}

static const struct channel_handlers pager_handlers = {
    .request = pager_request,
    .closed = pager_closed,
};

static void restart_due(struct timer *timer)
{
	struct pager *pager = container_of(timer, struct pager, restart_timer);
	int error;

	if (pager->hostd->is_stopping)
		return;
	error = pager_start(pager);
	if (error)
		log_line(LOG_ERROR, "step=pager err=\"%s cannot be started: %s\"",
			 pager->hostd->config.pager_path, strerror(-error));
	else
		vmms_refill(&pager->hostd->vmms);
}

static void restart_later(struct pager *pager)
{
	unsigned int doubles;
	uint64_t delay_ms;

	if (pager->hostd->is_stopping)
		return;
	if (clock_now_ns() - pager->started_ns >= GOOD_LIFE_MS * NS_PER_MS)
		pager->failures = 0;
	doubles = pager->failures < RESTART_MAX_DOUBLES ? pager->failures : RESTART_MAX_DOUBLES;
	delay_ms = pager->failures ? RESTART_MS << doubles : 0;
	pager->failures++;
	timer_arm(&pager->hostd->loop, &pager->restart_timer, hostd_deadline(delay_ms));
}

static void pager_exited(struct source *source, uint32_t events)
{
	struct pager *pager = container_of(source, struct pager, exited);
	pid_t pid = pager->process.pid;
	char how[128];

	(void)events;
	loop_remove(&pager->hostd->loop, &pager->exited);
	if (process_reap(&pager->process, how, sizeof(how))) {
		loop_add(&pager->hostd->loop, &pager->exited, EPOLLIN);
		return;
	}
	if (!pager->hostd->is_stopping)
		log_line(LOG_ERROR,
			 "pager=%d err=\"it %s; what running tasks share with other "
			 "hosts is lost to them\"",
			 pid, how);
	if (pager->channel)
		channel_close(pager->channel, "its process ended");
	restart_later(pager);
}

static int pager_watch(struct pager *pager, int take_fd)
{
	struct channel_setup setup = {
	    .kind = CHANNEL_PAGER,
	    .link_kind = LINK_PACKET,
	    .handlers = &pager_handlers,
	    .owner = pager,
	};
	int error = channel_new(pager->hostd, take_fd, &setup, &pager->channel,
				"the pager (process %d)", pager->process.pid);

	if (error)
		return error;
	pager->exited = (struct source){.fd = pager->process.pidfd, .ready = pager_exited};
	return loop_add(&pager->hostd->loop, &pager->exited, EPOLLIN);
}

int pager_start(struct pager *pager)
{
	struct arguments arguments;
	int control[2];
	int error = socket_pair(control);

	if (error)
		return error;
	make_arguments(&pager->hostd->config, &arguments);
	pager->started_ns = clock_now_ns();
	error = process_start(&pager->process, arguments.argv, &control[1], 1);
	close(control[1]);
	if (error) {
		close(control[0]);
		restart_later(pager);
		return error;
	}
	error = pager_watch(pager, control[0]);
	if (error)
		pager_done(pager);
	return error;
}

bool pager_is_up(const struct pager *pager)
{
	return pager->channel != NULL;
}

static void introduced(void *context, const struct answer *answer)
{
	struct pager *pager = context;
	char text[MESSAGE_MAX_TEXT];

	if (!answer->result || !pager->channel)
		return;
	log_line(LOG_ERROR, "step=introduce err=\"the pager refused a VMM: %s\"",
		 answer_text(answer, text));
	vmms_replace_waiting(&pager->hostd->vmms);
}

void pager_introduce(struct pager *pager, int fd)
{
	call_start(
	    pager->hostd, pager->channel,
	    &(struct call_setup){
		.type = MESSAGE_pager_vmm,
		.fds = &fd,
		.fd_count = 1,
		.deadline_ns = hostd_deadline((uint64_t)pager->hostd->config.call_deadline_ms),
		.done = introduced,
		.context = pager,
	    });
}

void pager_kill(struct pager *pager)
{
	process_kill(&pager->process, SIGTERM);
}

void pager_init(struct pager *pager, struct hostd *hostd)
{
	*pager = (struct pager){.hostd = hostd, .process.pidfd = -1};
	pager->restart_timer.expired = restart_due;
}

void pager_done(struct pager *pager)
{
	timer_cancel(&pager->hostd->loop, &pager->restart_timer);
	loop_remove(&pager->hostd->loop, &pager->exited);
	process_kill(&pager->process, SIGKILL);
	process_wait(&pager->process);
	if (pager->channel)
		channel_close(pager->channel, "this host stops");
}
