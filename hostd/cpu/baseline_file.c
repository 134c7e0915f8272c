/*
 * Written beside its place, synchronised and renamed.
 */
#include "cpu/baseline_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config.h"

#define KEYWORD	   "cpu-baseline "
#define FILE_BYTES (sizeof(KEYWORD) + CPU_FEATURES_LIST_BYTES + 1)

/* Several daemons of one machine may share the directory: the node's number tells them apart. */
static void file_path(const struct config *config, const char *suffix, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/cpu-baseline-%d%s", config->state_dir, (int)config->node,
		 suffix);
}

static int baseline_parse(char *text, struct cpu_features *ret_baseline)
{
	char *end = strchr(text, '\n');

	if (!end || end[1] || strncmp(text, KEYWORD, strlen(KEYWORD)) != 0)
		return -EINVAL;
	*end = 0;
	return cpu_features_read(text + strlen(KEYWORD), ret_baseline);
}

int baseline_file_read(const struct config *config, struct cpu_features *ret_baseline,
		       char error[MESSAGE_MAX_TEXT])
{
	char path[PATH_MAX], text[FILE_BYTES + 1];
	_cleanup_close_ int fd = -1;
	ssize_t bytes;

	file_path(config, "", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	bytes = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (bytes < 0) {
		int failure = errno;

		snprintf(error, MESSAGE_MAX_TEXT, "the CPU baseline in %.120s cannot be read: %s",
			 path, strerror(failure));
		return -failure;
	}
	text[bytes] = 0;
	if (!baseline_parse(text, ret_baseline))
		return 0;
	snprintf(error, MESSAGE_MAX_TEXT,
		 "%.120s is not a CPU baseline; remove it and run `norma cpu-baseline --apply`",
		 path);
	return -EINVAL;
}

static int write_whole(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t bytes = strlen(text);

	if (fd < 0)
		return -errno;
	errno = ENOSPC; /* what a short write means */
	if (write(fd, text, bytes) != (ssize_t)bytes || fsync(fd) < 0)
		return -errno;
	return 0;
}

int baseline_file_write(const struct config *config, const struct cpu_features *baseline,
			char error[MESSAGE_MAX_TEXT])
{
	char path[PATH_MAX], new_path[PATH_MAX], text[FILE_BYTES];
	char list[CPU_FEATURES_LIST_BYTES];
	int result;

	/* One that exists is as good; that it cannot be made shows when the file is. */
	mkdir(config->state_dir, 0755);
	file_path(config, "", path);
	file_path(config, ".new", new_path);
	cpu_features_write(baseline, list);
	snprintf(text, sizeof(text), KEYWORD "%s\n", list);
	result = write_whole(new_path, text);
	if (!result && rename(new_path, path) < 0)
		result = -errno;
	if (!result)
		return 0;
	unlink(new_path);
	snprintf(error, MESSAGE_MAX_TEXT, "the CPU baseline cannot be stored in %.120s: %s", path,
		 strerror(-result));
	return result;
}
