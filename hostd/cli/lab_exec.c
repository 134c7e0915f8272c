/*
 * norma lab exec K -- COMMAND: runs a command on a host of the lab, that is in its network and with
 * NORMA_SOCKET naming its daemon.
 */
#include "lab.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* `norma` means this program, also when it is not installed. */
static void add_self_to_path(void)
{
	const char *old = getenv("PATH");
	char self[PATH_MAX], path[2 * PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int wanted;

	if (length <= 0)
		return;
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	wanted = snprintf(path, sizeof(path), "%s:%s", self, old ? old : "/usr/bin:/bin");
	if (wanted > 0 && (size_t)wanted < sizeof(path))
		setenv("PATH", path, 1);
}

int lab_exec(struct lab *lab, unsigned int host, char **command)
{
	char path[PATH_MAX];
	int r = lab_state_load(lab);

	if (r < 0)
		return cli_error("there is no lab `%s` in %s; make one with `norma lab up`.",
				 lab->name, lab->dir);
	if (host >= lab->hosts)
		return cli_error("the lab `%s` has no host %u: its hosts are 0 to %u.", lab->name,
				 host, lab->hosts - 1);
	r = lab_network_enter(lab, host);
	if (r < 0)
		return cli_error("cannot enter the network of host %u: %s.", host, strerror(-r));
	snprintf(path, sizeof(path), "%s/%u/hostd.sock", lab->dir, host);
	setenv("NORMA_SOCKET", path, 1);
	add_self_to_path();
	signal(SIGPIPE, SIG_DFL);
	execvp(command[0], command);
	return cli_error("cannot run %s: %m.", command[0]);
}
