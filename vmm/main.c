/*
 * norma-vmm: one process, one task. norma-hostd starts it as a zygote, whose copies are the VMMs;
 * everything else is in task/.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
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
#include "zygote.h"

#define MMAP_THRESHOLD_BYTES (64 * 1024)

static const char usage[] =
    "usage: norma-vmm --zygote FD [--system FD]\n"
    "       norma-vmm --control FD --pager FD [--system FD] [--cpu-clear LIST]\n"
    "       norma-vmm --probe-cpu FD [--cpu-clear LIST]\n"
    "\n"
    "Carries one task, or copies itself into processes that do. norma-hostd starts it; people use\n"
    "`norma`.\n"
    "\n"
    "  --zygote FD   connected SOCK_SEQPACKET socket to norma-hostd, which orders copies on it\n"
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

static void text_copy(const char *option, char text[CPU_CLEAR_MAX_BYTES], const char *from)
{
	if (snprintf(text, CPU_CLEAR_MAX_BYTES, "%s", from) >= (int)CPU_CLEAR_MAX_BYTES)
		die_usage("--%s has more than %u bytes", option, CPU_CLEAR_MAX_BYTES - 1);
}

/* What is on the command line; -1: not given. */
struct options {
	int zygote_fd, control_fd, pager_fd, system_fd, probe_fd;
	char cpu_clear[CPU_CLEAR_MAX_BYTES];
};

static void options_check(const struct options *options)
{
	if (options->probe_fd >= 0) {
		socket_check("probe-cpu", options->probe_fd);
		return;
	}
	if (options->zygote_fd >= 0) {
		socket_check("zygote", options->zygote_fd);
		if (options->control_fd >= 0 || options->pager_fd >= 0)
			die_usage("--zygote and --control or --pager exclude each other");
		return;
	}
	socket_check("control", options->control_fd);
	socket_check("pager", options->pager_fd);
}

static struct options options_parse(int argc, char **argv)
{
	static const struct option names[] = {
	    {"zygote", required_argument, NULL, 'z'},
	    {"control", required_argument, NULL, 'c'},
	    {"pager", required_argument, NULL, 'p'},
	    {"system", required_argument, NULL, 's'},
	    {"version", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {"cpu-clear", required_argument, NULL, 'x'},
	    {"probe-cpu", required_argument, NULL, 'q'},
	    {NULL, 0, NULL, 0},
	};
	struct options options = {-1, -1, -1, -1, -1, ""};
	int name;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (name) {
		case 'z':
			options.zygote_fd = descriptor_parse("zygote", optarg);
			break;
		case 'c':
			options.control_fd = descriptor_parse("control", optarg);
			break;
		case 'p':
			options.pager_fd = descriptor_parse("pager", optarg);
			break;
		case 's':
			options.system_fd = descriptor_parse("system", optarg);
			break;
		case 'x':
			text_copy("cpu-clear", options.cpu_clear, optarg);
			break;
		case 'q':
			options.probe_fd = descriptor_parse("probe-cpu", optarg);
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
	options_check(&options);
	return options;
}

static void end_with_parent(const char *name)
{
	prctl(PR_SET_NAME, name);
	/* The socket's end says the same; this also ends a process that is stuck. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Return: 0 when norma-hostd needs no more copies, 1 in a copy, with its sockets in *options,
 * -errno. */
static int be_zygote(struct options *options)
{
	struct zygote_copy copy;
	int result;

	end_with_parent("norma-zygote");
	result = zygote_serve(options->zygote_fd, &copy);
	if (result == 1) {
		options->control_fd = copy.control_fd;
		options->pager_fd = copy.pager_fd;
		memcpy(options->cpu_clear, copy.cpu_clear, sizeof(options->cpu_clear));
	} else if (result < 0) {
		log_line(LOG_ERROR, "step=zygote err=\"no VMMs can be made by copying: %s\"",
			 strerror(-result));
	}
	return result;
}

static _Noreturn void carry_task(struct task *task, const struct options *options)
{
	const struct task_start start = {
	    .control_fd = options->control_fd,
	    .pager_fd = options->pager_fd,
	    .cpu_clear = options->cpu_clear,
	};
	const char *step;
	int error;

	end_with_parent("norma-vmm");
	error = task_start(task, &start, &step);
	if (error) {
		log_line(LOG_ERROR, "%s failed: %s", step, strerror(-error));
		_exit(1);
	}
	task_run(task);
}

int main(int argc, char **argv)
{
	/* Threads use it until the very end of the process: it is never freed. */
	static struct task task;
	struct options options = options_parse(argc, argv);
	const char *step;
	int result;

	/* An arena of its own for every thread of every VMM costs more than it saves. */
	mallopt(M_ARENA_MAX, 1);
	/* Buffers of whole messages are hardly used: between small things each would cost a page
	 * more at either end. */
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
	log_setup("norma-vmm", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	if (options.probe_fd >= 0)
		return probe_main(options.probe_fd, options.cpu_clear);
	result = task_prepare(&task, options.system_fd, &step);
	if (result) {
		log_line(LOG_ERROR, "%s failed: %s", step, strerror(-result));
		return 1;
	}
	if (options.zygote_fd >= 0) {
		result = be_zygote(&options);
		if (result != 1)
			return result ? 1 : 0;
	}
	carry_task(&task, &options);
}
