/*
 * Starts programs of our own: exactly the given descriptors, a clean signal state, and a pidfd to
 * watch and end them by. The child sets PR_SET_PDEATHSIG itself.
 */
#ifndef DAEMON_PROCESS_H
#define DAEMON_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#define SPAWN_FIRST_FD 3
#define SPAWN_MAX_FDS  4

struct process {
	pid_t pid; /* 0: none */
	int pidfd; /* -1: none */
};

/*
 * Starts argv[0]. fds[i] (borrowed) becomes descriptor SPAWN_FIRST_FD + i of the child, standard
 * input is /dev/null, standard output and error are ours, nothing else is open.
 * Return: 0, -errno.
 */
int process_start(struct process *process, char *const argv[], const int *fds, size_t fd_count);

/*
 * A process that another one forked for us: `take_pidfd` (closed on failure) came from there, so it
 * is checked. We must be its parent by now: made with CLONE_PARENT by a child of ours, or left to
 * us by its parent's end (process_take_orphans). Return: 0, -ECHILD when it is not our child,
 * -EBADF when that is no pidfd.
 */
int process_adopt(struct process *process, int take_pidfd);

/* Processes whose parent ends become ours, not init's. Return: 0, -errno. */
int process_take_orphans(void);

/* Return: a child that has ended and is not reaped, 0 when there is none. */
pid_t process_next_ended(void);

void process_kill(const struct process *process, int signal);

/*
 * Takes the exit status of a process whose pidfd is readable and closes the pidfd. `cause` becomes
 * "died by signal 9 (Killed)" or "exited with status 1". Return: 0, -EAGAIN when it still runs.
 */
int process_reap(struct process *process, char *cause, size_t cause_bytes);

/* Waits for the end of a process that was killed (bounded by the kernel). Accepts none. */
void process_wait(struct process *process);

/* A pair of connected packet sockets. Return: 0, -errno. */
int socket_pair(int ret_fds[2]);

#endif
