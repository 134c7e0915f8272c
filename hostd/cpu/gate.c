/*
 * Comparing. The rules are those of the header's table, in its order.
 */
#include "cpu/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TSC_TOLERANCE_PPM     250u
#define CACHE_LINE_MASK	      0xff00u
#define XSAVE_LEAF	      0xdu
#define XSAVE_FIRST_COMPONENT 2u /* x87 and SSE have fixed places */
#define XSAVE_COMPONENTS      63u

struct cpu_identity *cpu_identity_new(void)
{
	struct cpu_identity *identity = calloc(1, sizeof(*identity));

	if (identity)
		identity->references = 1;
	return identity;
}

struct cpu_identity *cpu_identity_get(struct cpu_identity *identity)
{
	identity->references++;
	return identity;
}

void cpu_identity_put(struct cpu_identity *identity)
{
	if (identity && --identity->references == 0)
		free(identity);
}

struct cpu_identity *cpu_identity_join(struct cpu_identity *task, struct cpu_identity *host)
{
	struct cpu_features seen = cpu_table_features(&task->seen);
	struct cpu_identity *joined;

	if (task == host)
		return cpu_identity_get(host);
	joined = cpu_identity_new();
	if (!joined)
		return NULL;
	joined->seen = host->seen;
	cpu_table_add(&joined->seen, &seen);
	joined->promised = cpu_features_either(&task->promised, &host->promised);
	return joined;
}

/* A leaf that is not there counts as zeros. */
static struct cpu_leaf leaf_or_zero(const struct cpu_table *table, uint32_t leaf, uint32_t subleaf)
{
	const struct cpu_leaf *found = cpu_table_leaf(table, leaf, subleaf);

	return found ? *found : (struct cpu_leaf){.leaf = leaf, .subleaf = subleaf};
}

static bool check_vendor(const struct cpu_table *task, const struct cpu_table *host,
			 const char *host_name, char error[MESSAGE_MAX_TEXT])
{
	char wanted[CPU_VENDOR_BYTES], there[CPU_VENDOR_BYTES];

	cpu_table_vendor(task, wanted);
	cpu_table_vendor(host, there);
	if (strcmp(wanted, there) == 0)
		return true;
	snprintf(error, MESSAGE_MAX_TEXT,
		 "the CPU of %s is of vendor %.12s, the task has run on one of vendor %.12s",
		 host_name, there, wanted);
	return false;
}

static bool check_cache_line(const struct cpu_table *task, const struct cpu_table *host,
			     const char *host_name, char error[MESSAGE_MAX_TEXT])
{
	uint32_t wanted = leaf_or_zero(task, 1, 0).ebx & CACHE_LINE_MASK;
	uint32_t there = leaf_or_zero(host, 1, 0).ebx & CACHE_LINE_MASK;

	if (wanted == there)
		return true;
	snprintf(error, MESSAGE_MAX_TEXT,
		 "the cache lines of %s have %u bytes, those of the task's CPU %u", host_name,
		 (there >> 8) * 8, (wanted >> 8) * 8);
	return false;
}

static bool check_features(const struct cpu_identity *task, const struct cpu_identity *host,
			   enum cpu_gate_scope scope, const char *host_name,
			   char error[MESSAGE_MAX_TEXT])
{
	struct cpu_features wanted = cpu_table_features(&task->seen);
	struct cpu_features there = cpu_table_features(&host->seen);
	struct cpu_features missing = cpu_features_without(&wanted, &there);
	struct cpu_features withheld = cpu_features_without(&task->promised, &host->promised);
	char names[120];

	if (!cpu_features_empty(&missing)) {
		snprintf(error, MESSAGE_MAX_TEXT,
			 "the CPU of %s lacks features that the task may use: %s", host_name,
			 cpu_features_print(&missing, names, sizeof(names)));
		return false;
	}
	if (scope == CPU_GATE_SEEN || cpu_features_empty(&withheld))
		return true;
	snprintf(error, MESSAGE_MAX_TEXT,
		 "%s does not offer features that the task may use: %s; `norma cpu-baseline` can "
		 "make hosts alike",
		 host_name, cpu_features_print(&withheld, names, sizeof(names)));
	return false;
}

static bool check_xsave(const struct cpu_table *task, const struct cpu_table *host,
			const char *host_name, char error[MESSAGE_MAX_TEXT])
{
	if (task->xcr0 & ~host->xcr0) {
		snprintf(error, MESSAGE_MAX_TEXT,
			 "%s keeps less vector state (XCR0 0x%llx) than the task may use (0x%llx)",
			 host_name, (unsigned long long)host->xcr0, (unsigned long long)task->xcr0);
		return false;
	}
	for (uint32_t i = XSAVE_FIRST_COMPONENT; i < XSAVE_COMPONENTS; i++) {
		struct cpu_leaf wanted = leaf_or_zero(task, XSAVE_LEAF, i);
		struct cpu_leaf there = leaf_or_zero(host, XSAVE_LEAF, i);

		if (!(task->xcr0 >> i & 1) || (wanted.eax == there.eax && wanted.ebx == there.ebx))
			continue;
		snprintf(error, MESSAGE_MAX_TEXT,
			 "%s keeps vector state %u in %u bytes at %u, the task's CPU in %u at %u",
			 host_name, i, there.eax, there.ebx, wanted.eax, wanted.ebx);
		return false;
	}
	return true;
}

static bool check_tsc(const struct cpu_table *task, const struct cpu_table *host,
		      const char *host_name, char error[MESSAGE_MAX_TEXT])
{
	uint64_t wanted = task->tsc_khz, there = host->tsc_khz;
	uint64_t apart = wanted > there ? wanted - there : there - wanted;

	if (!wanted || !there || apart * 1000000 <= wanted * TSC_TOLERANCE_PPM)
		return true;
	snprintf(error, MESSAGE_MAX_TEXT,
		 "the time stamp counter of %s runs at %llu kHz, the task's at %llu kHz", host_name,
		 (unsigned long long)there, (unsigned long long)wanted);
	return false;
}

bool cpu_gate_check(const struct cpu_identity *task, const struct cpu_identity *host,
		    enum cpu_gate_scope scope, const char *host_name, char error[MESSAGE_MAX_TEXT])
{
	if (task == host)
		return true;
	return check_vendor(&task->seen, &host->seen, host_name, error) &&
	       check_cache_line(&task->seen, &host->seen, host_name, error) &&
	       check_features(task, host, scope, host_name, error) &&
	       check_xsave(&task->seen, &host->seen, host_name, error) &&
	       check_tsc(&task->seen, &host->seen, host_name, error);
}
