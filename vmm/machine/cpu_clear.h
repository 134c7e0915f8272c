/*
 * Taking features out of the CPUID table that this process gives its vCPUs. The list is text,
 * because it comes on the command line: LEAF.SUBLEAF.REG=BITS[,...], hexadecimal, REG 0 (eax) to 3
 * (edx). Pure.
 */
#ifndef MACHINE_CPU_CLEAR_H
#define MACHINE_CPU_CLEAR_H

#include <stdint.h>
#include <linux/kvm.h>

/* Clear the listed bits in entries[count]; leaves that are not there stay away.
 * Return: 0, or -EINVAL with the table unchanged. */
int cpu_clear_apply(const char *list, struct kvm_cpuid_entry2 *entries, uint32_t count);

#endif
