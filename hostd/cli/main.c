/*
 * norma: runs, lists and clones tasks, checks a host, and makes hosts out of network namespaces.
 */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct cli_command commands[] = {
    {"run", "[--node N|auto] [--env K=V] [--detach] [--hold] IMAGE [ARGUMENTS]",
     "Starts a program as a task and stays attached to it.", cli_run},
    {"ps", "[--json]", "Lists the tasks of all hosts.", cli_ps},
    {"nodes", "[--wide] [--json]", "Lists the hosts and what they have.", cli_nodes},
    {"regions", "[--json] TASK", "Lists the memory of a task with its attributes.", cli_regions},
    {"inherit", "TASK ADDRESS SIZE share|copy|none",
     "Says what children made later get of a range of memory.", cli_inherit},
    {"clone", "TASK --node N|auto", "Makes a child that shares all of the task's memory.",
     cli_clone},
    {"create", "TASK --node N|auto", "Makes a child that gets what inheritance says.", cli_create},
    {"console", "TASK", "Attaches to the input and output of a task.", cli_console},
    {"exceptions", "TASK [--resume]",
     "Waits for a thread that is held at an exception and shows it.", cli_exceptions},
    {"kill", "TASK...", "Terminates tasks.", cli_kill},
    {"cpu-baseline", "[--apply]",
     "Says what the CPUs of all hosts have in common, and makes them promise just that.",
     cli_cpu_baseline},
    {"doctor", "[--json]", "Says whether this host can run tasks, and what to do.", cli_doctor},
    {"lab", "up|exec|status|down", "Makes hosts out of network namespaces.", cli_lab, true},
    {0},
};

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("norma " NORMA_VERSION "\n");
		return CLI_OK;
	}
	/* A reader that went away is an error of write(2), not the end of this program. */
	signal(SIGPIPE, SIG_IGN);
	return cli_dispatch(commands, "norma", argc - 1, argv + 1);
}
