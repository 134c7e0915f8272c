/*
 * The traps around libvirt and NUMA. None of them keeps tasks from running: libvirt only tells what
 * else the host has to do, and cells where memory is near.
 */
#include "doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/norma.h"
#include "doctor_judge.h"
#include "inventory/host_facts.h"

#define QEMU_CONF "/etc/libvirt/qemu.conf"

/* libvirt does not remember that QEMU found no KVM: it asks again before every answer. */
void doctor_kvm_for_libvirt(struct doctor_finding *ret_finding)
{
	struct doctor_libvirt_host host = {
	    .has_libvirt = access(QEMU_CONF, F_OK) == 0 || libvirt_has_socket(""),
	};
	FILE *file = fopen(QEMU_CONF, "re");
	struct stat status;

	if (file) {
		host.qemu_is_root = doctor_qemu_is_root(file);
		fclose(file);
	}
	host.has_kvm = stat("/dev/kvm", &status) == 0;
	if (host.has_kvm) {
		host.kvm_mode = status.st_mode;
		host.kvm_group = status.st_gid;
	}
	doctor_judge_libvirt_kvm(&host, ret_finding);
}

void doctor_cells(struct doctor_finding *ret_finding)
{
	struct snapshot_memory memory = {0};
	uint64_t sum = 0;

	host_memory_read("", &memory);
	for (uint32_t i = 0; i < memory.cell_count; i++)
		sum += memory.cells[i].memory_bytes;
	if (!memory.cell_count)
		doctor_find(ret_finding, DOCTOR_OK, NULL, "the kernel tells of no cells");
	else if (!memory.cells_add_up)
		doctor_find(
		    ret_finding, DOCTOR_WARN,
		    "trust MemAvailable (norma does), not the cells' figures, and of libvirt "
		    "`virsh nodememstats`, not `virsh freecell` or `virsh nodeinfo`",
		    "by the kernel's figures for its NUMA cells (%u) the host has %llu MiB, by "
		    "/proc/meminfo %llu MiB: no cell is chosen for a task's memory",
		    memory.cell_count, (unsigned long long)(sum >> 20),
		    (unsigned long long)(memory.total_bytes >> 20));
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL,
			    memory.cell_count > 1
				? "the memory of %u NUMA cells adds up to the host's: each task's "
				  "memory comes from one with room"
				: "the memory of its %u NUMA cell is the host's",
			    memory.cell_count);
}

static void find_of_row(struct doctor_finding *ret_finding, const struct norma_node_row *row)
{
	if (row->libvirt == NORMA_LIBVIRT_UP)
		doctor_find(ret_finding, DOCTOR_OK, NULL, "%s answers; it runs %u guests here",
			    row->libvirt_why, row->guests);
	else if (row->libvirt == NORMA_LIBVIRT_OFF)
		doctor_find(ret_finding, DOCTOR_OK, NULL,
			    "switched off in the configuration: its guests are not counted");
	else if (row->libvirt == NORMA_LIBVIRT_ABSENT)
		doctor_find(ret_finding, DOCTOR_OK, NULL, "not used: %s", row->libvirt_why);
	else if (!libvirt_has_socket(""))
		doctor_find(
		    ret_finding, DOCTOR_OK, NULL,
		    "libvirt's daemon is not there (no socket in /run/libvirt); if this host "
		    "has guests, start it: systemctl start libvirtd, or `libvirtd -d`");
	else
		doctor_find(
		    ret_finding, DOCTOR_WARN,
		    "systemctl restart libvirtd, or set `libvirt = off` in hostd.ini: until "
		    "then its guests' memory is not counted",
		    "libvirt does not answer norma-hostd: %s", row->libvirt_why);
}

void doctor_libvirt(struct doctor_finding *ret_finding)
{
	struct norma_node_row *rows;
	size_t count;

	if (norma_node_list(&rows, &count) != KERN_SUCCESS) {
		doctor_find(ret_finding, DOCTOR_WARN, "start norma-hostd first",
			    "without the daemon it is not known whether libvirt answers it");
		return;
	}
	for (size_t i = 0; i < count; i++)
		if (rows[i].state == NORMA_NODE_SELF)
			find_of_row(ret_finding, &rows[i]);
	free(rows);
}
