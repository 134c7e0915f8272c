/*
 * The directory of a lab and its state file: one line per fact, appended before the fact comes
 * true, so that `lab down` finds everything even when `lab up` was killed half-way.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define STATE_TITLE "norma-lab 1\n"

static int state_path(const struct lab *lab, char *path, size_t capacity)
{
	int length = snprintf(path, capacity, "%s/state", lab->dir);

	return length < 0 || (size_t)length >= capacity ? -ENAMETOOLONG : 0;
}

static int append(const struct lab *lab, int flags, const char *text)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	ssize_t written;
	int r = state_path(lab, path, sizeof(path));

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0644);
	if (fd < 0)
		return -errno;
	written = write(fd, text, strlen(text));
	if (written < 0)
		return -errno;
	return (size_t)written == strlen(text) ? 0 : -ENOSPC;
}

/* Makes `path` and the directories above it that are missing; the last one must be new. */
static int make_directories(const char *path)
{
	char part[PATH_MAX];
	int length = snprintf(part, sizeof(part), "%s", path);

	if (length < 0 || (size_t)length >= sizeof(part))
		return -ENAMETOOLONG;
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(part, 0755) < 0 ? -errno : 0;
}

int lab_state_create(struct lab *lab)
{
	char text[64];
	char path[PATH_MAX];
	int r = make_directories(lab->dir);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), STATE_TITLE "hosts %u\n", lab->hosts);
	r = append(lab, O_CREAT | O_EXCL, text);
	for (unsigned int host = 0; r == 0 && host < lab->hosts; host++) {
		snprintf(path, sizeof(path), "%s/%u", lab->dir, host);
		r = mkdir(path, 0755) < 0 ? -errno : 0;
	}
	return r;
}

static FILE *state_open(const struct lab *lab)
{
	char path[PATH_MAX];
	int r = state_path(lab, path, sizeof(path));

	if (r < 0) {
		errno = -r;
		return NULL;
	}
	return fopen(path, "re");
}

int lab_state_load(struct lab *lab)
{
	char line[128];
	unsigned int hosts = 0;
	FILE *state = state_open(lab);

	if (!state)
		return errno == ENOTDIR ? -ENOENT : -errno;
	if (!fgets(line, sizeof(line), state) || strcmp(line, STATE_TITLE) != 0 ||
	    !fgets(line, sizeof(line), state) || sscanf(line, "hosts %u", &hosts) != 1 ||
	    hosts < 1 || hosts > LAB_MAX_HOSTS) {
		fclose(state);
		return -EBADMSG;
	}
	fclose(state);
	lab->hosts = hosts;
	return 0;
}

int lab_state_add_process(const struct lab *lab, const struct lab_process *process)
{
	char text[96];

	snprintf(text, sizeof(text), "process %u %ld %llu\n", process->host, (long)process->pid,
		 (unsigned long long)process->start_ticks);
	return append(lab, 0, text);
}

int lab_state_processes(const struct lab *lab, struct lab_process *processes)
{
	char line[128];
	int count = 0;
	FILE *state = state_open(lab);

	if (!state)
		return -errno;
	while (count < (int)LAB_MAX_HOSTS && fgets(line, sizeof(line), state)) {
		unsigned int host;
		long pid;
		unsigned long long ticks;

		if (sscanf(line, "process %u %ld %llu", &host, &pid, &ticks) == 3 && pid > 1)
			processes[count++] = (struct lab_process){
			    .host = host, .pid = (pid_t)pid, .start_ticks = ticks};
	}
	fclose(state);
	return count;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int lab_state_remove(const struct lab *lab)
{
	return nftw(lab->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 ? -errno : 0;
}
