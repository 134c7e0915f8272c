/*
 * Taking a program's image and arguments in pieces, and starting it.
 */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "answer.h"
#include "base/cleanup.h"
#include "linux_program.h"
#include "norma_abi.h"
#include "space.h"
#include "task.h"

void run_init(struct run *run)
{
	*run = (struct run){.state = RUN_NONE, .image_fd = -1};
	pthread_mutex_init(&run->lock, NULL);
}

void run_strings_done(struct run_strings *strings)
{
	free(strings->bytes);
	free(strings->table);
	*strings = (struct run_strings){0};
}

int run_strings_split(struct run_strings *strings, const uint8_t *data, uint32_t bytes)
{
	struct run_strings split = {0};
	uint32_t count = 0;

	if (bytes && data[bytes - 1] != '\0')
		return -EINVAL;
	for (uint32_t i = 0; i < bytes; i++)
		count += data[i] == '\0';
	split.bytes = malloc(bytes + 1);
	split.table = calloc(count + 1, sizeof(split.table[0]));
	if (!split.bytes || !split.table) {
		run_strings_done(&split);
		return -ENOMEM;
	}
	if (bytes)
		memcpy(split.bytes, data, bytes);
	for (uint32_t at = 0; split.count < count; split.count++) {
		split.table[split.count] = split.bytes + at;
		at += (uint32_t)strlen(split.bytes + at) + 1;
	}
	*strings = split;
	return 0;
}

/* ---- norma_run_begin ---- */

static int image_create(uint64_t bytes)
{
	_cleanup_close_ int fd = memfd_create("norma-image", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes))
		return -errno;
	return take_fd(&fd);
}

static kern_return_t run_begin_locked(struct call *call,
				      const struct norma_run_begin_request *request)
{
	struct run *run = &call->task->run;
	int error, fd;

	if (run->state != RUN_NONE)
		return call_fail(call, KERN_FAILURE, "task 0x%x has a program already",
				 call->task->name);
	error =
	    run_strings_split(&run->arguments, request->arguments.data, request->arguments.bytes);
	if (!error)
		error = run_strings_split(&run->environment, request->environment.data,
					  request->environment.bytes);
	if (!error && !run->arguments.count)
		error = -EINVAL;
	fd = error ? error : image_create(request->image_bytes);
	if (fd < 0) {
		run_strings_done(&run->arguments);
		run_strings_done(&run->environment);
		if (fd == -EINVAL)
			return call_fail(
			    call, KERN_INVALID_ARGUMENT,
			    "norma_run_begin: arguments and environment must be "
			    "NUL-terminated strings, and the program's name the first");
		return call_fail(call, KERN_RESOURCE_SHORTAGE,
				 "no memory for a program of %llu bytes: %s",
				 (unsigned long long)request->image_bytes, strerror(-fd));
	}
	run->image_fd = fd;
	run->image_bytes = request->image_bytes;
	run->state = RUN_LOADING;
	return KERN_SUCCESS;
}

kern_return_t answer_norma_run_begin(struct call *call,
				     const struct norma_run_begin_request *request,
				     struct norma_run_begin_reply *reply)
{
	struct run *run = &call->task->run;
	kern_return_t code;

	if (!request->image_bytes || request->image_bytes > RUN_IMAGE_BYTES_MAX)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "a program of %llu bytes: it must have 1 to %llu",
				 (unsigned long long)request->image_bytes,
				 (unsigned long long)RUN_IMAGE_BYTES_MAX);
	pthread_mutex_lock(&run->lock);
	code = run_begin_locked(call, request);
	pthread_mutex_unlock(&run->lock);
	reply->task = call->task->name;
	return code;
}

/* ---- norma_run_data ---- */

static int image_write(const struct run *run, uint64_t offset, struct wire_span data)
{
	uint32_t done = 0;

	while (done < data.bytes) {
		ssize_t written = pwrite(run->image_fd, data.data + done, data.bytes - done,
					 (off_t)(offset + done));

		if (written < 0)
			return -errno;
		done += (uint32_t)written;
	}
	return 0;
}

static kern_return_t run_data_locked(struct call *call,
				     const struct norma_run_data_request *request)
{
	const struct run *run = &call->task->run;
	int error;

	if (run->state != RUN_LOADING)
		return call_fail(call, KERN_FAILURE, "task 0x%x is not being loaded",
				 call->task->name);
	if (request->offset > run->image_bytes ||
	    request->data.bytes > run->image_bytes - request->offset)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "%u bytes at %llu do not lie in a program of %llu bytes",
				 request->data.bytes, (unsigned long long)request->offset,
				 (unsigned long long)run->image_bytes);
	error = image_write(run, request->offset, request->data);
	if (error)
		return call_fail(call, KERN_RESOURCE_SHORTAGE,
				 "no memory for the program of task 0x%x: %s", call->task->name,
				 strerror(-error));
	return KERN_SUCCESS;
}

kern_return_t answer_norma_run_data(struct call *call, const struct norma_run_data_request *request,
				    struct norma_run_data_reply *reply)
{
	kern_return_t code;

	(void)reply;
	pthread_mutex_lock(&call->task->run.lock);
	code = run_data_locked(call, request);
	pthread_mutex_unlock(&call->task->run.lock);
	return code;
}

/* ---- norma_run_start ---- */

/* Maps segments and stack. On failure the task's memory is empty again. */
static kern_return_t image_load(struct call *call, const uint8_t *image,
				struct linux_program_loaded *ret_loaded)
{
	struct task *task = call->task;
	const struct linux_program program = {
	    .file = image,
	    .bytes = task->run.image_bytes,
	    .arguments = task->run.arguments.table,
	    .environment = task->run.environment.table,
	};
	char why[ELF_WHY_BYTES];
	unsigned int alive;
	int error;

	pthread_mutex_lock(&task->lock);
	alive = threads_alive_locked(task);
	pthread_mutex_unlock(&task->lock);
	if (alive || space_virtual_bytes(task->space))
		return call_fail(call, KERN_NO_SPACE,
				 "task 0x%x has memory or threads already: a program needs an "
				 "empty task",
				 task->name);
	error = linux_program_load(&program, &task->personality.host, ret_loaded, why);
	if (!error)
		return KERN_SUCCESS;
	space_deallocate(task->space, NORMA_USER_START, NORMA_USER_END - NORMA_USER_START);
	return call_fail(call, error == -ENOMEM ? KERN_RESOURCE_SHORTAGE : KERN_INVALID_ARGUMENT,
			 "%s %s", task->run.arguments.table[0], why);
}

/* What /proc/self/exe shows: an absolute path, which C libraries insist on, whatever the program
 * was called as; cut to what the personality keeps. */
static int program_name_set(struct task *task, const struct linux_program_loaded *loaded)
{
	const char *name = task->run.arguments.table[0];
	const char *slash = strrchr(name, '/');
	char path[LINUX_PATH_BYTES];

	if (name[0] == '/')
		snprintf(path, sizeof(path), "%.*s", (int)sizeof(path) - 1, name);
	else
		snprintf(path, sizeof(path), "/%.*s", (int)sizeof(path) - 2,
			 slash ? slash + 1 : name);
	return personality_program(task, path, loaded);
}

static kern_return_t program_start(struct call *call, const struct linux_program_loaded *loaded,
				   struct norma_run_start_reply *reply)
{
	struct task *task = call->task;
	struct thread *thread;
	const char *step;
	kern_return_t code;
	int error = program_name_set(task, loaded);

	if (error)
		return call_fail(call, KERN_FAILURE, "the Linux personality of task 0x%x: %s",
				 task->name, strerror(-error));
	code = thread_make(task, &thread, &step);
	if (code)
		return call_fail(call, code, "no first thread in task 0x%x: %s failed", task->name,
				 step);
	reply->thread = thread_name(thread);
	/* New and suspended: nobody else has its name yet. */
	if (thread_state_replace(thread, &loaded->state)) {
		thread_kill(thread);
		return call_fail(
		    call, KERN_INVALID_ARGUMENT, "%s starts at 0x%llx, where no program can be",
		    task->run.arguments.table[0], (unsigned long long)loaded->state.rip);
	}
	return thread_go(thread);
}

static void run_forget_image(struct run *run)
{
	close(run->image_fd);
	run->image_fd = -1;
	run_strings_done(&run->arguments);
	run_strings_done(&run->environment);
	run->state = RUN_STARTED;
}

static kern_return_t run_start_locked(struct call *call, struct norma_run_start_reply *reply)
{
	struct task *task = call->task;
	struct run *run = &task->run;
	struct linux_program_loaded loaded;
	kern_return_t code;
	void *image;

	if (run->state != RUN_LOADING)
		return call_fail(call, KERN_FAILURE, "task 0x%x has no program to start",
				 task->name);
	image = mmap(NULL, run->image_bytes, PROT_READ, MAP_SHARED, run->image_fd, 0);
	if (image == MAP_FAILED)
		return call_fail(call, KERN_RESOURCE_SHORTAGE,
				 "the program of task 0x%x cannot be mapped: %s", task->name,
				 strerror(errno));
	code = image_load(call, image, &loaded);
	munmap(image, run->image_bytes);
	if (code)
		return code;
	code = program_start(call, &loaded, reply);
	if (code)
		space_deallocate(task->space, NORMA_USER_START, NORMA_USER_END - NORMA_USER_START);
	else
		run_forget_image(run);
	return code;
}

kern_return_t answer_norma_run_start(struct call *call,
				     const struct norma_run_start_request *request,
				     struct norma_run_start_reply *reply)
{
	kern_return_t code;

	(void)request;
	pthread_mutex_lock(&call->task->run.lock);
	code = run_start_locked(call, reply);
	pthread_mutex_unlock(&call->task->run.lock);
	return code;
}

kern_return_t answer_norma_console_write(struct call *call,
					 const struct norma_console_write_request *request,
					 struct norma_console_write_reply *reply)
{
	ssize_t accepted = console_input_feed(&call->task->input, request->data.data,
					      request->data.bytes, request->end != 0);

	if (accepted < 0)
		return call_fail(call, KERN_FAILURE,
				 "standard input of task 0x%x was closed before", call->task->name);
	reply->accepted = (uint32_t)accepted;
	return KERN_SUCCESS;
}
