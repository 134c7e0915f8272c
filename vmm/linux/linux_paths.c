/*
 * Names of files. The task has no file system: every path is absent but the program's own link, and
 * the three streams look like a character device.
 */
#include "linux_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define STREAM_MODE	  (S_IFCHR | 0620)
#define STREAM_DEVICE	  0x8803 /* a pts, as programs expect of a console */
#define STREAM_BLOCK_SIZE 1024
#define PATH_CHUNK_BYTES  16

/* In small pieces, because the string may end just before a hole. */
int linux_string_in(const struct linux_call *call, uint64_t address, char *buffer, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		size_t chunk = PATH_CHUNK_BYTES - ((address + done) % PATH_CHUNK_BYTES);
		if (chunk > bytes - done)
			chunk = bytes - done;
		int ret = call_copy_in(call, address + done, buffer + done, chunk);
		if (ret)
			return ret;
		if (memchr(buffer + done, '\0', chunk))
			return 0;
		done += chunk;
	}
	return -ENAMETOOLONG;
}

static int64_t stream_stat(struct linux_call *call, uint64_t fd, uint64_t address)
{
	int ret = linux_stream_check(call, fd);
	if (ret)
		return ret;
	const struct stat st = {
	    .st_ino = fd + 1,
	    .st_mode = STREAM_MODE,
	    .st_nlink = 1,
	    .st_rdev = STREAM_DEVICE,
	    .st_blksize = STREAM_BLOCK_SIZE,
	};
	return call_copy_out(call, address, &st, sizeof(st));
}

int64_t linux_fstat(struct linux_call *call)
{
	return stream_stat(call, call->args[0], call->args[1]);
}

static int64_t path_absent(const struct linux_call *call, uint64_t address)
{
	char path[LINUX_PATH_BYTES];
	int ret = linux_string_in(call, address, path, sizeof(path));
	return ret == -EFAULT ? ret : -ENOENT;
}

int64_t linux_newfstatat(struct linux_call *call)
{
	char path[LINUX_PATH_BYTES];
	int ret = linux_string_in(call, call->args[1], path, sizeof(path));
	if (ret == -EFAULT)
		return ret;
	if (ret == 0 && path[0] == '\0' && (call->args[3] & AT_EMPTY_PATH))
		return stream_stat(call, call->args[0], call->args[2]);
	return -ENOENT;
}

static int64_t link_read(struct linux_call *call, uint64_t address, uint64_t buffer, uint64_t bytes)
{
	char path[LINUX_PATH_BYTES];
	const char *program = call->thread->task->program_path;
	int ret = linux_string_in(call, address, path, sizeof(path));
	if (ret == -EFAULT)
		return ret;
	if (ret || strcmp(path, "/proc/self/exe") != 0)
		return -ENOENT;
	if ((int64_t)bytes <= 0)
		return -EINVAL;
	size_t length = strlen(program) < bytes ? strlen(program) : (size_t)bytes;
	ret = call_copy_out(call, buffer, program, length);
	return ret ? ret : (int64_t)length;
}

int64_t linux_readlink(struct linux_call *call)
{
	return link_read(call, call->args[0], call->args[1], call->args[2]);
}

int64_t linux_readlinkat(struct linux_call *call)
{
	return link_read(call, call->args[1], call->args[2], call->args[3]);
}

int64_t linux_getcwd(struct linux_call *call)
{
	if (call->args[1] < sizeof("/"))
		return -ERANGE;
	int ret = call_copy_out(call, call->args[0], "/", sizeof("/"));
	return ret ? ret : (int64_t)sizeof("/");
}

int64_t linux_path_absent(struct linux_call *call)
{
	return path_absent(call, call->args[0]);
}

int64_t linux_pathat_absent(struct linux_call *call)
{
	return path_absent(call, call->args[1]);
}
