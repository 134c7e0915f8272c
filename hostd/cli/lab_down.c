/*
 * norma lab down: ends what is recorded, deletes namespaces and directory. It needs only the name,
 * works on a lab in any condition, and on no lab at all.
 */
#include "lab.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static int stop_processes(const struct lab *lab)
{
	struct lab_process processes[LAB_MAX_HOSTS];
	int count = lab_state_processes(lab, processes);
	int result = 0;

	if (count < 0)
		return count;
	/* All of them first, so that they end at the same time. */
	for (int i = 0; i < count; i++)
		lab_process_ask(&processes[i]);
	for (int i = 0; i < count; i++) {
		int r = lab_process_stop(&processes[i]);

		if (r < 0) {
			cli_error("cannot end norma-hostd of host %u (process %ld): %s.",
				  processes[i].host, (long)processes[i].pid, strerror(-r));
			result = r;
		}
	}
	return result;
}

int lab_down(struct lab *lab)
{
	int loaded = lab_state_load(lab);
	int result = CLI_OK;
	int r;

	if (loaded == -EBADMSG)
		return cli_error("%s is not the directory of a lab; leaving it alone.", lab->dir);
	if (loaded < 0 && loaded != -ENOENT)
		return cli_error("cannot read %s/state: %s.", lab->dir, strerror(-loaded));
	if (loaded == 0 && stop_processes(lab) < 0)
		result = CLI_ERROR;
	r = lab_network_down(lab);
	if (r < 0)
		result = cli_error("namespaces of the lab `%s` are left.", lab->name);
	/* The state is what a second `down` needs, so it goes last and only when all else is gone.
	 */
	if (loaded == 0 && result == CLI_OK) {
		r = lab_state_remove(lab);
		if (r < 0)
			result = cli_error("cannot remove %s: %s.", lab->dir, strerror(-r));
	}
	return result;
}
