/*
 * Having a probe guest run: starts `norma-vmm --probe-cpu` and takes what it says. The loop's
 * thread owns it; nothing waits.
 */
#ifndef CPU_PROBE_H
#define CPU_PROBE_H

#include <stdbool.h>

#include "cpu/table.h"
#include "loop.h"
#include "process.h"

struct hostd;

struct cpu_probe {
	struct hostd *hostd;
	struct process process;
	int fd; /* its message arrives here; -1: none is under way */
	struct source exited;
	struct timer timer;
	/* Told once, when the process is gone: 0 with the table, or -errno with a sentence. */
	void (*done)(struct cpu_probe *probe, int error);
	bool applies;
	struct cpu_table table;
	char text[MESSAGE_MAX_TEXT];
};

void cpu_probe_init(struct cpu_probe *probe, struct hostd *hostd);
/* Ends one that is under way; `done` is not called. */
void cpu_probe_done(struct cpu_probe *probe);

/*
 * Begins: `clear` are the features that tasks are not to be shown (cpu_features_write). Return: 0,
 * and `done` follows from the loop; -EBUSY, -errno and it does not.
 */
int cpu_probe_start(struct cpu_probe *probe, const char *clear);

#endif
