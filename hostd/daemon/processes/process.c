/*
 * posix_spawn(3) with everything closed that the child is not meant to have. The descriptors are
 * first moved above the range they will land in, so that none overwrites another.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

int socket_pair(int ret_fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) < 0 ? -errno : 0;
}

static int add_actions(posix_spawn_file_actions_t *actions, const int *fds, size_t fd_count)
{
	int error =
	    posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	for (size_t i = 0; !error && i < fd_count; i++)
		error = posix_spawn_file_actions_adddup2(actions, fds[i], SPAWN_FIRST_FD + (int)i);
	if (!error)
		error = posix_spawn_file_actions_addclosefrom_np(actions,
								 SPAWN_FIRST_FD + (int)fd_count);
	return error;
}

static int spawn(pid_t *ret_pid, char *const argv[], const int *fds, size_t fd_count)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = add_actions(&actions, fds, fd_count);
	if (!error)
		error = posix_spawn(ret_pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

/* Return: 0 with duplicates that are out of the way, -errno. */
static int move_fds_up(const int *fds, size_t fd_count, int *ret_fds)
{
	for (size_t i = 0; i < fd_count; i++) {
		ret_fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, SPAWN_FIRST_FD + SPAWN_MAX_FDS);
		if (ret_fds[i] < 0)
			return -errno;
	}
	return 0;
}

int process_start(struct process *process, char *const argv[], const int *fds, size_t fd_count)
{
	int moved[SPAWN_MAX_FDS] = {-1, -1, -1, -1};
	int error;

	if (fd_count > SPAWN_MAX_FDS)
		return -EINVAL;
	error = move_fds_up(fds, fd_count, moved);
	if (!error)
		error = spawn(&process->pid, argv, moved, fd_count);
	for (size_t i = 0; i < fd_count; i++)
		cleanup_close(&moved[i]);
	if (error) {
		*process = (struct process){.pidfd = -1};
		return error;
	}
	process->pidfd = pidfd_open(process->pid, 0);
	if (process->pidfd < 0) {
		error = -errno;
		kill(process->pid, SIGKILL);
		waitpid(process->pid, NULL, 0);
		*process = (struct process){.pidfd = -1};
	}
	return error;
}

/* Return: what the kernel says of a pidfd, -EBADF. */
static pid_t pidfd_pid(int pidfd)
{
	_cleanup_close_ int fd = -1;
	char path[64], text[512];
	const char *line;
	ssize_t bytes;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	bytes = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (bytes < 0)
		return -errno;
	text[bytes] = '\0';
	line = strstr(text, "\nPid:");
	return line && sscanf(line, "\nPid: %d", &pid) == 1 && pid > 0 ? pid : -EBADF;
}

int process_adopt(struct process *process, int take_pidfd)
{
	_cleanup_close_ int pidfd = take_pidfd;
	siginfo_t info = {0};
	pid_t pid;

	*process = (struct process){.pidfd = -1};
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return -errno;
	pid = pidfd_pid(pidfd);
	if (pid < 0)
		return pid;
	*process = (struct process){.pid = pid, .pidfd = take_fd(&pidfd)};
	return 0;
}

int process_take_orphans(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? -errno : 0;
}

pid_t process_next_ended(void)
{
	siginfo_t info = {0};

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return 0;
	return info.si_pid;
}

void process_kill(const struct process *process, int signal)
{
	if (process->pidfd >= 0)
		pidfd_send_signal(process->pidfd, signal, NULL, 0);
}

int process_reap(struct process *process, char *cause, size_t cause_bytes)
{
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) < 0)
		snprintf(cause, cause_bytes, "ended in an unknown way: %s", strerror(errno));
	else if (info.si_pid == 0)
		return -EAGAIN;
	else if (info.si_code == CLD_EXITED)
		snprintf(cause, cause_bytes, "exited with status %d", info.si_status);
	else
		snprintf(cause, cause_bytes, "died by signal %d (%s)", info.si_status,
			 strsignal(info.si_status));
	close(process->pidfd);
	*process = (struct process){.pidfd = -1};
	return 0;
}

void process_wait(struct process *process)
{
	if (process->pidfd < 0)
		return;
	waitid(P_PIDFD, (id_t)process->pidfd, &(siginfo_t){0}, WEXITED);
	close(process->pidfd);
	*process = (struct process){.pidfd = -1};
}
