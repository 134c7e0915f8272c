/*
 * Kills, with SIGKILL, each process of a clone at each moment, and says in one line per case what
 * became of both tasks. A case is right when nobody hung, nobody saw wrong memory, the survivor
 * went on or got KERN_MEMORY_ERROR, and taking the lab down left nothing behind.
 *
 *   kill_matrix NORMA GUESTS_DIRECTORY       prints TAP
 */
#include "lab.h"
#include "observe.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { PARENT, CHILD };
enum { START_MS = 20000, OUTCOME_MS = 20000, GONE_MS = 10000 };

enum victim { VICTIM_VMM, VICTIM_PAGER, VICTIM_HOSTD };
enum moment { DURING_CLONE, DURING_SHARING };

struct kill_case {
	const char *name;
	enum moment moment;
	enum victim victim;
	int side;
	unsigned int parent_may,
	    child_may; /* bits: 1 << enum outcome; child: DURING_SHARING only */
};

#define MAY(outcome) (1u << OUTCOME_##outcome)
#define SURVIVES     (MAY(WENT_ON) | MAY(MEMORY_ERROR))
#define CLONES_ON    (MAY(WENT_ON) | MAY(DONE) | MAY(MEMORY_ERROR))

static const struct kill_case cases[] = {
    {"the child's VMM during a clone", DURING_CLONE, VICTIM_VMM, CHILD, CLONES_ON, 0},
    {"the parent's VMM during a clone", DURING_CLONE, VICTIM_VMM, PARENT, MAY(KILLED), 0},
    {"the child's pager during a clone", DURING_CLONE, VICTIM_PAGER, CHILD, CLONES_ON, 0},
    {"the parent's pager during a clone", DURING_CLONE, VICTIM_PAGER, PARENT, CLONES_ON, 0},
    {"the child's hostd during a clone", DURING_CLONE, VICTIM_HOSTD, CHILD, CLONES_ON, 0},
    {"the parent's hostd during a clone", DURING_CLONE, VICTIM_HOSTD, PARENT, MAY(HOST_GONE), 0},
    {"the child's VMM during sharing", DURING_SHARING, VICTIM_VMM, CHILD, SURVIVES, MAY(KILLED)},
    {"the parent's VMM during sharing", DURING_SHARING, VICTIM_VMM, PARENT, MAY(KILLED), SURVIVES},
    {"the child's pager during sharing", DURING_SHARING, VICTIM_PAGER, CHILD, SURVIVES, SURVIVES},
    {"the parent's pager during sharing", DURING_SHARING, VICTIM_PAGER, PARENT, SURVIVES, SURVIVES},
    {"the child's hostd during sharing", DURING_SHARING, VICTIM_HOSTD, CHILD, SURVIVES,
     MAY(HOST_GONE)},
    {"the parent's hostd during sharing", DURING_SHARING, VICTIM_HOSTD, PARENT, MAY(HOST_GONE),
     SURVIVES},
};

struct run {
	struct lab lab;
	const char *guests;
	struct watched side[2];
	char why[160]; /* set when the case could not be set up or went wrong */
};

static task_t run_guest(struct run *run, const char *guest)
{
	char path[512], name[32];
	char *arguments[] = {name, "1", NULL};
	task_t task = TASK_NULL;

	snprintf(name, sizeof(name), "%s", guest);
	snprintf(path, sizeof(path), "%s/guest-%s", run->guests, guest);
	if (norma_connect(run->lab.hosts[0].socket_path) ||
	    norma_run(path, arguments, NULL, 0, &task) != KERN_SUCCESS)
		snprintf(run->why, sizeof(run->why), "running %s: %s", guest, norma_last_error());
	return task;
}

static void watch(struct run *run, int side, task_t task, const char *progress)
{
	run->side[side] = (struct watched){
	    .socket_path = run->lab.hosts[side].socket_path,
	    .progress = progress,
	    .console = {.task = task},
	};
}

/* The guest shares and both sides make progress. Return: whether that was reached. */
static bool begin_sharing(struct run *run)
{
	unsigned int parent, child;
	char line[128];

	watch(run, PARENT, run_guest(run, "sharing"), "beat\n");
	if (run->why[0])
		return false;
	if (!observe_line_with(&run->side[PARENT], "parent 0x", line, sizeof(line), START_MS) ||
	    sscanf(line, "parent %x child %x", &parent, &child) != 2) {
		snprintf(run->why, sizeof(run->why), "the guest did not start sharing");
		return false;
	}
	watch(run, CHILD, child, "beat\n");
	if (observe_lines(&run->side[CHILD], "beat\n", 2, START_MS) &&
	    observe_lines(&run->side[PARENT], "beat\n", 2, START_MS))
		return true;
	snprintf(run->why, sizeof(run->why), "no progress before the kill");
	return false;
}

static bool begin_cloning(struct run *run)
{
	watch(run, PARENT, run_guest(run, "clone_loop"), "clone\n");
	if (run->why[0])
		return false;
	if (observe_lines(&run->side[PARENT], "clone\n", 5, START_MS))
		return true;
	snprintf(run->why, sizeof(run->why), "no clone before the kill");
	return false;
}

static pid_t vmm_of_side(struct run *run, int side)
{
	struct norma_task_row *rows = NULL;
	size_t count = 0;
	pid_t pid = 0;
	uint64_t deadline = clock_now_ns() + START_MS * NS_PER_MS;

	/* A child of the cloning loop exists only now and then. */
	while (!pid && clock_now_ns() < deadline) {
		if (norma_connect(run->lab.hosts[side].socket_path) ||
		    norma_task_list(side, &rows, &count) != KERN_SUCCESS)
			return 0;
		if (count)
			pid = (pid_t)rows[count - 1].vmm_pid;
		free(rows);
	}
	return pid;
}

static pid_t victim_pid(struct run *run, const struct kill_case *test)
{
	const struct lab_host *host = &run->lab.hosts[test->side];

	if (test->victim == VICTIM_HOSTD)
		return host->hostd;
	return test->victim == VICTIM_PAGER ? host->pager : vmm_of_side(run, test->side);
}

static void kill_victim(struct run *run, const struct kill_case *test)
{
	pid_t processes[LAB_MAX_PROCESSES];
	pid_t pid = victim_pid(run, test);
	int count = 1;

	if (pid <= 0) {
		snprintf(run->why, sizeof(run->why), "no process to kill");
		return;
	}
	processes[0] = pid;
	if (test->victim == VICTIM_HOSTD) {
		count += lab_children(pid, "norma-vmm", processes + 1, LAB_MAX_PROCESSES - 2);
		count += lab_children(pid, "norma-pager", processes + count, 1);
	}
	kill(pid, SIGKILL);
	if (!lab_wait_gone(processes, count, GONE_MS))
		snprintf(run->why, sizeof(run->why), "its processes outlived the daemon");
}

static bool is_allowed(enum outcome outcome, unsigned int may)
{
	return (may & (1u << outcome)) != 0;
}

static void judge(struct run *run, const struct kill_case *test, char *verdict, size_t capacity)
{
	uint64_t killed_ns = clock_now_ns();
	enum outcome parent = observe_outcome(&run->side[PARENT], OUTCOME_MS);
	enum outcome child = OUTCOME_NUM;

	if (test->child_may)
		child = observe_outcome(&run->side[CHILD], OUTCOME_MS);
	snprintf(verdict, capacity, "parent %s%s%s, %u ms", outcome_names[parent],
		 test->child_may ? ", child " : "", test->child_may ? outcome_names[child] : "",
		 (unsigned int)((clock_now_ns() - killed_ns) / NS_PER_MS));
	if (!is_allowed(parent, test->parent_may))
		snprintf(run->why, sizeof(run->why), "parent: %.140s", run->side[PARENT].text);
	else if (test->child_may && !is_allowed(child, test->child_may))
		snprintf(run->why, sizeof(run->why), "child: %.140s", run->side[CHILD].text);
}

static bool run_case(struct run *run, const struct kill_case *test, const char *norma,
		     char *verdict, size_t capacity)
{
	bool is_ready;

	verdict[0] = 0;
	run->why[0] = 0;
	lab_up(&run->lab, norma);
	is_ready = test->moment == DURING_CLONE ? begin_cloning(run) : begin_sharing(run);
	if (is_ready)
		kill_victim(run, test);
	if (is_ready && !run->why[0])
		judge(run, test, verdict, capacity);
	norma_disconnect();
	if (!lab_down(&run->lab) && !run->why[0])
		snprintf(run->why, sizeof(run->why), "something was left behind");
	return !run->why[0];
}

int main(int argc, char **argv)
{
	const size_t count = sizeof(cases) / sizeof(cases[0]);
	const char *only = argc > 3 ? argv[3] : NULL;
	static struct run run;
	int failures = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: kill_matrix NORMA GUESTS_DIRECTORY [CASE]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	run.guests = argv[2];
	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		char verdict[200] = "";
		bool is_right;

		if (only && !strstr(cases[i].name, only)) {
			printf("ok %zu - # SKIP not asked for\n", i + 1);
			continue;
		}
		is_right = run_case(&run, &cases[i], argv[1], verdict, sizeof(verdict));
		failures += !is_right;
		printf("%s %zu - kill %s: %s%s%s\n", is_right ? "ok" : "not ok", i + 1,
		       cases[i].name, verdict,
		       is_right ? "; nothing left behind" : " WHY: ", is_right ? "" : run.why);
	}
	return failures != 0;
}
