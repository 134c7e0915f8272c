/*
 * Nothing here looks at the host.
 */
#include "doctor_judge.h"

#include <stdarg.h>
#include <string.h>

void doctor_find(struct doctor_finding *ret_finding, enum doctor_verdict verdict,
		 const char *advice, const char *format, ...)
{
	va_list arguments;

	ret_finding->verdict = verdict;
	ret_finding->advice = advice;
	va_start(arguments, format);
	vsnprintf(ret_finding->text, sizeof(ret_finding->text), format, arguments);
	va_end(arguments);
}

/* Spaces are free there; a number may stand for the name. */
bool doctor_qemu_is_root(FILE *conf)
{
	char line[256], value[64];
	bool is_root = false;

	while (fgets(line, sizeof(line), conf))
		if (sscanf(line, " user = \"%63[^\"]\"", value) == 1)
			is_root = strcmp(value, "root") == 0 || strcmp(value, "+0") == 0 ||
				  strcmp(value, "0") == 0;
	return is_root;
}

/* libvirt's user has no group of root's, but that of KVM. */
static bool kvm_is_open(const struct doctor_libvirt_host *host)
{
	return host->qemu_is_root || (host->kvm_mode & 0006) == 0006 ||
	       ((host->kvm_mode & 0060) == 0060 && host->kvm_group != 0);
}

void doctor_judge_libvirt_kvm(const struct doctor_libvirt_host *host,
			      struct doctor_finding *ret_finding)
{
	if (!host->has_libvirt)
		doctor_find(ret_finding, DOCTOR_OK, NULL, "libvirt runs no guests on this host");
	else if (!host->has_kvm)
		doctor_find(ret_finding, DOCTOR_OK, NULL, "there is no /dev/kvm to open (above)");
	else if (!kvm_is_open(host))
		doctor_find(
		    ret_finding, DOCTOR_WARN,
		    "chgrp kvm /dev/kvm; chmod 660 /dev/kvm (a udev rule keeps it so), or set "
		    "user = \"root\" and group = \"root\" in /etc/libvirt/qemu.conf and restart "
		    "libvirtd",
		    "/dev/kvm is open to root only (mode %04o, group %u): libvirt's QEMU cannot "
		    "use it, and every question about capabilities takes seconds",
		    host->kvm_mode & 07777, host->kvm_group);
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL, "libvirt's QEMU may open /dev/kvm");
}
