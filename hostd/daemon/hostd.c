/*
 * Putting the parts together, and taking them apart.
 */
#include "hostd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "channel.h"
#include "clients.h"
#include "terminate.h"

#define BACKLOG	       64
#define HELPER_STOP_MS 3000

uint64_t hostd_deadline(uint64_t ms)
{
	return clock_now_ns() + ms * NS_PER_MS;
}

bool hostd_is_own_node(const struct hostd *hostd, int node)
{
	return node == hostd->config.node;
}

bool hostd_knows_process(const struct hostd *hostd, pid_t pid)
{
	return pid == hostd->pager.process.pid || pid == hostd->zygote.process.pid ||
	       pid == hostd->cpu.probe.process.pid || vmms_know(&hostd->vmms, pid);
}

/* One that is known has its own watcher; behind it the next signal of a child goes on. */
void hostd_reap_strangers(struct hostd *hostd)
{
	pid_t pid;

	if (!hostd->reaps_strangers || hostd->vmms.ordered_count)
		return;
	while ((pid = process_next_ended()) > 0 && !hostd_knows_process(hostd, pid))
		waitpid(pid, NULL, WNOHANG);
}

/* Return: a listening TCP socket, -errno. */
static int listen_on(const struct address *address)
{
	_cleanup_close_ int fd =
	    socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, &address->any, address->bytes) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return take_fd(&fd);
}

static int open_clients(struct hostd *hostd, char error[CONFIG_ERROR_BYTES])
{
	int fd;

	/* An existing one is as good; that it cannot be made shows when the socket is bound. */
	mkdir(hostd->config.run_dir, 0755);
	fd = clients_listen(hostd->config.socket_path, error);
	if (fd < 0)
		return fd;
	return listener_open(&hostd->clients, fd);
}

static int open_hosts(struct hostd *hostd, char error[CONFIG_ERROR_BYTES])
{
	const struct address *address = &hostd->config.listen;
	int fd;

	if (!address->bytes)
		return 0;
	fd = listen_on(address);
	if (fd < 0) {
		snprintf(error, CONFIG_ERROR_BYTES, "cannot listen on %s for other hosts: %s",
			 address->text, strerror(-fd));
		return fd;
	}
	return listener_open(&hostd->hosts, fd);
}

static int start_pager(struct hostd *hostd, char error[CONFIG_ERROR_BYTES])
{
	int result = helper_start(&hostd->pager);

	if (result)
		snprintf(error, CONFIG_ERROR_BYTES, "%.255s cannot be started: %s",
			 hostd->config.pager_path, strerror(-result));
	return result;
}

static int start_inventory(struct hostd *hostd, char error[CONFIG_ERROR_BYTES])
{
	struct inventory_setup setup = {
	    .libvirt = hostd->config.libvirt,
	    .module_path = hostd->config.libvirt_path,
	    .counts_children = hostd->config.memory_bytes != 0,
	    .root = hostd->config.facts_root,
	};
	int result = inventory_new(&setup, &hostd->inventory);

	if (result)
		snprintf(error, CONFIG_ERROR_BYTES, "this host cannot take stock of itself: %s",
			 strerror(-result));
	return result;
}

/* Without it the daemon still answers, and says of each new task why there is none. */
static void start_zygote(struct hostd *hostd)
{
	int error = helper_start(&hostd->zygote);

	if (error)
		log_line(LOG_ERROR, "step=zygote err=\"%s cannot be started: %s\"",
			 hostd->config.vmm_path, strerror(-error));
}

static void helpers_overdue(struct timer *timer)
{
	struct hostd *hostd = container_of(timer, struct hostd, stop_timer);

	process_kill(&hostd->pager.process, SIGKILL);
	process_kill(&hostd->zygote.process, SIGKILL);
}

static int hostd_init(struct hostd *hostd, char error[CONFIG_ERROR_BYTES])
{
	int result = loop_init(&hostd->loop);

	LIST_INIT(&hostd->channels);
	listener_init(&hostd->clients, hostd, "clients", clients_accepted);
	listener_init(&hostd->hosts, hostd, "hosts", peers_accepted);
	vmm_set_init(&hostd->vmms, hostd);
	helper_init(&hostd->pager, &pager_kind, hostd);
	helper_init(&hostd->zygote, &zygote_kind, hostd);
	host_cpu_init(&hostd->cpu, hostd);
	peers_init(&hostd->peers, hostd);
	hostd->stop_timer.expired = helpers_overdue;
	if (!result)
		result = task_table_init(&hostd->tasks, hostd, (int)hostd->config.node);
	snprintf(error, CONFIG_ERROR_BYTES, "this daemon cannot start: %s", strerror(-result));
	return result;
}

int hostd_new(const struct config *config, struct hostd **ret_hostd, char error[CONFIG_ERROR_BYTES])
{
	struct hostd *hostd = calloc(1, sizeof(*hostd));
	int result;

	if (!hostd)
		return -ENOMEM;
	hostd->config = *config;
	result = hostd_init(hostd, error);
	if (!result)
		result = host_cpu_start(&hostd->cpu, error);
	if (!result)
		result = open_hosts(hostd, error);
	if (!result)
		result = start_inventory(hostd, error);
	if (!result)
		result = start_pager(hostd, error);
	/* Last: whoever sees the socket can use it. */
	if (!result)
		result = open_clients(hostd, error);
	if (result) {
		hostd_free(hostd);
		return result;
	}
	start_zygote(hostd);
	vmms_refill(&hostd->vmms);
	*ret_hostd = hostd;
	return 0;
}

/* The socket's file is ours only once we listen on it. */
static void close_listeners(struct hostd *hostd)
{
	if (hostd->clients.source.fd >= 0)
		unlink(hostd->config.socket_path);
	listener_close(&hostd->clients);
	listener_close(&hostd->hosts);
}

void hostd_stop(struct hostd *hostd)
{
	struct task *task;

	if (hostd->is_stopping)
		return;
	hostd->is_stopping = true;
	close_listeners(hostd);
	TAILQ_FOREACH (task, &hostd->tasks.live, entry)
		task_end(task, "this host stops");
	vmms_replace_waiting(&hostd->vmms);
	peers_done(&hostd->peers);
	pager_kill(&hostd->pager);
	zygote_stop(&hostd->zygote);
	timer_arm(&hostd->loop, &hostd->stop_timer, hostd_deadline(HELPER_STOP_MS));
}

bool hostd_is_stopped(const struct hostd *hostd)
{
	return hostd->is_stopping && hostd->vmms.taken_count == 0 && !hostd->pager.process.pid &&
	       !hostd->zygote.process.pid && hostd->calls.count == 0;
}

void hostd_free(struct hostd *hostd)
{
	struct channel *channel;

	if (!hostd)
		return;
	hostd->is_stopping = true;
	close_listeners(hostd);
	peers_done(&hostd->peers);
	helper_done(&hostd->pager);
	helper_done(&hostd->zygote);
	host_cpu_done(&hostd->cpu);
	vmm_set_done(&hostd->vmms);
	while ((channel = LIST_FIRST(&hostd->channels)))
		channel_close(channel, "this host stops");
	calls_drop(hostd);
	task_table_done(&hostd->tasks);
	inventory_free(hostd->inventory);
	loop_done(&hostd->loop);
	free(hostd);
}
