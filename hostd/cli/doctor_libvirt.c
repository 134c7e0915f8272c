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
#include "inventory/host_facts.h"

#define QEMU_CONF "/etc/libvirt/qemu.conf"

/* Return: whether qemu.conf makes QEMU run as root (quotes and spaces are free there). */
static bool runs_as_root(void)
{
	char line[256], value[64];
	FILE *file = fopen(QEMU_CONF, "re");
	bool is_root = false;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " user = \"%63[^\"]\"", value) == 1)
			is_root = strcmp(value, "root") == 0 || strcmp(value, "+0") == 0 ||
				  strcmp(value, "0") == 0;
	if (file)
		fclose(file);
	return is_root;
}

/* libvirt does not remember that QEMU found no KVM: it asks again before every answer. */
void doctor_kvm_for_libvirt(struct doctor_finding *ret_finding)
{
	struct stat status;

	if (access(QEMU_CONF, F_OK) < 0 && !libvirt_has_socket(""))
		doctor_find(ret_finding, DOCTOR_OK, NULL, "libvirt runs no guests on this host");
	else if (stat("/dev/kvm", &status) < 0)
		doctor_find(ret_finding, DOCTOR_OK, NULL, "there is no /dev/kvm to open (above)");
	else if (!(status.st_mode & 0066) && !runs_as_root())
		doctor_find(
		    ret_finding, DOCTOR_WARN,
		    "chgrp kvm /dev/kvm; chmod 660 /dev/kvm (a udev rule keeps it so), or set "
		    "user = \"root\" and group = \"root\" in " QEMU_CONF " and restart libvirtd",
		    "/dev/kvm is open to its owner only (mode %04o): libvirt's QEMU cannot "
		    "use it, and every question about capabilities takes seconds",
		    status.st_mode & 07777);
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL, "libvirt's QEMU may open /dev/kvm");
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
		    "the memory of %u NUMA cells adds up to %llu MiB, but the host has %llu MiB: "
		    "no "
		    "cell is chosen for a task's memory",
		    memory.cell_count, (unsigned long long)(sum >> 20),
		    (unsigned long long)(memory.total_bytes >> 20));
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL,
			    memory.cell_count > 1
				? "the memory of %u NUMA cells adds up to the host's: each task's "
				  "memory comes from one with room"
				: "the memory of %u NUMA cell is the host's",
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
