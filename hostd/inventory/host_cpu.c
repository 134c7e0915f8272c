/*
 * Processors: how many, which, and how busy.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "host_facts.h"
#include "sources.h"

#define BUSY_LEAST_TICKS 50 /* of 10 ms, of all processors together */

/* What follows "NAME<tab>: " in a line of cpuinfo; cut at the target's end. */
static void take_value(const char *line, const char *name, char *text, size_t capacity)
{
	size_t length = strlen(name);
	const char *colon = strchr(line, ':');

	if (text[0] || strncmp(line, name, length) || !colon ||
	    (line[length] != '\t' && line[length] != ' ' && line[length] != ':'))
		return;
	colon += 1 + strspn(colon + 1, " ");
	snprintf(text, capacity, "%.*s", (int)strcspn(colon, "\n"), colon);
}

/* Of the first processor: hosts with processors that differ have no one answer. */
static void read_identity(const char *root, struct snapshot_cpu *cpu)
{
	FILE *file = source_open(root, "proc/cpuinfo");
	_cleanup_free_ char *line = NULL;
	size_t allocated = 0;

	while (file && getline(&line, &allocated, file) > 1) {
		take_value(line, "vendor_id", cpu->vendor, sizeof(cpu->vendor));
		take_value(line, "model name", cpu->model, sizeof(cpu->model));
		take_value(line, "flags", cpu->flags, sizeof(cpu->flags));
	}
	if (file)
		fclose(file);
}

/* The first line of /proc/stat: user nice system idle iowait irq softirq steal, in ticks. */
static void read_busy(const char *root, struct snapshot_cpu *cpu, struct host_times *times)
{
	uint64_t ticks[8] = {0}, all = 0, idle;
	char line[512];

	if (source_line(line, sizeof(line), root, "proc/stat") ||
	    sscanf(line,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64,
		   &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6],
		   &ticks[7]) < 4)
		return;
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++)
		all += ticks[i];
	idle = ticks[3] + ticks[4];
	cpu->busy_permille = times->busy_permille;
	/* Readings may follow each other at once: a few ticks say nothing. */
	if (all < times->all + BUSY_LEAST_TICKS)
		return;
	/* The kernel's idle counters may step back a little. */
	if (all - idle >= times->busy)
		cpu->busy_permille =
		    (uint32_t)((all - idle - times->busy) * 1000 / (all - times->all));
	if (cpu->busy_permille > 1000)
		cpu->busy_permille = 1000;
	*times = (struct host_times){all - idle, all, cpu->busy_permille};
}

void host_cpu_read(const char *root, struct snapshot_cpu *cpu, struct host_times *times)
{
	unsigned int whole, hundredths;
	char line[4096];

	read_identity(root, cpu);
	if (source_line(line, sizeof(line), root, "sys/devices/system/cpu/online") == 0)
		cpu->online = source_list_count(line);
	if (source_line(line, sizeof(line), root, "proc/loadavg") == 0 &&
	    sscanf(line, "%u.%2u", &whole, &hundredths) == 2)
		cpu->load_hundredths = whole * 100 + hundredths;
	read_busy(root, cpu, times);
}
