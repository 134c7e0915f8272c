/*
 * Intersections.
 */
#include "cpu/baseline_plan.h"

#include <stdio.h>
#include <string.h>

struct cpu_features baseline_common(const struct baseline_node *nodes, unsigned int count)
{
	struct cpu_features common = {0};
	bool is_first = true;

	for (unsigned int i = 0; i < count; i++) {
		if (!nodes[i].is_known)
			continue;
		common = is_first ? nodes[i].native : cpu_features_both(&common, &nodes[i].native);
		is_first = false;
	}
	return common;
}

struct cpu_features baseline_beyond_model(const struct cpu_features *common, const char *features)
{
	struct cpu_features named = cpu_features_of_libvirt(), model = {0};

	for (const char *at = features + strspn(features, " "); *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)length, at);
		cpu_features_add(&model, name); /* one that hosts are not compared by is left out */
		at += length;
	}
	named = cpu_features_both(&named, common);
	return cpu_features_without(&named, &model);
}

bool baseline_one_vendor(const struct baseline_node *nodes, unsigned int count)
{
	char first[CPU_VENDOR_BYTES] = "", vendor[CPU_VENDOR_BYTES];

	for (unsigned int i = 0; i < count; i++) {
		if (!nodes[i].is_known)
			continue;
		cpu_table_vendor(&nodes[i].identity->seen, vendor);
		if (first[0] && strcmp(first, vendor) != 0)
			return false;
		memcpy(first, vendor, sizeof(first));
	}
	return true;
}

struct cpu_identity *baseline_identity(const struct baseline_node *node,
				       const struct cpu_features *common)
{
	struct cpu_identity *identity = cpu_identity_new();
	struct cpu_features seen = cpu_table_features(&node->identity->seen), removed;

	if (!identity)
		return NULL;
	identity->seen = node->identity->seen;
	identity->promised = cpu_features_both(&node->native, common);
	removed = cpu_features_without(&seen, &identity->promised);
	if (node->applies) {
		cpu_table_remove(&identity->seen, &removed);
		/* An earlier, narrower baseline may hide what this one gives back. */
		cpu_table_add(&identity->seen, &identity->promised);
	}
	return identity;
}
