/*
 * What tasks see of this host's CPU, as the daemon measured it.
 */
#include <stdlib.h>

#include "cli.h"
#include "client/norma.h"
#include "doctor.h"

static void judge(const struct norma_cpu_row *row, struct doctor_finding *ret_finding)
{
	if (!row->known)
		doctor_find(ret_finding, DOCTOR_WARN,
			    "look at the daemon's log: no task can be cloned to or from this host",
			    "what tasks see of the CPU could not be measured: %s", row->text);
	else if (!row->applies)
		doctor_find(ret_finding, DOCTOR_OK, NULL,
			    "%s; masking has no effect: this KVM shows tasks all of the CPU, so a "
			    "baseline is an agreement only and hosts must really have the same "
			    "features",
			    row->model);
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL, "%s; features can be masked", row->model);
}

void doctor_cpu(struct doctor_finding *ret_finding)
{
	struct norma_cpu_baseline *baseline;
	int node;

	if (norma_node_self(mach_host_self(), &node) != KERN_SUCCESS ||
	    norma_cpu_baseline(FALSE, &baseline) != KERN_SUCCESS) {
		doctor_find(ret_finding, DOCTOR_WARN, "start norma-hostd first",
			    "without the daemon it is not measured what tasks see of the CPU");
		return;
	}
	for (size_t i = 0; i < baseline->node_count; i++)
		if (baseline->nodes[i].node == node)
			judge(&baseline->nodes[i], ret_finding);
	free(baseline);
}
