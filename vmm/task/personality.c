/*
 * Callbacks of the Linux personality, and what its calls' outcomes mean for the task.
 */
#include "personality.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "call.h"
#include "linux_program.h"
#include "listener.h"
#include "personality_memory.h"
#include "space.h"
#include "task.h"
#include "wait.h"

#define EXIT_STATUS_SIGNAL 128

/* The thread whose system call this host thread answers: the callbacks' context is the task, and
 * waits end with the thread. */
static _Thread_local struct thread *thread_served;

static int host_copy_in(void *context, uint64_t address, void *buffer, size_t bytes)
{
	struct task *task = context;

	return space_copy_in(task->space, address, buffer, bytes);
}

static int host_copy_out(void *context, uint64_t address, const void *buffer, size_t bytes)
{
	struct task *task = context;

	return space_copy_out(task->space, address, buffer, bytes);
}

static int64_t host_console_write(void *context, int stream, const void *buffer, size_t bytes)
{
	struct task *task = context;
	struct call_arena *arena = thread_served->runner->arena;
	struct vmm_console_output_request request = {
	    .stream = (uint32_t)stream,
	    .data = {buffer, bytes < MESSAGE_MAX_DATA ? (uint32_t)bytes : MESSAGE_MAX_DATA},
	};
	const struct message_header header = {
	    .type = MESSAGE_vmm_console_output,
	    .uid = task->owner_uid,
	};
	struct control_wait wait = {
	    /* hostd answers when it has room: as long as the console's reader takes. Its end ends
	       this. */
	    .deadline_ns = WAIT_FOREVER,
	    .is_cancelled = &thread_served->is_interrupted,
	    .payload = arena->reply,
	};
	struct wire_writer writer;
	int error;

	if (bytes == 0)
		return 0;
	wire_writer_init(&writer, arena->request, sizeof(arena->request));
	vmm_console_output_request_encode(&writer, &request);
	error = control_call(&task->control, &header,
			     &(struct wire_span){arena->request, (uint32_t)writer.used}, &wait);
	if (error == -ECANCELED)
		return -EINTR;
	return error || wait.header.result ? -EIO : (int64_t)request.data.bytes;
}

static int64_t host_console_read(void *context, void *buffer, size_t bytes)
{
	struct task *task = context;

	return console_input_take(&task->input, buffer, bytes, &thread_served->is_interrupted);
}

static int host_console_wait(void *context, int64_t timeout_ns)
{
	struct task *task = context;
	uint64_t deadline_ns =
	    timeout_ns < 0 ? WAIT_FOREVER : clock_now_ns() + (uint64_t)timeout_ns;

	return console_input_wait(&task->input, deadline_ns, &thread_served->is_interrupted);
}

/* The process is the task, so its clocks are the task's; a thread's processor time is its runner's.
 */
static int host_clock_get(void *context, clockid_t clock, struct timespec *now)
{
	(void)context;
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		return clock_gettime(clock, now) ? -errno : 0;
	default:
		return -EINVAL;
	}
}

static int host_random(void *context, void *buffer, size_t bytes)
{
	uint8_t *at = buffer;

	(void)context;
	while (bytes) {
		ssize_t got = getrandom(at, bytes, 0);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0) {
			at += got;
			bytes -= (size_t)got;
		}
	}
	return 0;
}

static void host_before_wait(void *context)
{
	(void)context;
	listener_start();
}

int personality_init(struct task *task)
{
	struct personality *personality = &task->personality;

	personality->host = (struct linux_host){
	    .context = task,
	    .map = personality_map,
	    .unmap = personality_unmap,
	    .protect = personality_protect,
	    .discard = personality_discard,
	    .copy_in = host_copy_in,
	    .copy_out = host_copy_out,
	    .console_write = host_console_write,
	    .console_read = host_console_read,
	    .console_wait = host_console_wait,
	    .clock_get = host_clock_get,
	    .random = host_random,
	    .before_wait = host_before_wait,
	};
	personality->map_start = LINUX_STACK_TOP;
	return linux_task_init(&personality->linux_task, &personality->host, "", 0, 0);
}

int personality_program(struct task *task, const char *path,
			const struct linux_program_loaded *loaded)
{
	struct personality *personality = &task->personality;

	if (loaded->brk_limit > personality->map_start)
		personality->map_start = loaded->brk_limit;
	linux_task_done(&personality->linux_task);
	return linux_task_init(&personality->linux_task, &personality->host, path,
			       loaded->brk_start, loaded->brk_limit);
}

int personality_thread_init(struct thread *thread)
{
	return linux_thread_init(&thread->linux_thread, &thread->task->personality.linux_task,
				 LINUX_PID + thread->index);
}

void personality_thread_done(struct thread *thread)
{
	linux_thread_done(&thread->linux_thread);
}

static void outcome_apply(struct thread *thread, const struct linux_outcome *outcome)
{
	struct task *task = thread->task;

	switch (outcome->kind) {
	case LINUX_CONTINUE:
		return;
	case LINUX_THREAD_ENDED:
		if (thread_finish(thread))
			task_end(task, TASK_STATE_EXITED, outcome->code, "%s", "");
		return;
	case LINUX_TASK_ENDED:
		if (outcome->signal)
			task_end(task, TASK_STATE_EXITED, EXIT_STATUS_SIGNAL + outcome->signal,
				 "thread 0x%x sent its own task signal %d (%s)",
				 thread_name(thread), outcome->signal, strsignal(outcome->signal));
		else
			task_end(task, TASK_STATE_EXITED, outcome->code, "%s", "");
		return;
	}
}

void personality_serve(struct thread *thread, struct thread_state *state)
{
	struct linux_outcome outcome;

	atomic_fetch_add(&thread->task->statistics.system_calls, 1);
	thread_served = thread;
	outcome = linux_syscall(&thread->linux_thread, state);
	thread_served = NULL;
	outcome_apply(thread, &outcome);
}

void personality_unknown_calls(struct task *task, uint64_t *ret_count, char *names,
			       size_t names_bytes)
{
	struct linux_task *linux_task = &task->personality.linux_task;
	size_t used = 0;

	names[0] = '\0';
	*ret_count = atomic_load(&linux_task->unknown_out_of_range);
	for (uint32_t number = 0; number < LINUX_CALLS; number++) {
		unsigned int count = atomic_load(&linux_task->unknown_counts[number]);
		int length;

		if (!count)
			continue;
		*ret_count += count;
		length = snprintf(names + used, names_bytes - used, "%s%s(%u)", used ? " " : "",
				  linux_call_name(number), count);
		if (length < 0 || (size_t)length >= names_bytes - used)
			names[used] = '\0'; /* no room for a whole one: the count still tells */
		else
			used += (size_t)length;
	}
}
