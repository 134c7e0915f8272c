/*
 * Verdicts of `norma doctor` on hosts, apart from looking at this one.
 */
#ifndef CLI_DOCTOR_JUDGE_H
#define CLI_DOCTOR_JUDGE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "doctor.h"

struct doctor_libvirt_host {
	bool has_libvirt; /* its configuration or its daemon is there */
	bool has_kvm;
	mode_t kvm_mode; /* of /dev/kvm */
	gid_t kvm_group;
	bool qemu_is_root; /* what libvirt starts may open it whatever its mode */
};

/* Return: whether a qemu.conf makes QEMU run as root. The last line that says who counts. */
bool doctor_qemu_is_root(FILE *conf);

/* May QEMU use KVM when libvirt asks it what it can do? */
void doctor_judge_libvirt_kvm(const struct doctor_libvirt_host *host,
			      struct doctor_finding *ret_finding);

#endif
