/*
 * norma lab up: namespaces, configurations and daemons, then waits until every daemon says that it
 * is ready. Whatever fails on the way, nothing of the lab is left.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli.h"

#define READY_TIMEOUT_MS 20000
#define LOG_TAIL_BYTES	 2000

struct starting {
	int pidfd;
	int ready_fd; /* -1 once it is ready */
};

/* In a build tree the programs are not where an installed norma-hostd looks for them. */
static void write_programs(FILE *file)
{
	char vmm[PATH_MAX], pager[PATH_MAX];

	if (lab_program_find("norma-vmm", vmm) && lab_program_find("norma-pager", pager))
		fprintf(file, "\n[programs]\nvmm = %s\npager = %s\n", vmm, pager);
}

static int write_configuration(const struct lab *lab, unsigned int host)
{
	char path[PATH_MAX];
	FILE *file;
	int r;

	snprintf(path, sizeof(path), "%s/%u/hostd.conf", lab->dir, host);
	file = fopen(path, "wxe");
	if (!file)
		return -errno;
	fprintf(file, "[host]\nnode = %u\nrun_dir = %s/%u\nstate_dir = %s/%u\n\n[nodes]\n", host,
		lab->dir, host, lab->dir, host);
	for (unsigned int node = 0; node < lab->hosts; node++)
		fprintf(file, "%u = 10.77.%u.1:%d\n", node, node, LAB_PORT);
	write_programs(file);
	for (int i = 0; i < lab->setting_count; i++)
		if (lab->settings[i].host == host)
			fprintf(file, "\n[%s]\n%s = %s\n", lab->settings[i].section,
				lab->settings[i].key, lab->settings[i].value);
	r = ferror(file) ? -EIO : 0;
	if (fclose(file) != 0 && r == 0)
		r = -errno;
	return r;
}

/* Shows the end of a daemon's log: it knows best why it did not start. */
static void print_log_tail(const struct lab *lab, unsigned int host)
{
	char path[PATH_MAX], text[LOG_TAIL_BYTES];
	_cleanup_close_ int fd = -1;
	ssize_t bytes;

	snprintf(path, sizeof(path), "%s/%u/hostd.log", lab->dir, host);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (lseek(fd, -LOG_TAIL_BYTES, SEEK_END) < 0)
		lseek(fd, 0, SEEK_SET);
	bytes = read(fd, text, sizeof(text));
	if (bytes > 0)
		fprintf(stderr, "Its log ends with:\n%.*s", (int)bytes, text);
}

static int host_failed(const struct lab *lab, unsigned int host, const char *what)
{
	cli_error("norma-hostd of host %u %s.", host, what);
	print_log_tail(lab, host);
	return -EIO;
}

/* Takes what a daemon said. Messages other than READY=1 are news that nobody here needs. */
static bool said_ready(int ready_fd)
{
	char text[512];
	ssize_t bytes = recv(ready_fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (bytes <= 0)
		return false;
	text[bytes] = '\0';
	return strncmp(text, "READY=1", 7) == 0 || strstr(text, "\nREADY=1") != NULL;
}

/*
 * Waits for one event of any daemon, or of the user. Return: 0, -EINTR when a signal asked to give
 * up, -ETIMEDOUT, -EIO when a daemon ended (said why).
 */
static int wait_for_event(const struct lab *lab, struct starting *hosts, int signal_fd,
			  uint64_t deadline_ns)
{
	struct pollfd polls[1 + 2 * LAB_MAX_HOSTS] = {{.fd = signal_fd, .events = POLLIN}};
	uint64_t now = clock_now_ns();

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	for (unsigned int i = 0; i < lab->hosts; i++) {
		polls[1 + 2 * i] = (struct pollfd){.fd = hosts[i].pidfd, .events = POLLIN};
		polls[2 + 2 * i] = (struct pollfd){.fd = hosts[i].ready_fd, .events = POLLIN};
	}
	if (poll(polls, 1 + 2 * lab->hosts, (int)((deadline_ns - now) / NS_PER_MS) + 1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (polls[0].revents)
		return -EINTR;
	for (unsigned int i = 0; i < lab->hosts; i++) {
		if (polls[1 + 2 * i].revents)
			return host_failed(lab, i, "ended before it was ready");
		if (polls[2 + 2 * i].revents && said_ready(hosts[i].ready_fd)) {
			close(hosts[i].ready_fd);
			hosts[i].ready_fd = -1;
		}
	}
	return 0;
}

static int wait_until_ready(const struct lab *lab, struct starting *hosts, int signal_fd)
{
	uint64_t deadline_ns = clock_now_ns() + READY_TIMEOUT_MS * NS_PER_MS;

	for (unsigned int host = 0; host < lab->hosts;) {
		int r = 0;

		if (hosts[host].ready_fd < 0)
			host++;
		else
			r = wait_for_event(lab, hosts, signal_fd, deadline_ns);
		if (r == -ETIMEDOUT)
			return host_failed(lab, host, "did not become ready in 20 s");
		if (r < 0)
			return r;
	}
	return 0;
}

static int start_hosts(const struct lab *lab, int signal_fd)
{
	struct starting hosts[LAB_MAX_HOSTS];
	int r = 0;

	for (unsigned int host = 0; host < LAB_MAX_HOSTS; host++)
		hosts[host] = (struct starting){.pidfd = -1, .ready_fd = -1};
	for (unsigned int host = 0; r == 0 && host < lab->hosts; host++) {
		r = write_configuration(lab, host);
		if (r == 0)
			r = lab_process_start(lab, host, &hosts[host].pidfd, &hosts[host].ready_fd);
		if (r < 0)
			cli_error("cannot start host %u: %s.", host, strerror(-r));
	}
	if (r == 0)
		r = wait_until_ready(lab, hosts, signal_fd);
	for (unsigned int host = 0; host < lab->hosts; host++) {
		cleanup_close(&hosts[host].pidfd);
		cleanup_close(&hosts[host].ready_fd);
	}
	return r;
}

int lab_up(struct lab *lab)
{
	_cleanup_close_ int signal_fd = -1;
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (signal_fd < 0)
		return cli_error("cannot watch for signals: %m.");
	if (lab_network_check() < 0)
		return CLI_ERROR;
	r = lab_state_create(lab);
	if (r == -EEXIST)
		return cli_error("%s exists already: the lab `%s` is up, or was not taken down; "
				 "run `norma lab down --name %s` first.",
				 lab->dir, lab->name, lab->name);
	if (r < 0)
		return cli_error("cannot make the directory %s: %s.", lab->dir, strerror(-r));
	/* From here on an interrupted `up` cleans up: signals wait in signal_fd. */
	sigprocmask(SIG_BLOCK, &signals, NULL);
	r = lab_network_up(lab);
	if (r == 0)
		r = start_hosts(lab, signal_fd);
	if (r == 0) {
		printf("lab `%s`: %u hosts are up in %s\n", lab->name, lab->hosts, lab->dir);
		return CLI_OK;
	}
	lab_down(lab);
	return r == -EINTR ? cli_error("interrupted; the lab is taken down.") : CLI_ERROR;
}
