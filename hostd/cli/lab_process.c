/*
 * A lab's norma-hostd processes: started so that none is ever unrecorded, ended only after it is
 * certain that the number still means the process that was recorded.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"

#define STOP_TIMEOUT_MS 10000 /* norma-hostd itself gives up after 8 s */

/* Field 22 of /proc/PID/stat; field 2 is a name in parentheses that may contain anything. */
static int read_start_ticks(pid_t pid, uint64_t *ret_ticks)
{
	char path[64], text[1024];
	_cleanup_close_ int fd = -1;
	unsigned long long ticks;
	const char *at;
	ssize_t bytes;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	bytes = read(fd, text, sizeof(text) - 1);
	if (bytes <= 0)
		return -ESRCH;
	text[bytes] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %llu", &ticks) != 1)
		return -EBADMSG;
	*ret_ticks = ticks;
	return 0;
}

/* Return: a pidfd of exactly this process, -ESRCH when it is gone. */
static int open_process(const struct lab_process *process)
{
	_cleanup_close_ int pidfd = pidfd_open(process->pid, 0);
	uint64_t ticks;

	if (pidfd < 0)
		return -errno;
	if (read_start_ticks(process->pid, &ticks) < 0 || ticks != process->start_ticks)
		return -ESRCH;
	return take_fd(&pidfd);
}

/* Return: whether the process ended within timeout_ms. */
static bool has_ended(int pidfd, int timeout_ms)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	int r;

	do {
		r = poll(&ended, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

bool lab_process_is_alive(const struct lab_process *process)
{
	_cleanup_close_ int pidfd = open_process(process);

	return pidfd >= 0 && !has_ended(pidfd, 0);
}

void lab_process_ask(const struct lab_process *process)
{
	_cleanup_close_ int pidfd = open_process(process);

	if (pidfd >= 0)
		pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
}

int lab_process_stop(const struct lab_process *process)
{
	_cleanup_close_ int pidfd = open_process(process);

	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : pidfd;
	if (pidfd_send_signal(pidfd, SIGTERM, NULL, 0) < 0 && errno != ESRCH)
		return -errno;
	if (!has_ended(pidfd, STOP_TIMEOUT_MS)) {
		cli_error("norma-hostd of host %u (process %ld) did not end by itself; killing it.",
			  process->host, (long)process->pid);
		if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
			return -errno;
		if (!has_ended(pidfd, STOP_TIMEOUT_MS))
			return -ETIMEDOUT;
	}
	/* Only `lab up` that failed is its parent; for others there is nothing to reap. */
	waitpid(process->pid, NULL, WNOHANG);
	return 0;
}

/* Where the daemon says that it is ready (sd_notify); a path, as namespaces do not share names. */
static int open_ready_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* In the new process: becomes norma-hostd once the parent has written down who it is. */
static _Noreturn void become_daemon(const struct lab *lab, unsigned int host, int go_fd)
{
	char daemon[PATH_MAX], text[PATH_MAX];
	sigset_t none;
	int log;

	if (read(go_fd, text, 1) != 1)
		_exit(1);
	lab_program_hostd(daemon);
	setsid();
	snprintf(text, sizeof(text), "%s/%u/hostd.log", lab->dir, host);
	log = open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(1);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	if (lab_network_enter(lab, host) < 0) {
		fprintf(stderr, "cannot enter the network namespace: %m\n");
		_exit(1);
	}
	/* `lab up` ignores and blocks some signals, which exec would hand on. */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(text, sizeof(text), "%s/%u/ready", lab->dir, host);
	setenv("NOTIFY_SOCKET", text, 1);
	snprintf(text, sizeof(text), "%s/%u/hostd.conf", lab->dir, host);
	execlp(daemon, "norma-hostd", "--config", text, NULL);
	fprintf(stderr, "cannot run %s: %m\n", daemon);
	_exit(127);
}

int lab_process_start(const struct lab *lab, unsigned int host, int *ret_pidfd, int *ret_ready_fd)
{
	struct lab_process process = {.host = host};
	_cleanup_close_ int pidfd = -1, ready = -1, go_read = -1, go_write = -1;
	char path[PATH_MAX];
	int go[2], r;

	snprintf(path, sizeof(path), "%s/%u/ready", lab->dir, host);
	ready = open_ready_socket(path);
	if (ready < 0)
		return ready;
	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	go_read = go[0];
	go_write = go[1];
	process.pid = fork();
	if (process.pid < 0)
		return -errno;
	if (process.pid == 0) {
		close(go_write);
		become_daemon(lab, host, go_read);
	}
	pidfd = pidfd_open(process.pid, 0);
	if (pidfd < 0)
		return -errno;
	r = read_start_ticks(process.pid, &process.start_ticks);
	if (r == 0)
		r = lab_state_add_process(lab, &process);
	if (r == 0 && write(go_write, "g", 1) != 1)
		r = -errno;
	if (r < 0)
		return r;
	*ret_pidfd = take_fd(&pidfd);
	*ret_ready_fd = take_fd(&ready);
	return 0;
}
