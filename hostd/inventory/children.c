/*
 * Reads stat, statm and fd of each process. An open memfd is a regular file without a name; stat(2)
 * by way of /proc/PID/fd says how many blocks it has without touching a page.
 */
#include "children.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sources.h"

#define PAGER_NAME  "(norma-pager)"
#define BLOCK_BYTES 512u /* of st_blocks */
#define LAST	    INT_MAX

struct held_file {
	ino_t inode;
	int order; /* its process's; the lowest is charged */
	size_t row;
	uint64_t bytes;
};

struct held {
	struct snapshot_child *rows;
	size_t row_count, row_room;
	struct held_file *files;
	size_t file_count, file_room;
};

static void held_done(struct held *held)
{
	free(held->rows);
	free(held->files);
}

/* Makes room for one more of `size` bytes. Return: 0, -ENOMEM. */
static int grow(void **array, size_t *room, size_t count, size_t size)
{
	size_t wanted = *room ? *room * 2 : 64;
	void *moved;

	if (count < *room)
		return 0;
	moved = reallocarray(*array, wanted, size);
	if (!moved)
		return -ENOMEM;
	*array = moved;
	*room = wanted;
	return 0;
}

static int add_file(struct held *held, const struct held_file *file)
{
	int error = grow((void **)&held->files, &held->file_room, held->file_count, sizeof(*file));

	if (!error)
		held->files[held->file_count++] = *file;
	return error;
}

static int add_files(struct held *held, const char *root, pid_t pid, int order)
{
	char path[PATH_MAX];
	struct dirent *entry;
	struct stat status;
	int error = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/proc/%d/fd", root, pid);
	directory = opendir(path);
	if (!directory)
		return 0;
	while (!error && (entry = readdir(directory)))
		if (entry->d_name[0] != '.' &&
		    fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 &&
		    S_ISREG(status.st_mode) && status.st_nlink == 0)
			error =
			    add_file(held, &(struct held_file){
					       .inode = status.st_ino,
					       .order = order,
					       .row = held->row_count,
					       .bytes = (uint64_t)status.st_blocks * BLOCK_BYTES,
					   });
	closedir(directory);
	return error;
}

static uint64_t private_bytes(const char *root, pid_t pid)
{
	unsigned long long resident, shared;
	char line[128];

	if (source_line(line, sizeof(line), root, "proc/%d/statm", pid) ||
	    sscanf(line, "%*s %llu %llu", &resident, &shared) != 2 || shared > resident)
		return 0;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int add_process(struct held *held, const char *root, pid_t pid, int order)
{
	int error =
	    grow((void **)&held->rows, &held->row_room, held->row_count, sizeof(*held->rows));

	if (!error)
		error = add_files(held, root, pid, order);
	if (!error)
		held->rows[held->row_count++] =
		    (struct snapshot_child){.pid = pid, .bytes = private_bytes(root, pid)};
	return error;
}

static int compare_files(const void *left, const void *right)
{
	const struct held_file *a = left, *b = right;

	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

static int compare_rows(const void *left, const void *right)
{
	const struct snapshot_child *a = left, *b = right;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

/* Each file to the row of the first process that has it. Return: the sum of all rows. */
static uint64_t charge(struct held *held)
{
	uint64_t sum = 0;

	if (held->file_count)
		qsort(held->files, held->file_count, sizeof(*held->files), compare_files);
	for (size_t i = 0; i < held->file_count; i++)
		if (!i || held->files[i].inode != held->files[i - 1].inode)
			held->rows[held->files[i].row].bytes += held->files[i].bytes;
	for (size_t i = 0; i < held->row_count; i++)
		sum += held->rows[i].bytes;
	return sum;
}

/* The program's name may hold anything but ends with the last parenthesis. Return: its order, or 0
 * when it is not a child of `parent`. */
static int child_order(const char *root, pid_t pid, pid_t parent)
{
	const char *end;
	char line[512];
	int found;

	if (source_line(line, sizeof(line), root, "proc/%d/stat", pid))
		return 0;
	end = strrchr(line, ')');
	if (!end || sscanf(end + 1, " %*c %d", &found) != 1 || found != parent)
		return 0;
	return strstr(line, PAGER_NAME) ? LAST : pid;
}

static int add_children(struct held *held, const char *root, pid_t parent)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int error = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/proc", root);
	directory = opendir(path);
	if (!directory)
		return -errno;
	while (!error && (entry = readdir(directory))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		int order = pid > 0 ? child_order(root, pid, parent) : 0;

		if (order)
			error = add_process(held, root, pid, order);
	}
	closedir(directory);
	return error;
}

int children_read(const char *root, pid_t parent, struct snapshot_children *ret_children,
		  struct snapshot_child **ret_rows)
{
	struct held held = {0};
	int error = add_children(&held, root, parent);

	if (error) {
		held_done(&held);
		return error;
	}
	*ret_children = (struct snapshot_children){
	    .is_counted = true,
	    .bytes = charge(&held),
	    .count = (uint32_t)held.row_count,
	};
	if (held.row_count)
		qsort(held.rows, held.row_count, sizeof(*held.rows), compare_rows);
	*ret_rows = held.rows;
	free(held.files);
	return 0;
}

uint64_t process_memory_read(const char *root, pid_t pid)
{
	struct held held = {0};
	uint64_t bytes = 0;

	if (add_process(&held, root, pid, pid) == 0)
		bytes = charge(&held);
	held_done(&held);
	return bytes;
}
