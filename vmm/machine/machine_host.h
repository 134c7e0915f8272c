/*
 * What this host's KVM offers: opened and asked once per process and used for every machine the
 * process makes. Survives fork(), unlike a machine.
 */
#ifndef MACHINE_MACHINE_HOST_H
#define MACHINE_MACHINE_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

#define MACHINE_CPUID_ENTRIES_MAX 256

struct machine_host {
	int kvm_fd;	     /* /dev/kvm, owned */
	int system_image_fd; /* borrowed from the caller; checked */
	size_t run_bytes;    /* size of a vCPU's struct kvm_run mapping */
	size_t xsave_bytes;  /* size of a vCPU's XSAVE state */
	uint8_t
	    *xsave_reset; /* as a thread starts with it; owned, shared by copies of this process */
	uint64_t xcr0;	  /* features this VMM enables for its threads */
	uint32_t slots_max;
	uint32_t vcpus_max;
	int has_exit_on_emulation_failure;
	union {
		struct kvm_cpuid2 head;
		uint8_t bytes[sizeof(struct kvm_cpuid2) +
			      MACHINE_CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2)];
	} cpuid;
};

/* Open /dev/kvm and read its abilities. system_image_fd comes from system_image_create() and must
 * stay open as long as the host is used. On failure *ret_step says in words what failed. Return: 0,
 * -ENOENT/-EACCES without usable KVM, -ENOTSUP if an ability is missing, -EPERM/-EINVAL for a bad
 * system image. */
int machine_host_open(struct machine_host *host, int system_image_fd, const char **ret_step);

/* Close what machine_host_open opened; accepts a failed one. */
void machine_host_close(struct machine_host *host);

#endif
