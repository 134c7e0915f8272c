/*
 * The kill matrix's laboratory: `norma lab` up and down, /proc for what runs.
 */
#include "lab.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static void fail(const char *what, const char *detail)
{
	fprintf(stderr, "kill_matrix: %s: %s\n", what, detail);
	exit(1);
}

static int run_command(const char *const *argv)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO); /* standard output is TAP */
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The process that listens on a Unix socket: the kernel keeps it as the connection's peer. */
static pid_t listener_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {0};
	socklen_t bytes = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes))
		fail("no daemon listens on", path);
	close(fd);
	return peer.pid;
}

int lab_children(pid_t parent, const char *command, pid_t *children, int capacity)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	while (proc && found < capacity && (entry = readdir(proc))) {
		char path[300], name[64] = "", state;
		int ppid = 0;
		FILE *stat;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		stat = atoi(entry->d_name) > 0 ? fopen(path, "re") : NULL;
		if (!stat)
			continue;
		if (fscanf(stat, "%*d (%63[^)]) %c %d", name, &state, &ppid) == 3 &&
		    ppid == parent && !strcmp(name, command) && state != 'Z')
			children[found++] = atoi(entry->d_name);
		fclose(stat);
	}
	if (proc)
		closedir(proc);
	return found;
}

void lab_up(struct lab *lab, const char *norma)
{
	const char *argv[] = {norma,	"lab",	   "up",    "--hosts",	    "2",
			      "--name", lab->name, "--dir", lab->directory, NULL};

	lab->norma = norma;
	snprintf(lab->name, sizeof(lab->name), "kill%d", (int)getpid());
	snprintf(lab->directory, sizeof(lab->directory), "/run/norma/%s", lab->name);
	if (run_command(argv))
		fail("norma lab up failed for", lab->name);
	for (int i = 0; i < LAB_HOSTS; i++) {
		struct lab_host *host = &lab->hosts[i];

		snprintf(host->socket_path, sizeof(host->socket_path), "%s/%d/hostd.sock",
			 lab->directory, i);
		host->hostd = listener_of(host->socket_path);
		if (lab_children(host->hostd, "norma-pager", &host->pager, 1) != 1)
			fail("no pager runs under the daemon of", host->socket_path);
	}
}

bool lab_down(struct lab *lab)
{
	const char *argv[] = {lab->norma, "lab",   "down",	   "--name",
			      lab->name,  "--dir", lab->directory, NULL};
	struct stat file;
	bool is_clean = run_command(argv) == 0;

	for (int i = 0; i < LAB_HOSTS; i++) {
		char path[128];

		snprintf(path, sizeof(path), "/run/netns/norma-%s-%d", lab->name, i);
		is_clean = is_clean && stat(path, &file) != 0;
	}
	return is_clean && stat(lab->directory, &file) != 0;
}

bool lab_wait_gone(const pid_t *processes, int count, int timeout_ms)
{
	uint64_t deadline = clock_now_ns() + (unsigned int)timeout_ms * NS_PER_MS;

	for (int i = 0; i < count; i++) {
		int fd = (int)syscall(SYS_pidfd_open, processes[i], 0);
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		uint64_t now = clock_now_ns();
		int left = now < deadline ? (int)((deadline - now) / NS_PER_MS) : 0;
		int ready;

		if (fd < 0)
			continue; /* gone already */
		ready = poll(&wait, 1, left);
		close(fd);
		if (ready != 1)
			return false;
	}
	return true;
}
