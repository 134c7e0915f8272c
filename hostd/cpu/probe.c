/*
 * The process says all it has to say before it exits, so its exit is the one event to wait for.
 */
#include "cpu/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "hostd.h"

#define PROBE_TIMEOUT_MS 15000 /* 20 ms on a quiet machine */

static int table_decode(struct cpu_probe *probe, const uint8_t *data, size_t bytes)
{
	struct message_header header;
	struct cpu_probe_reply reply;
	int error;

	if (bytes < MESSAGE_HEADER_BYTES || message_header_decode(data, bytes, &header) ||
	    header.type != MESSAGE_cpu_probe || header.bytes != bytes - MESSAGE_HEADER_BYTES ||
	    hostd_decode(probe->hostd, cpu_probe_reply, data + MESSAGE_HEADER_BYTES, header.bytes,
			 &reply))
		return -EBADMSG;
	error = cpu_table_set(&probe->table, reply.leaves, reply.leaves_count);
	if (error)
		return error;
	probe->table.xcr0 = reply.xcr0;
	probe->table.tsc_khz = reply.tsc_khz;
	probe->applies = reply.applies != 0;
	return 0;
}

/* It has exited: its message is there or will never be. */
static int table_receive(struct cpu_probe *probe, const char *how)
{
	uint8_t data[MESSAGE_HEADER_BYTES + 16 + CPU_MAX_LEAVES * sizeof(struct cpu_leaf)];
	ssize_t bytes = recv(probe->fd, data, sizeof(data), MSG_DONTWAIT);
	int error = bytes < 0 ? -errno : 0;

	if (bytes <= 0) {
		snprintf(probe->text, sizeof(probe->text),
			 "the probe guest's VMM %s without an answer; see its lines above", how);
		return error ? error : -EPIPE;
	}
	error = table_decode(probe, data, (size_t)bytes);
	if (error)
		snprintf(probe->text, sizeof(probe->text),
			 "the probe guest's VMM answered something malformed");
	return error;
}

static void probe_exited(struct source *source, uint32_t events)
{
	struct cpu_probe *probe = container_of(source, struct cpu_probe, exited);
	char how[128];
	int error;

	(void)events;
	loop_remove(&probe->hostd->loop, source);
	if (process_reap(&probe->process, how, sizeof(how))) {
		loop_add(&probe->hostd->loop, source, EPOLLIN);
		return;
	}
	timer_cancel(&probe->hostd->loop, &probe->timer);
	error = table_receive(probe, how);
	cleanup_close(&probe->fd);
	probe->fd = -1;
	probe->done(probe, error);
}

/* Its exit follows. */
static void probe_overdue(struct timer *timer)
{
	struct cpu_probe *probe = container_of(timer, struct cpu_probe, timer);

	process_kill(&probe->process, SIGKILL);
}

void cpu_probe_init(struct cpu_probe *probe, struct hostd *hostd)
{
	*probe = (struct cpu_probe){
	    .hostd = hostd,
	    .process.pidfd = -1,
	    .fd = -1,
	    .timer.expired = probe_overdue,
	    .exited.ready = probe_exited,
	};
}

void cpu_probe_done(struct cpu_probe *probe)
{
	if (probe->fd < 0)
		return;
	timer_cancel(&probe->hostd->loop, &probe->timer);
	loop_remove(&probe->hostd->loop, &probe->exited);
	process_kill(&probe->process, SIGKILL);
	process_wait(&probe->process);
	cleanup_close(&probe->fd);
	probe->fd = -1;
}

int cpu_probe_start(struct cpu_probe *probe, const char *clear)
{
	char list[CPU_FEATURES_LIST_BYTES];
	char *argv[] = {
	    probe->hostd->config.vmm_path, "--probe-cpu", "3", "--cpu-clear", list, NULL};
	int sockets[2], error;

	if (probe->fd >= 0)
		return -EBUSY;
	snprintf(list, sizeof(list), "%s", clear);
	error = socket_pair(sockets);
	if (error)
		return error;
	error = process_start(&probe->process, argv, &sockets[1], 1);
	close(sockets[1]);
	if (error) {
		close(sockets[0]);
		return error;
	}
	probe->fd = sockets[0];
	probe->exited.fd = probe->process.pidfd;
	error = loop_add(&probe->hostd->loop, &probe->exited, EPOLLIN);
	if (error)
		cpu_probe_done(probe);
	else
		timer_arm(&probe->hostd->loop, &probe->timer, hostd_deadline(PROBE_TIMEOUT_MS));
	return error;
}
