/*
 * What several hosts' CPUs have in common, and who could exchange tasks then. Pure.
 */
#ifndef CPU_BASELINE_PLAN_H
#define CPU_BASELINE_PLAN_H

#include <stdbool.h>

#include "cpu/gate.h"

struct baseline_node {
	int node;
	bool is_known; /* it answered; otherwise `text` says why not */
	bool applies;  /* KVM shows tasks the table that it is given */
	bool has_baseline;
	struct cpu_features native;
	struct cpu_identity *identity; /* as its tasks are now; owned */
	char *libvirt_cpu;	       /* of libvirt's host model; owned, or NULL */
	char text[MESSAGE_MAX_TEXT];
};

/* Return: the features of all known nodes; none when no node is known. */
struct cpu_features baseline_common(const struct baseline_node *nodes, unsigned int count);

/*
 * features: of a CPU that libvirt says all can be, by its names, with a space between. Return:
 * those of `common` that it lacks; a feature that libvirt has no name for is not one of them.
 */
struct cpu_features baseline_beyond_model(const struct cpu_features *common, const char *features);

/* Return: true when all known nodes are of one vendor. */
bool baseline_one_vendor(const struct baseline_node *nodes, unsigned int count);

/*
 * Return: a new identity: what tasks of the node are once the baseline is applied. Where KVM does
 * not apply its table they go on seeing everything. NULL without memory.
 */
struct cpu_identity *baseline_identity(const struct baseline_node *node,
				       const struct cpu_features *common);

#endif
