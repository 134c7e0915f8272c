/*
 * A laboratory of two hosts for the kill matrix: brought up and down with the `norma lab` command,
 * with the process numbers of everything that can be killed.
 */
#ifndef KILL_LAB_H
#define KILL_LAB_H

#include <stdbool.h>
#include <sys/types.h>

enum { LAB_HOSTS = 2, LAB_MAX_PROCESSES = 64 };

struct lab_host {
	char socket_path[128];
	pid_t hostd;
	pid_t pager;
};

struct lab {
	const char *norma; /* path of the command */
	char name[32];
	char directory[64];
	struct lab_host hosts[LAB_HOSTS];
};

/* Brings the lab up and finds its processes. Ends the program with a sentence on failure. */
void lab_up(struct lab *lab, const char *norma);
/* Takes it down. Return: whether nothing of it is left: processes, namespaces, directory. */
bool lab_down(struct lab *lab);
/* Lists a process's children with this command name. Return: how many. */
int lab_children(pid_t parent, const char *command, pid_t *children, int capacity);
/* Waits until none of the processes lives. Return: false after timeout_ms. */
bool lab_wait_gone(const pid_t *processes, int count, int timeout_ms);

#endif
