/*
 * What /proc, /sys and /run say of a host. Reading takes a fraction of a millisecond and no locks.
 */
#ifndef INVENTORY_HOST_FACTS_H
#define INVENTORY_HOST_FACTS_H

#include "snapshot.h"

/* Processor time up to a reading, and how much of it was work since the reading before. */
struct host_times {
	uint64_t busy, all; /* ticks since the host started */
	uint32_t busy_permille;
};

/* Each fills its part of a zeroed snapshot; what cannot be read stays 0 or empty. */
void host_memory_read(const char *root, struct snapshot_memory *memory);
void host_limit_read(const char *root, struct snapshot_memory *memory);
void host_cpu_read(const char *root, struct snapshot_cpu *cpu, struct host_times *times);

/* Return: whether libvirt's daemon for guests of the whole host is there. */
bool libvirt_has_socket(const char *root);

#endif
