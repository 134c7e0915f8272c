/*
 * Standing in for a task's terminal: its output comes here, standard input goes there.
 */
#ifndef CLI_ATTACH_H
#define CLI_ATTACH_H

#include <mach/mach.h>

enum attach_role {
	/* Ctrl-C, SIGTERM and SIGHUP terminate the task; so does output that nobody reads any more.
	 */
	ATTACH_OWNER,
	/* They end only this program, the end of its input is not the task's, and it holds nothing
	   up. */
	ATTACH_VISITOR,
};

/* To be called before the task runs, so that no signal finds its default action in between. */
void attach_prepare(enum attach_role role);

/*
 * Carries input and output until the task ends, on the connection of the calling thread.
 * Return: the exit status of the program, or what cli.h says after a sentence.
 */
int attach_follow(task_t task, enum attach_role role);
#endif
