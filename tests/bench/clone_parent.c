/*
 * The parent task of the clone benchmarks: see clone_parent.h.
 */
#include "clone_parent.h"

#include "samples.h"

void clone_check(kern_return_t result, const char *what)
{
	if (result != KERN_SUCCESS)
		fatal("%s: %s (%s)", what, mach_error_string(result), norma_last_error());
}

void clone_connect(void)
{
	if (norma_connect(NULL))
		fatal("cannot connect: %s", norma_last_error());
}

/* Reads exactly `bytes` of a task's output, as they come. */
static void read_output(struct norma_console *console, void *data, size_t bytes)
{
	for (size_t got = 0, n; got < bytes; got += n) {
		console->timeout_ms = CLONE_TIMEOUT_MS;
		clone_check(norma_console_read(console, (uint8_t *)data + got, bytes - got, &n),
			    "reading output");
		if (!n)
			fatal("task 0x%x said nothing within %d s, or has ended", console->task,
			      CLONE_TIMEOUT_MS / 1000);
	}
}

static void read_line(struct norma_console *console, char *line, size_t capacity)
{
	size_t length = 0;

	do {
		if (length + 1 == capacity)
			fatal("task 0x%x says too much", console->task);
		read_output(console, line + length, 1);
	} while (line[length++] != '\n');
	line[length - 1] = '\0';
}

void clone_parent_command(struct clone_parent *parent, char letter, char *answer, size_t capacity)
{
	size_t accepted;

	clone_check(norma_console_write(parent->task, &letter, 1, FALSE, &accepted),
		    "writing a command");
	read_line(&parent->console, answer, capacity);
}

void clone_parent_start(struct clone_parent *parent, const struct clone_parent_options *options)
{
	char *arguments[] = {(char *)(uintptr_t)options->program, (char *)(uintptr_t)options->mib,
			     (char *)(uintptr_t)options->dirty_mib,
			     options->is_random ? "random" : NULL, NULL};
	char line[64];

	clone_check(norma_node_self(mach_host_self(), &parent->node), "asking for the node");
	clone_check(norma_run(options->program, arguments, NULL, parent->node, &parent->task),
		    "running the parent");
	parent->console = (struct norma_console){.task = parent->task, .attach = TRUE};
	read_line(&parent->console, line, sizeof(line));
	if (sscanf(line, "ready %lx %lx", &parent->entry, &parent->address) != 2)
		fatal("the parent said `%s`", line);
}

static void make_in_steps(task_t parent, const struct clone_way *way,
			  struct x86_thread_state64 *state, task_t *ret_child)
{
	thread_act_t thread;

	clone_check((way->is_shared ? norma_task_clone : norma_task_create)(parent, TRUE, way->node,
									    ret_child),
		    "making a child");
	clone_check(thread_create(*ret_child, &thread), "thread_create");
	clone_check(thread_set_state(thread, x86_THREAD_STATE64, (thread_state_t)state,
				     x86_THREAD_STATE64_COUNT),
		    "thread_set_state");
	clone_check(thread_resume(thread), "thread_resume");
}

void clone_children_make(const struct clone_parent *parent, const struct clone_way *way,
			 const struct clone_child_work *work, task_t *children)
{
	struct x86_thread_state64 state = {
	    .rip = parent->entry,
	    .rsi = parent->address,
	    .rdx = work->read_bytes,
	    .rcx = work->stays,
	    .r8 = work->read_later_bytes,
	};
	const struct norma_spawn spawn = {
	    .mode = way->is_shared ? NORMA_SPAWN_CLONE : NORMA_SPAWN_CREATE,
	    .child_node = way->node,
	    .flavor = x86_THREAD_STATE64,
	    .state = (thread_state_t)&state,
	    .state_count = x86_THREAD_STATE64_COUNT,
	    .count = way->count,
	};

	if (way->is_in_steps)
		make_in_steps(parent->task, way, &state, children);
	else
		clone_check(norma_task_spawn(parent->task, &spawn, children), "making children");
}

static uint64_t ns_of(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000000000ull + (uint64_t)time->tv_nsec;
}

void clone_child_wait(task_t child, const struct clone_child_work *work,
		      struct clone_child_times *ret_times)
{
	struct norma_console console = {.task = child};
	struct norma_task_end end;
	struct timespec times[2];

	read_output(&console, times, sizeof(times));
	*ret_times = (struct clone_child_times){ns_of(&times[0]), ns_of(&times[1])};
	if (work->stays)
		return;
	clone_check(norma_task_wait(child, CLONE_TIMEOUT_MS, &end), "waiting for the child");
	if (end.state != NORMA_TASK_EXITED || end.status)
		fatal("the child did not end well: %s", end.text);
}

uint64_t clone_child_read_later(task_t child)
{
	struct norma_console console = {.task = child}; /* from the first byte it said */
	struct timespec times[3];
	size_t accepted;

	clone_check(norma_console_write(child, "", 1, FALSE, &accepted), "telling a child to read");
	read_output(&console, times, sizeof(times));
	return ns_of(&times[2]);
}
