/*
 * No event tells a client that a VMM waits: the daemon's processes are looked at every millisecond.
 * All norma-vmm among them must sleep, the parent's and those that wait, and for some looks in a
 * row be as many as before: nothing is being made or ended, nor about to be.
 */
#include "clone_pool.h"

#include <stdbool.h>

#include "samples.h"

enum { POOL_TIMEOUT_S = 20, LOOK_NS = 1000000, LOOKS_ALIKE = 8 };

/* Return: whether the process is a norma-vmm; *ret_is_asleep says if it waits for something. */
static bool is_vmm(int pid, bool *ret_is_asleep)
{
	char path[64], name[32], state = 0;
	FILE *stat;
	int words;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "re");
	if (!stat)
		return false; /* it has been reaped meanwhile */
	words = fscanf(stat, "%*d (%31[^)]) %c", name, &state);
	fclose(stat);
	*ret_is_asleep = state == 'S';
	return words == 2 && !strcmp(name, "norma-vmm");
}

/* Return: how many VMMs there are, all asleep; 0 when that is not so. */
static int count_asleep(const char *daemon)
{
	int asleep = 0, others = 0, pid;
	char path[64];
	FILE *children;

	snprintf(path, sizeof(path), "/proc/%s/task/%s/children", daemon, daemon);
	children = fopen(path, "re");
	if (!children)
		fatal("norma-hostd, process %s, has ended", daemon);
	while (fscanf(children, "%d", &pid) == 1) {
		bool is_asleep;

		if (is_vmm(pid, &is_asleep))
			*(is_asleep ? &asleep : &others) += 1;
	}
	fclose(children);
	return others || asleep < 1 + CLONE_POOL_WAITING ? 0 : asleep;
}

void clone_pool_wait(const char *daemon)
{
	uint64_t deadline = samples_now_ns() + POOL_TIMEOUT_S * 1000000000ull;
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	int before = 0, alike = 0;

	while (alike < LOOKS_ALIKE) {
		int asleep = count_asleep(daemon);

		alike = asleep && asleep == before ? alike + 1 : 0;
		before = asleep;
		if (samples_now_ns() > deadline)
			fatal("norma-hostd, process %s, has no %d VMMs waiting after %d s", daemon,
			      CLONE_POOL_WAITING, POOL_TIMEOUT_S);
		nanosleep(&pause, NULL);
	}
}
