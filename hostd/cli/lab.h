/*
 * A lab: hosts made out of network namespaces of one machine, joined by a bridge in a namespace of
 * its own, each with its own norma-hostd.
 *
 *   namespaces  norma-NAME-hub (bridge), norma-NAME-K (host K, address 10.77.K.1/16)
 *   directory   DIR/state           what runs, written before it runs; `down` needs nothing else
 *               DIR/K/hostd.{conf,sock,log}
 *
 * Nothing of a lab outlives `lab down`, however `lab up` or the hosts ended.
 */
#ifndef CLI_LAB_H
#define CLI_LAB_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LAB_MAX_HOSTS	   32u
#define LAB_MAX_NAME	   24u
#define LAB_DEFAULT_NAME   "lab"
#define LAB_PARENT_DIR	   "/run/norma"
#define LAB_NAMESPACES_DIR "/run/netns"
#define LAB_MAX_SETTINGS   32
#define LAB_PORT	   7600 /* norma-hostd; the pager is at the next one */

/* A key of one host's configuration (`up` only). */
struct lab_setting {
	unsigned int host;
	char section[16], key[32];
	const char *value;
};

struct lab {
	char name[LAB_MAX_NAME + 1];
	char dir[PATH_MAX / 2];
	unsigned int hosts;
	struct lab_setting settings[LAB_MAX_SETTINGS];
	int setting_count;
};

/* A process, told apart from a later one with the same number by when it began. */
struct lab_process {
	unsigned int host;
	pid_t pid;
	uint64_t start_ticks; /* /proc/PID/stat, field 22 */
};

/* lab_state.c. Return: 0 or -errno. */
int lab_state_create(struct lab *lab);
/* Reads how many hosts the lab has. -ENOENT: no such lab; -EBADMSG: not a lab's directory. */
int lab_state_load(struct lab *lab);
int lab_state_add_process(const struct lab *lab, const struct lab_process *process);
/* Return: how many processes were recorded (at most LAB_MAX_HOSTS), or -errno. */
int lab_state_processes(const struct lab *lab, struct lab_process *processes);
/* Removes the lab's directory and everything in it. */
int lab_state_remove(const struct lab *lab);

/* lab_network.c. Return: 0, or -errno after a sentence on standard error. */
/* Says why namespaces cannot be made here, if that is so. */
int lab_network_check(void);
int lab_network_up(const struct lab *lab);
/* Deletes every namespace that a lab of this name has. */
int lab_network_down(const struct lab *lab);
/* Moves the calling process into the network namespace of a host. */
int lab_network_enter(const struct lab *lab, unsigned int host);

/* lab_programs.c */
/* Finds a program of this build or installation. Return: whether there is one. */
bool lab_program_find(const char *name, char path[PATH_MAX]);
/* The daemon to start: NORMA_HOSTD, or else the one beside us, or else a name for execvp. */
void lab_program_hostd(char path[PATH_MAX]);

/* lab_process.c */
/*
 * Starts a host's norma-hostd and records it. *ret_pidfd becomes readable when it ends, the other
 * end of *ret_ready_fd gets READY=1 (sd_notify) when it answers.
 */
int lab_process_start(const struct lab *lab, unsigned int host, int *ret_pidfd, int *ret_ready_fd);
bool lab_process_is_alive(const struct lab_process *process);
/* Asks it to end. Nothing happens when it has ended already. */
void lab_process_ask(const struct lab_process *process);
/* Asks it to end, insists after a few seconds, and waits until it is gone. */
int lab_process_stop(const struct lab_process *process);

/* lab_up.c, lab_down.c, ... : the subcommands, options already read. Return: an exit status. */
int lab_up(struct lab *lab);
int lab_down(struct lab *lab);
int lab_exec(struct lab *lab, unsigned int host, char **command);
int lab_status(struct lab *lab);
#endif
