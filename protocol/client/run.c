/*
 * norma_run: an image is read here and travels in pieces; the task is given up when that fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "connection.h"
#include "norma.h"

#define STRINGS_MAX_BYTES 32768u

/* Packs strings one after another, with their ends. Return: KERN_SUCCESS, *ret_bytes heap memory.
 */
static kern_return_t pack_strings(char *const *strings, const char *what, uint8_t **ret_bytes,
				  struct wire_span *ret_span)
{
	uint8_t *bytes = malloc(STRINGS_MAX_BYTES);
	uint32_t used = 0;

	*ret_bytes = bytes;
	if (!bytes) {
		client_error_set("norma_run: no memory for the %s", what);
		return KERN_RESOURCE_SHORTAGE;
	}
	for (; strings && *strings; strings++) {
		size_t length = strlen(*strings) + 1;

		if (length > STRINGS_MAX_BYTES - used) {
			client_error_set("norma_run: the %s are longer than %u bytes", what,
					 STRINGS_MAX_BYTES);
			return KERN_INVALID_ARGUMENT;
		}
		memcpy(bytes + used, *strings, length);
		used += (uint32_t)length;
	}
	*ret_span = (struct wire_span){.data = bytes, .bytes = used};
	return KERN_SUCCESS;
}

/* Return: an open regular file, -1 with a sentence. */
static int open_image(const char *path, uint64_t *ret_bytes)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0) {
		client_error_set("%s cannot be read: %s", path, strerror(errno));
		return -1;
	}
	if (!S_ISREG(status.st_mode)) {
		client_error_set("%s is not a regular file", path);
		return -1;
	}
	*ret_bytes = (uint64_t)status.st_size;
	return take_fd(&fd);
}

/* Return: bytes read (capacity, or less at the file's end), -errno. */
static ssize_t read_full(int fd, uint8_t *data, size_t capacity)
{
	size_t used = 0;

	while (used < capacity) {
		ssize_t bytes = read(fd, data + used, capacity - used);

		if (bytes == 0)
			break;
		if (bytes < 0 && errno != EINTR)
			return -errno;
		if (bytes > 0)
			used += (size_t)bytes;
	}
	return (ssize_t)used;
}

static kern_return_t send_image(const char *path, int fd, uint64_t image_bytes, task_t task)
{
	_cleanup_free_ uint8_t *piece = malloc(MACH_CHUNK_BYTES);
	struct norma_run_data_reply reply;
	struct mach_room room;
	uint64_t offset = 0;

	if (!piece) {
		client_error_set("norma_run: no memory to read %s", path);
		return KERN_RESOURCE_SHORTAGE;
	}
	while (offset < image_bytes) {
		struct norma_run_data_request request = {.task = task, .offset = offset};
		uint64_t left = image_bytes - offset;
		size_t wanted = left < MACH_CHUNK_BYTES ? (size_t)left : MACH_CHUNK_BYTES;
		ssize_t bytes = read_full(fd, piece, wanted);
		kern_return_t result;

		if (bytes != (ssize_t)wanted) {
			client_error_set("%s cannot be read: %s", path,
					 bytes < 0 ? strerror((int)-bytes)
						   : "it became shorter while it was read");
			return KERN_INVALID_ARGUMENT;
		}
		request.data = (struct wire_span){.data = piece, .bytes = (uint32_t)wanted};
		result = client_room_get(&room);
		if (result == KERN_SUCCESS)
			result = mach_call_norma_run_data(&room, &request, &reply);
		if (result != KERN_SUCCESS)
			return result;
		offset += wanted;
	}
	return KERN_SUCCESS;
}

static kern_return_t begin(char *const arguments[], char *const environment[], int node,
			   uint64_t image_bytes, task_t *ret_task)
{
	_cleanup_free_ uint8_t *argument_bytes = NULL, *environment_bytes = NULL;
	struct norma_run_begin_request request = {.node = node, .image_bytes = image_bytes};
	struct norma_run_begin_reply reply;
	struct mach_room room;
	kern_return_t result;

	result = pack_strings(arguments, "arguments", &argument_bytes, &request.arguments);
	if (result == KERN_SUCCESS)
		result = pack_strings(environment, "environment variables", &environment_bytes,
				      &request.environment);
	if (result == KERN_SUCCESS)
		result = client_room_get(&room);
	if (result == KERN_SUCCESS)
		result = mach_call_norma_run_begin(&room, &request, &reply);
	if (result == KERN_SUCCESS)
		*ret_task = reply.task;
	return result;
}

/* Ends a task whose start failed, and keeps the sentence that says why. */
static void give_up(task_t task)
{
	char *reason = strdup(norma_last_error());

	task_terminate(task);
	if (reason)
		client_error_set("%s", reason);
	free(reason);
}

static kern_return_t hold_send_start(const char *image_path, int fd, uint64_t image_bytes,
				     boolean_t hold, task_t task)
{
	struct norma_run_start_request request = {.task = task};
	struct norma_run_start_reply reply;
	kern_return_t result = KERN_SUCCESS;

	if (hold)
		result = norma_exception_hold(task, TRUE);
	if (result == KERN_SUCCESS)
		result = send_image(image_path, fd, image_bytes, task);
	if (result == KERN_SUCCESS)
		result = MACH_CALL_SMALL(norma_run_start, &request, &reply);
	return result;
}

struct run {
	const char *image_path;
	char *const *arguments, *const *environment;
	int node;
	boolean_t hold;
};

static kern_return_t run(const struct run *run, task_t *ret_task)
{
	uint64_t image_bytes;
	_cleanup_close_ int fd = open_image(run->image_path, &image_bytes);
	kern_return_t result;
	task_t task;

	if (fd < 0)
		return KERN_INVALID_ARGUMENT;
	result = begin(run->arguments, run->environment, run->node, image_bytes, &task);
	if (result != KERN_SUCCESS)
		return result;
	result = hold_send_start(run->image_path, fd, image_bytes, run->hold, task);
	if (result != KERN_SUCCESS) {
		give_up(task);
		return result;
	}
	*ret_task = task;
	return KERN_SUCCESS;
}

kern_return_t norma_run(const char *image_path, char *const arguments[], char *const environment[],
			int node, task_t *ret_task)
{
	return run(&(struct run){image_path, arguments, environment, node, FALSE}, ret_task);
}

kern_return_t norma_run_held(const char *image_path, char *const arguments[],
			     char *const environment[], int node, task_t *ret_task)
{
	return run(&(struct run){image_path, arguments, environment, node, TRUE}, ret_task);
}
