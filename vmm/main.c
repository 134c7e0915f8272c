/*
 * norma-vmm: one process, one task. Started by norma-hostd with open sockets; everything else is in
 * task/.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "probe.h"
#include "task.h"

static const char usage[] =
    "usage: norma-vmm --control FD --pager FD [--system FD] [--cpu-clear LIST]\n"
    "       norma-vmm --probe-cpu FD [--cpu-clear LIST]\n"
    "\n"
    "Carries one task. norma-hostd starts it; people use `norma`.\n"
    "\n"
    "  --control FD  connected SOCK_SEQPACKET socket to norma-hostd\n"
    "  --pager FD    connected SOCK_SEQPACKET socket to norma-pager\n"
    "  --system FD   sealed memfd with the system area that all tasks of a host share\n"
    "  --cpu-clear LIST  CPUID bits that tasks are not shown: LEAF.SUBLEAF.REG=BITS,... in hex\n"
    "  --probe-cpu FD    only say, on this socket, what a task sees of the CPU\n"
    "  --version     print the version\n"
    "  --help        print this\n";

__attribute__((format(printf, 1, 2), noreturn)) static void die_usage(const char *format, ...)
{
	va_list arguments;

	fputs("norma-vmm: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("; norma-hostd starts this program, people use `norma` (see --help)\n", stderr);
	exit(2);
}

/* A descriptor that the parent opened for us; from here on no child of ours gets it. */
static int descriptor_parse(const char *option, const char *text)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(text, &end, 10);
	if (errno || *end || end == text || fd < 0 || fd > 1 << 20)
		die_usage("--%s %s is not a descriptor number", option, text);
	if (fcntl((int)fd, F_SETFD, FD_CLOEXEC))
		die_usage("--%s %ld is not open: %s", option, fd, strerror(errno));
	return (int)fd;
}

static void socket_check(const char *option, int fd)
{
	int type;
	socklen_t bytes = sizeof(type);

	if (fd < 0)
		die_usage("--%s is missing", option);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes))
		die_usage("--%s %d is not a socket: %s", option, fd, strerror(errno));
	if (type != SOCK_SEQPACKET)
		die_usage("--%s %d is not a SOCK_SEQPACKET socket", option, fd);
}

/* What the command line asks for: a task, or with probe_fd a look at the CPU. */
struct main_options {
	struct task_options task;
	int probe_fd; /* -1: none */
};

static struct main_options options_parse(int argc, char **argv)
{
	static const struct option names[] = {
	    {"control", required_argument, NULL, 'c'},
	    {"pager", required_argument, NULL, 'p'},
	    {"system", required_argument, NULL, 's'},
	    {"version", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {"cpu-clear", required_argument, NULL, 'x'},
	    {"probe-cpu", required_argument, NULL, 'q'},
	    {NULL, 0, NULL, 0},
	};
	struct main_options all = {
	    .task = {.control_fd = -1, .pager_fd = -1, .system_fd = -1},
	    .probe_fd = -1,
	};
	struct task_options *options = &all.task;
	int name;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (name) {
		case 'c':
			options->control_fd = descriptor_parse("control", optarg);
			break;
		case 'p':
			options->pager_fd = descriptor_parse("pager", optarg);
			break;
		case 's':
			options->system_fd = descriptor_parse("system", optarg);
			break;
		case 'x':
			options->cpu_clear = optarg;
			break;
		case 'q':
			all.probe_fd = descriptor_parse("probe-cpu", optarg);
			break;
		case 'v':
			puts("norma-vmm " NORMA_VERSION);
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc)
		die_usage("unexpected argument %s", argv[optind]);
	if (all.probe_fd >= 0) {
		socket_check("probe-cpu", all.probe_fd);
		return all;
	}
	socket_check("control", options->control_fd);
	socket_check("pager", options->pager_fd);
	return all;
}

int main(int argc, char **argv)
{
	/* Threads use it until the very end of the process: it is never freed. */
	static struct task task;
	struct main_options options = options_parse(argc, argv);
	const char *step;
	int error;

	log_setup("norma-vmm", LOG_INFO);
	/* The control socket's end says the same; this also ends a process that is stuck. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (options.probe_fd >= 0)
		return probe_main(options.probe_fd, options.task.cpu_clear);
	error = task_start(&task, &options.task, &step);
	if (error) {
		log_line(LOG_ERROR, "%s failed: %s", step, strerror(-error));
		return 1;
	}
	error = task_control_loop(&task);
	if (error)
		log_line(LOG_ERROR, "task=0x%x norma-hostd does not speak the protocol: %s",
			 task.name, strerror(-error));
	/*
	 * Not exit(): runners and workers still use everything, and one that waits for a page of a
	 * host that is gone could not be waited for. The kernel takes threads, machine and memory
	 * in one go.
	 */
	_exit(error ? 1 : 0);
}
