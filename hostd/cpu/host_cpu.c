/*
 * Measuring takes one probe for what there is and, when something is to be taken out, a second one
 * for what is seen then.
 */
#include "cpu/host_cpu.h"

#include <errno.h>
#include <mach/kern_return.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cpu/baseline_file.h"
#include "hostd.h"

void host_cpu_init(struct host_cpu *cpu, struct hostd *hostd)
{
	*cpu = (struct host_cpu){.hostd = hostd};
	cpu_probe_init(&cpu->probe, hostd);
}

void host_cpu_done(struct host_cpu *cpu)
{
	cpu_probe_done(&cpu->probe);
	cpu_identity_put(cpu->identity);
	cpu->identity = NULL;
}

static struct cpu_features promised_features(const struct host_cpu *cpu)
{
	return cpu->has_baseline ? cpu_features_both(&cpu->native, &cpu->baseline) : cpu->native;
}

/* What a VMM has to leave out so that a task sees no more than it is promised. */
static struct cpu_features features_to_clear(const struct host_cpu *cpu)
{
	struct cpu_features there = cpu_table_features(&cpu->native_table);
	struct cpu_features promised = promised_features(cpu);

	return cpu_features_without(&there, &promised);
}

static void measuring_ended(struct host_cpu *cpu, int error)
{
	host_cpu_done_fn changed = cpu->changed;

	cpu->is_measuring = false;
	cpu->changed = NULL;
	if (error)
		log_line(LOG_WARNING, "step=cpu err=\"%s\"", cpu->text);
	if (changed)
		changed(cpu->context, error, cpu->text);
}

static void log_identity(const struct host_cpu *cpu)
{
	struct cpu_features cleared = features_to_clear(cpu);
	char brand[CPU_BRAND_BYTES], names[160];

	cpu_table_brand(&cpu->native_table, brand);
	log_line(LOG_INFO, "step=cpu model=\"%s\" masking=%s baseline=%s withheld=\"%s\"", brand,
		 cpu->applies ? "works" : "has-no-effect", cpu->has_baseline ? "yes" : "no",
		 cpu_features_print(&cleared, names, sizeof(names)));
}

/* From now on tasks are shown this. VMMs that wait were made with another table. */
static void identity_set(struct host_cpu *cpu, const struct cpu_table *seen, const char *clear)
{
	struct cpu_identity *identity = cpu_identity_new();

	if (!identity) {
		snprintf(cpu->text, sizeof(cpu->text), "this host is out of memory");
		measuring_ended(cpu, -ENOMEM);
		return;
	}
	identity->seen = *seen;
	identity->promised = promised_features(cpu);
	cpu_identity_put(cpu->identity);
	cpu->identity = identity;
	if (strcmp(cpu->clear, clear) != 0) {
		snprintf(cpu->clear, sizeof(cpu->clear), "%s", clear);
		vmms_replace_waiting(&cpu->hostd->vmms);
	}
	log_identity(cpu);
	measuring_ended(cpu, 0);
}

static void probe_failed(struct host_cpu *cpu, int error)
{
	if (!cpu->probe.text[0])
		snprintf(cpu->probe.text, sizeof(cpu->probe.text),
			 "a probe guest cannot be started: %s", strerror(-error));
	snprintf(cpu->text, sizeof(cpu->text), "%s", cpu->probe.text);
	measuring_ended(cpu, error);
}

static void probe_begin(struct host_cpu *cpu, const char *clear,
			void (*done)(struct cpu_probe *probe, int error))
{
	int error;

	cpu->is_measuring = true;
	cpu->probe.done = done;
	cpu->probe.text[0] = 0;
	error = cpu_probe_start(&cpu->probe, clear);
	if (error)
		probe_failed(cpu, error);
}

static void masked_probed(struct cpu_probe *probe, int error)
{
	struct host_cpu *cpu = container_of(probe, struct host_cpu, probe);
	struct cpu_features cleared = features_to_clear(cpu);
	char clear[CPU_FEATURES_LIST_BYTES];

	cpu_features_write(&cleared, clear);
	if (error)
		probe_failed(cpu, error);
	else
		identity_set(cpu, &probe->table, clear);
}

/* The native table is known. */
static void measure_seen(struct host_cpu *cpu)
{
	struct cpu_features cleared = features_to_clear(cpu);
	char clear[CPU_FEATURES_LIST_BYTES];

	cpu_features_write(&cleared, clear);
	if (cpu_features_empty(&cleared))
		identity_set(cpu, &cpu->native_table, "");
	else
		probe_begin(cpu, clear, masked_probed);
}

static void native_probed(struct cpu_probe *probe, int error)
{
	struct host_cpu *cpu = container_of(probe, struct host_cpu, probe);
	struct cpu_features there;

	if (error) {
		probe_failed(cpu, error);
		return;
	}
	cpu->native_table = probe->table;
	cpu->applies = probe->applies;
	cpu->has_native = true;
	there = cpu_table_features(&cpu->native_table);
	cpu->native = cpu_features_without(&there, &cpu->hostd->config.cpu_hidden);
	measure_seen(cpu);
}

int host_cpu_start(struct host_cpu *cpu, char error[MESSAGE_MAX_TEXT])
{
	int result = baseline_file_read(&cpu->hostd->config, &cpu->baseline, error);

	if (result && result != -ENOENT)
		return result;
	cpu->has_baseline = !result;
	probe_begin(cpu, "", native_probed);
	while (cpu->is_measuring)
		loop_run_once(&cpu->hostd->loop, -1);
	return 0;
}

int host_cpu_set_baseline(struct host_cpu *cpu, const struct cpu_features *baseline,
			  host_cpu_done_fn done, void *context, char error[MESSAGE_MAX_TEXT])
{
	int result;

	if (cpu->is_measuring || !cpu->has_native) {
		snprintf(error, MESSAGE_MAX_TEXT, "%s",
			 cpu->is_measuring ? "another baseline is being applied; try again"
					   : cpu->text);
		return cpu->is_measuring ? -EBUSY : -ENODEV;
	}
	result = baseline_file_write(&cpu->hostd->config, baseline, error);
	if (result)
		return result;
	cpu->has_baseline = true;
	cpu->baseline = *baseline;
	cpu->changed = done;
	cpu->context = context;
	measure_seen(cpu);
	return 0;
}

/* A task that came from elsewhere has to be comparable. */
static int32_t admit_unknown(const struct hostd *hostd, const struct cpu_claim *claim,
			     struct cpu_identity **ret_identity, char error[MESSAGE_MAX_TEXT])
{
	const char *why = hostd->cpu.text[0] ? hostd->cpu.text : "it was not measured";

	if (claim->is_child && claim->scope == CPU_GATE_ALL) {
		if (hostd->cpu.identity)
			why = "the parent's host does not know its own CPU";
		snprintf(error, MESSAGE_MAX_TEXT,
			 "node %d cannot compare its CPU with the parent's: %.160s",
			 (int)hostd->config.node, why);
		return KERN_FAILURE;
	}
	*ret_identity = claim->cpu ? cpu_identity_get(claim->cpu) : NULL;
	return KERN_SUCCESS;
}

int32_t host_cpu_admit(struct hostd *hostd, const struct cpu_claim *claim,
		       struct cpu_identity **ret_identity, char error[MESSAGE_MAX_TEXT])
{
	struct cpu_identity *here = hostd->cpu.identity;
	char name[16];

	if (here && !claim->is_child) {
		*ret_identity = cpu_identity_get(here);
		return KERN_SUCCESS;
	}
	if (!here || !claim->cpu)
		return admit_unknown(hostd, claim, ret_identity, error);
	snprintf(name, sizeof(name), "node %d", (int)hostd->config.node);
	if (!cpu_gate_check(claim->cpu, here, claim->scope, name, error))
		return KERN_FAILURE;
	*ret_identity = cpu_identity_join(claim->cpu, here);
	if (*ret_identity)
		return KERN_SUCCESS;
	snprintf(error, MESSAGE_MAX_TEXT, "%s is out of memory", name);
	return KERN_RESOURCE_SHORTAGE;
}
