/*
 * The guests that libvirt runs on this host and what they hold, and its figures of memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

#define KIB		       1024ull
#define MEMORY_FIGURES	       16
#define VERSION_PARTS(version) (version) / 1000000, (version) / 1000 % 1000, (version) % 1000

/* What the guest's process holds now; 0 when the driver does not say. */
static uint64_t resident_bytes(virDomainPtr domain)
{
	virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
	int count = virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);

	for (int i = 0; i < count; i++)
		if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_RSS)
			return stats[i].val * KIB;
	return 0;
}

/* Return: the one NUMA cell that the guest's memory comes from; -1: several, or any. */
static int only_cell(virDomainPtr domain)
{
	virTypedParameterPtr parameters;
	const char *cells = NULL;
	int count = 0, cell = -1;
	char behind;

	if (virDomainGetNumaParameters(domain, NULL, &count, 0) < 0 || count <= 0)
		return -1;
	parameters = calloc((size_t)count, sizeof(*parameters));
	if (!parameters)
		return -1;
	if (virDomainGetNumaParameters(domain, parameters, &count, 0) < 0)
		count = 0;
	if (virTypedParamsGetString(parameters, count, VIR_DOMAIN_NUMA_NODESET, &cells) != 1 ||
	    sscanf(cells, "%d%c", &cell, &behind) != 1)
		cell = -1;
	virTypedParamsFree(parameters, count);
	return cell;
}

/* A guest that ends between the listing and the question is not counted. */
static void add_guest(virDomainPtr domain, struct libvirt_guests *guests)
{
	virDomainInfo info;
	uint64_t resident;
	int cell;

	if (virDomainGetInfo(domain, &info) < 0)
		return;
	resident = resident_bytes(domain);
	guests->count++;
	guests->cpus += info.nrVirtCpu;
	guests->memory_bytes += info.maxMem * KIB;
	guests->resident_bytes += resident;
	cell = only_cell(domain);
	if (cell >= 0 && cell < SNAPSHOT_MAX_CELLS && info.maxMem * KIB > resident)
		guests->bound_growth_bytes[cell] += info.maxMem * KIB - resident;
}

static int collect_guests(struct libvirt_session *session, struct libvirt_guests *guests,
			  char why[SNAPSHOT_WHY_BYTES])
{
	virDomainPtr *domains = NULL;
	int count = virConnectListAllDomains(session->connection, &domains,
					     VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	if (count < 0)
		return session_error("its guests cannot be listed", why);
	for (int i = 0; i < count; i++) {
		add_guest(domains[i], guests);
		virDomainFree(domains[i]);
	}
	free(domains);
	return 0;
}

/* Of all cells together: virNodeGetFreeMemory counts the cells' own figures, which some virtual
 * machines get wrong (snapshot_memory.cells_add_up). */
static void collect_memory(struct libvirt_session *session, struct snapshot_libvirt *facts)
{
	virNodeMemoryStats stats[MEMORY_FIGURES];
	int count = MEMORY_FIGURES;

	if (virNodeGetMemoryStats(session->connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats,
				  &count, 0) < 0)
		count = 0;
	for (int i = 0; i < count && i < MEMORY_FIGURES; i++) {
		if (!strcmp(stats[i].field, VIR_NODE_MEMORY_STATS_TOTAL))
			facts->memory_bytes = stats[i].value * KIB;
		else if (!strcmp(stats[i].field, VIR_NODE_MEMORY_STATS_FREE))
			facts->free_bytes = stats[i].value * KIB;
	}
}

/* "libvirt 9.0.0, QEMU 7.2.22" */
static void describe(struct libvirt_session *session, char why[SNAPSHOT_WHY_BYTES])
{
	const char *driver = virConnectGetType(session->connection);
	unsigned long library = 0, hypervisor = 0;
	int used;

	virConnectGetLibVersion(session->connection, &library);
	used = snprintf(why, SNAPSHOT_WHY_BYTES, "libvirt %lu.%lu.%lu", VERSION_PARTS(library));
	if (used > 0 && virConnectGetVersion(session->connection, &hypervisor) == 0)
		snprintf(why + used, SNAPSHOT_WHY_BYTES - (size_t)used, ", %s %lu.%lu.%lu",
			 driver ? driver : "?", VERSION_PARTS(hypervisor));
}

int session_collect(struct libvirt_session *session, struct snapshot_libvirt *ret_facts,
		    char why[SNAPSHOT_WHY_BYTES])
{
	struct snapshot_libvirt facts = {.state = LIBVIRT_UP};
	int result = collect_guests(session, &facts.guests, why);

	if (result)
		return result;
	collect_memory(session, &facts);
	describe(session, facts.why);
	*ret_facts = facts;
	return 0;
}
