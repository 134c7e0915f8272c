/*
 * What a program really sees of the CPU: a guest whose CPL-3 code executes cpuid for every leaf,
 * and xgetbv. Not every KVM applies the table that it is given (KVM-PVM does not intercept cpuid in
 * CPL 3), so the table alone proves nothing.
 */
#ifndef MACHINE_CPU_PROBE_H
#define MACHINE_CPU_PROBE_H

#include <stdint.h>

#include "machine_host.h"

#define CPU_PROBE_LEAVES_MAX 128

struct cpu_probe_leaf {
	uint32_t leaf, subleaf, eax, ebx, ecx, edx;
};

struct cpu_probe {
	int applies; /* a bit that was taken out of the table is not seen */
	uint64_t xcr0;
	uint32_t tsc_khz; /* 0: KVM does not say */
	uint32_t count;
	struct cpu_probe_leaf leaves[CPU_PROBE_LEAVES_MAX];
};

/* Make a machine with the host's table, run the guest and end it. The host's table is changed for
 * a moment: nobody else may use the host meanwhile. Return: 0, or -errno with *ret_step naming the
 * step that failed. */
int cpu_probe_run(struct machine_host *host, struct cpu_probe *ret_probe, const char **ret_step);

#endif
