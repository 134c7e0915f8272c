/*
 * Many clones of one suspended task alive at once, each having run: what do they cost?
 *
 *   clone_memory PARENT_PROGRAM MIB COUNT [USAGE_FILE]    (PARENT_PROGRAM: guest-bench_parent)
 *
 * COUNT children by inheritance; the first thread of each asks for the time, says it, and waits for
 * input that never comes. Then all are ended. One line:
 *   KB        what a live child costs, all kernel memory included
 *   MADE_US   from the first call until the last child has said its time, for each child
 *   ENDED_US  from the first task_terminate until the last one has returned, for each child
 *
 * USAGE_FILE has a number of bytes: memory.current (or memory.usage_in_bytes) of the memory control
 * group that norma-hostd, norma-zygote and norma-pager are in. Without it KB comes from
 * MemAvailable of the whole machine, and so does everybody else's memory. The pool of waiting VMMs
 * must have as many before as after: [limits] waiting_vmms and waiting_vmms_most the same.
 */
#include "clone_parent.h"
#include "samples.h"

#define USAGE "clone_memory PARENT_PROGRAM MIB COUNT [USAGE_FILE]"

enum { MAX_COUNT = 4096 };

static int64_t available_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	long long kilobytes = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %lld kB", &kilobytes) == 1)
			break;
	if (kilobytes < 0)
		fatal("/proc/meminfo does not say MemAvailable");
	fclose(file);
	return kilobytes * 1024;
}

/* Return: memory in use, counted from anywhere. */
static int64_t used_bytes(const char *path)
{
	FILE *file = path ? fopen(path, "re") : NULL;
	long long bytes;

	if (!path)
		return -available_bytes();
	if (!file || fscanf(file, "%lld", &bytes) != 1)
		fatal("%s has no number", path);
	fclose(file);
	return bytes;
}

static task_t make_child(const struct clone_parent *parent)
{
	const struct clone_child_work work = {.stays = true};
	const struct clone_way way = {.node = parent->node, .count = 1};
	task_t child;

	clone_children_make(parent, &way, &work, &child);
	return child;
}

static void check_has_run(task_t child)
{
	struct norma_console console = {.task = child, .timeout_ms = CLONE_TIMEOUT_MS};
	struct timespec times[2];
	size_t bytes;

	clone_check(norma_console_read(&console, times, sizeof(times), &bytes), "reading output");
	if (bytes != sizeof(times))
		fatal("child 0x%x said %zu bytes", child, bytes);
}

static void measure(const struct clone_parent *parent, unsigned long count, const char *usage)
{
	static task_t children[MAX_COUNT];
	int64_t before = used_bytes(usage), alive;
	uint64_t began = samples_now_ns(), made, ending;

	for (unsigned long i = 0; i < count; i++)
		children[i] = make_child(parent);
	for (unsigned long i = 0; i < count; i++)
		check_has_run(children[i]);
	made = samples_now_ns();
	alive = used_bytes(usage);
	ending = samples_now_ns();
	for (unsigned long i = 0; i < count; i++)
		clone_check(task_terminate(children[i]), "ending a child");
	printf("%.1f %.1f %.1f\n", (double)(alive - before) / 1024.0 / (double)count,
	       samples_us(began, made) / (double)count,
	       samples_us(ending, samples_now_ns()) / (double)count);
}

int main(int argc, char **argv)
{
	unsigned long count = samples_number(argc, argv, 3, MAX_COUNT, USAGE);
	struct clone_parent_options options = {
	    .program = argv[1], .mib = argv[2], .dirty_mib = "0"};
	struct clone_parent parent;
	task_t first;

	clone_connect();
	clone_parent_start(&parent, &options);
	clone_check(task_suspend(parent.task), "suspending the parent");
	/* What the first child costs the parent and the daemons is not what a child costs. */
	first = make_child(&parent);
	check_has_run(first);
	measure(&parent, count, argc > 4 ? argv[4] : NULL);
	clone_check(task_terminate(first), "ending the first child");
	clone_check(task_terminate(parent.task), "ending the parent");
	norma_disconnect();
	return 0;
}
