/*
 * What `cpuid` and `xgetbv` answered to a program in a guest of one host, as a value. Comes from a
 * probe guest or from another host; found by leaf. Pure.
 */
#ifndef CPU_TABLE_H
#define CPU_TABLE_H

#include <stdint.h>

#include "cpu/feature_set.h"
#include "message/message.h"

#define CPU_VENDOR_BYTES 13
#define CPU_BRAND_BYTES	 49

struct cpu_table {
	uint64_t xcr0;
	uint32_t tsc_khz; /* 0: not known */
	uint32_t leaf_count;
	struct cpu_leaf leaves[CPU_MAX_LEAVES]; /* [leaf_count] */
};

/* Copies a decoded list. Return: 0, -EINVAL when it is empty, too long or names a leaf twice. */
int cpu_table_set(struct cpu_table *table, const struct cpu_leaf *leaves, uint32_t leaf_count);

/* Return: the leaf, or NULL when it was not there. */
const struct cpu_leaf *cpu_table_leaf(const struct cpu_table *table, uint32_t leaf,
				      uint32_t subleaf);
uint32_t cpu_leaf_register(const struct cpu_leaf *leaf, enum cpu_register reg);

/* Return: the feature bits that programs may depend on. */
struct cpu_features cpu_table_features(const struct cpu_table *table);
/* Adds feature bits to it (a program that sees two tables may use both). */
void cpu_table_add(struct cpu_table *table, const struct cpu_features *features);

/* Takes feature bits out of it, as a KVM that applies its table would. */
void cpu_table_remove(struct cpu_table *table, const struct cpu_features *features);

/* "AuthenticAMD", "AMD EPYC 7763 64-Core Processor"; empty when it does not say. */
void cpu_table_vendor(const struct cpu_table *table, char vendor[CPU_VENDOR_BYTES]);
void cpu_table_brand(const struct cpu_table *table, char brand[CPU_BRAND_BYTES]);

#endif
