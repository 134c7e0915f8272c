/*
 * norma-hostd: one per host. Reads its configuration, serves until SIGTERM or SIGINT, and leaves
 * nothing running.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hostd.h"
#include "notify.h"

#define STOP_TIMEOUT_MS 8000

static const char usage[] =
    "Usage: norma-hostd --config FILE [--check] [--verbose]\n"
    "Runs norma on this host: tasks, their VMMs, and the links to other hosts.\n"
    "  -c, --config FILE  the configuration to read\n"
    "      --check        only say whether the configuration is right\n"
    "  -v, --verbose      log more\n"
    "  -h, --help         show this\n";

struct options {
	const char *config_path;
	bool check_only;
	enum log_level log_level;
};

/* Return: 0, 1 when help was shown, 2 when they are wrong. */
static int read_options(int argc, char *argv[], struct options *options)
{
	static const struct option long_options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check", no_argument, NULL, 'k'},
	    {"verbose", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	*options = (struct options){.log_level = LOG_INFO};
	while ((option = getopt_long(argc, argv, "c:vh", long_options, NULL)) != -1) {
		if (option == 'c')
			options->config_path = optarg;
		else if (option == 'k')
			options->check_only = true;
		else if (option == 'v')
			options->log_level = LOG_DEBUG;
		else
			return fputs(usage, option == 'h' ? stdout : stderr), option == 'h' ? 1 : 2;
	}
	if (options->config_path && optind == argc)
		return 0;
	fputs(usage, stderr);
	return 2;
}

/* Two descriptors a task, one a client: the default limit of 1024 is soon reached. */
static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_line(LOG_WARNING, "step=limit err=\"the limit of open files stays: %m\"");
}

struct stopper {
	struct source source;
	struct hostd *hostd;
};

static void signal_ready(struct source *source, uint32_t events)
{
	struct stopper *stopper = container_of(source, struct stopper, source);
	struct signalfd_siginfo info;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD) {
		hostd_reap_strangers(stopper->hostd);
		return;
	}
	log_line(LOG_NOTICE, "step=stop signal=%s", strsignal((int)info.ssi_signo));
	notify("STOPPING=1");
	hostd_stop(stopper->hostd);
}

static int watch_signals(struct stopper *stopper)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	stopper->source.ready = signal_ready;
	stopper->source.fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return stopper->source.fd < 0 ? -1 : 0;
}

/* Serves until it is told to stop and everything is gone, or that takes too long. */
static void serve(struct hostd *hostd)
{
	uint64_t deadline_ns = 0;

	while (!hostd_is_stopped(hostd)) {
		loop_run_once(&hostd->loop, hostd->is_stopping ? 100 : -1);
		if (hostd->is_stopping && !deadline_ns)
			deadline_ns = hostd_deadline(STOP_TIMEOUT_MS);
		if (deadline_ns && clock_now_ns() > deadline_ns) {
			log_line(LOG_ERROR, "step=stop err=\"not everything ended in %d ms\"",
				 STOP_TIMEOUT_MS);
			return;
		}
	}
}

/* Each connection has a buffer for the largest message, of which little is ever used, between
 * records of ended tasks, which stay: from the heap, none of it would come back. */
#define MAPPED_BYTES 32768

/* VMMs that other VMMs forked are ours when those end. */
static int prepare_process(struct stopper *stopper)
{
	raise_fd_limit();
	mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
	if (process_take_orphans()) {
		log_line(LOG_ERROR, "step=start err=\"orphaned VMMs cannot be taken over: %m\"");
		return -1;
	}
	if (watch_signals(stopper)) {
		log_line(LOG_ERROR, "step=start err=\"signals cannot be watched: %m\"");
		return -1;
	}
	return 0;
}

static int run(const struct config *config)
{
	struct stopper stopper = {0};
	char error[CONFIG_ERROR_BYTES];

	if (prepare_process(&stopper))
		return EXIT_FAILURE;
	if (hostd_new(config, &stopper.hostd, error)) {
		log_line(LOG_ERROR, "step=start err=\"%s\"", error);
		close(stopper.source.fd);
		return EXIT_FAILURE;
	}
	stopper.hostd->reaps_strangers = true;
	if (loop_add(&stopper.hostd->loop, &stopper.source, EPOLLIN)) {
		log_line(LOG_ERROR, "step=start err=\"signals cannot be watched\"");
		hostd_free(stopper.hostd);
		return EXIT_FAILURE;
	}
	log_line(LOG_NOTICE, "node=%d socket=%s listen=%s step=ready", (int)config->node,
		 config->socket_path, config->listen.bytes ? config->listen.text : "-");
	notify("READY=1");
	serve(stopper.hostd);
	loop_remove(&stopper.hostd->loop, &stopper.source);
	close(stopper.source.fd);
	hostd_free(stopper.hostd);
	return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
	struct options options;
	struct config config;
	char error[CONFIG_ERROR_BYTES];
	int result = read_options(argc, argv, &options);

	if (result)
		return result == 1 ? EXIT_SUCCESS : 2;
	log_setup("norma-hostd", options.log_level);
	if (config_load(options.config_path, &config, error)) {
		fprintf(stderr, "norma-hostd: %s.\n", error);
		return EXIT_FAILURE;
	}
	if (options.check_only) {
		printf("%s: the configuration of node %d is right\n", options.config_path,
		       (int)config.node);
		return EXIT_SUCCESS;
	}
	return run(&config);
}
