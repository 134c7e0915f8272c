/*
 * norma lab status: the hosts of a lab and whether their daemons run.
 */
#include "lab.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"

int lab_status(struct lab *lab)
{
	struct lab_process processes[LAB_MAX_HOSTS];
	int count, r = lab_state_load(lab);
	int result = CLI_OK;

	if (r < 0)
		return cli_error("there is no lab `%s` in %s: %s.", lab->name, lab->dir,
				 strerror(-r));
	count = lab_state_processes(lab, processes);
	if (count < 0)
		return cli_error("cannot read %s/state: %s.", lab->dir, strerror(-count));
	printf("lab `%s`, %u hosts, %s\n", lab->name, lab->hosts, lab->dir);
	for (int i = 0; i < count; i++) {
		bool is_alive = lab_process_is_alive(&processes[i]);

		printf("host %-2u  %-4s  process %-7ld  10.77.%u.1  %s/%u/hostd.sock\n",
		       processes[i].host, is_alive ? "up" : "down", (long)processes[i].pid,
		       processes[i].host, lab->dir, processes[i].host);
		if (!is_alive)
			result = CLI_ERROR;
	}
	return count == (int)lab->hosts ? result : CLI_ERROR;
}
