/*
 * Whether the daemon of this host answers, and the hosts it knows.
 */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "client/norma.h"

void doctor_daemon(struct doctor_finding *ret_finding)
{
	int node;

	if (norma_connect(NULL) < 0)
		doctor_find(ret_finding, DOCTOR_WARN,
			    "systemctl start norma-hostd, or make hosts with `norma lab up`", "%s",
			    norma_last_error());
	else if (norma_node_self(mach_host_self(), &node) != KERN_SUCCESS)
		doctor_find(ret_finding, DOCTOR_WARN, "look at the daemon's log", "%s",
			    norma_last_error());
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL,
			    "norma-hostd answers; this host is node %d", node);
}

void doctor_hosts(struct doctor_finding *ret_finding)
{
	struct norma_node_row *rows;
	size_t count, down = 0;
	int first_down = -1;

	if (norma_node_list(&rows, &count) != KERN_SUCCESS) {
		doctor_find(ret_finding, DOCTOR_WARN, "start norma-hostd first",
			    "without the daemon the other hosts are not known");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (rows[i].state != NORMA_NODE_DOWN)
			continue;
		if (down++ == 0)
			first_down = rows[i].node;
	}
	free(rows);
	if (down)
		doctor_find(ret_finding, DOCTOR_WARN,
			    "start norma-hostd there, and let its two TCP ports through the "
			    "firewall (see `norma nodes`)",
			    "%zu of %zu hosts do not answer, node %d among them", down, count,
			    first_down);
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL, "%zu in the table, none down", count);
}
