/*
 * Whether libvirt's daemon is there to be asked, without libvirt.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "host_facts.h"

/* One daemon for everything, or one for each driver. */
static const char *const sockets[] = {"/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock"};

bool libvirt_has_socket(const char *root)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		int length = snprintf(path, sizeof(path), "%s%s", root, sockets[i]);

		if (length < (int)sizeof(path) && access(path, F_OK) == 0)
			return true;
	}
	return false;
}
