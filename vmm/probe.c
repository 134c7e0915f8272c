/*
 * The message and the steps to it.
 */
#include "probe.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cpu_clear.h"
#include "cpu_probe.h"
#include "link/link.h"
#include "message/message.h"
#include "system_image.h"
#include "vcpu.h"

static_assert(CPU_PROBE_LEAVES_MAX == CPU_MAX_LEAVES, "what is probed fits into the message");

static int probe_host(const char *cpu_clear, struct cpu_probe *probe, const char **ret_step)
{
	_cleanup_close_ int image_fd = -1;
	static struct machine_host host;
	int error;

	*ret_step = "preparing the probe guest";
	error = vcpu_signals_install();
	if (error)
		return error;
	image_fd = system_image_create();
	if (image_fd < 0)
		return image_fd;
	error = machine_host_open(&host, image_fd, ret_step);
	if (error)
		return error;
	*ret_step = "reading --cpu-clear";
	error = cpu_clear_apply(cpu_clear ? cpu_clear : "", host.cpuid.head.entries,
				host.cpuid.head.nent);
	if (!error)
		error = cpu_probe_run(&host, probe, ret_step);
	machine_host_close(&host);
	return error;
}

static int probe_send(int take_fd, const struct cpu_probe *probe)
{
	static uint8_t payload[MESSAGE_MAX_PAYLOAD];
	struct cpu_leaf leaves[CPU_MAX_LEAVES];
	struct cpu_probe_reply reply = {
	    .applies = (uint32_t)probe->applies,
	    .xcr0 = probe->xcr0,
	    .tsc_khz = probe->tsc_khz,
	    .leaves = leaves,
	    .leaves_count = probe->count,
	};
	struct message_header header = {.type = MESSAGE_cpu_probe, .flags = MESSAGE_REPLY};
	struct wire_writer writer;
	struct link link;
	int error;

	for (uint32_t i = 0; i < probe->count; i++) {
		const struct cpu_probe_leaf *from = &probe->leaves[i];

		leaves[i] = (struct cpu_leaf){from->leaf, from->subleaf, from->eax,
					      from->ebx,  from->ecx,	 from->edx};
	}
	wire_writer_init(&writer, payload, sizeof(payload));
	cpu_probe_reply_encode(&writer, &reply);
	if (writer.error)
		return writer.error;
	error = link_init(&link, take_fd, LINK_PACKET);
	if (!error)
		error = link_send(&link, &header, payload, writer.used, NULL, 0);
	link_done(&link);
	return error;
}

int probe_main(int take_fd, const char *cpu_clear)
{
	static struct cpu_probe probe;
	const char *step;
	int error = probe_host(cpu_clear, &probe, &step);

	if (error) {
		close(take_fd);
	} else {
		step = "telling norma-hostd what the probe guest saw";
		error = probe_send(take_fd, &probe);
	}
	if (error)
		log_line(LOG_ERROR, "%s failed: %s", step, strerror(-error));
	return error ? 1 : 0;
}
