/*
 * norma-pager: the process of one host that carries memory pages between hosts. Started by
 * norma-hostd, ends with it.
 */
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/schedule.h"
#include "pager/service/options.h"

/* Every object and every task costs a descriptor or two. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/*
 * Blocks of pages are made and freed all the time: taken from memory that was used just before they
 * are in the CPU's cache, and cost no page faults.
 */
static void keep_freed_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

int main(int argc, char **argv)
{
	static struct pager pager;
	struct pager_options options;
	char text[200];
	int r = options_parse(argc, argv, &options, text, sizeof(text));

	log_setup("norma-pager", getenv("NORMA_DEBUG") ? LOG_DEBUG : LOG_INFO);
	if (r == -ECANCELED) {
		fputs(options_usage(), stdout);
		return 0;
	}
	if (r) {
		fprintf(stderr, "norma-pager: %s\n%s", text, options_usage());
		return 2;
	}
	/* The control link's end says the same; this is for a hostd that leaked its descriptor. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/*
	 * A thread that waits for a page sleeps, but the one it waits for may run on every CPU:
	 * with short slices the pager runs as soon as something comes. Not with a better nice
	 * value, too: a remote fault gained nothing by it, and whoever made a child meanwhile lost.
	 */
	schedule_short_slices_only();
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	keep_freed_memory();
	r = pager_init(&pager, &options);
	if (r == 0)
		r = pager_run(&pager);
	else
		log_line(LOG_ERROR, "cannot start: %s", strerror(-r));
	pager_done(&pager);
	return r ? 1 : 0;
}
