/*
 * The memory limit of the control groups that this process is in. Tasks are its children and
 * share it; the tightest of all levels counts. Both versions of the kernel's interface, also mixed.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "host_facts.h"
#include "sources.h"

#define GROUP_PATH_BYTES 1024

/* Version 1 says "no limit" with the largest multiple of a page; nothing real comes near this. */
#define NO_LIMIT_BYTES (1ull << 62)

struct group_files {
	const char *mount, *limit, *used;
	const char *droppable; /* in memory.stat, bytes: file pages that go when needed */
};

static const struct group_files version_1 = {
    "sys/fs/cgroup/memory",
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "total_inactive_file",
};
static const struct group_files version_2 = {
    "sys/fs/cgroup",
    "memory.max",
    "memory.current",
    "inactive_file",
};

static uint64_t read_droppable(const char *root, const struct group_files *files, const char *group)
{
	FILE *file = source_open(root, "%s%s/memory.stat", files->mount, group);
	size_t length = strlen(files->droppable);
	unsigned long long bytes = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, files->droppable, length) &&
		    sscanf(line + length, " %llu", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

/* A level without a limit ("max") or without the files is none. */
static void read_level(const char *root, const struct group_files *files, const char *group,
		       struct snapshot_memory *memory)
{
	uint64_t limit, used, droppable, left;

	if (source_number(&limit, root, "%s%s/%s", files->mount, group, files->limit) ||
	    source_number(&used, root, "%s%s/%s", files->mount, group, files->used) ||
	    limit >= NO_LIMIT_BYTES)
		return;
	droppable = read_droppable(root, files, group);
	used -= droppable < used ? droppable : used;
	left = limit > used ? limit - used : 0;
	if (memory->limit_bytes && memory->limit_left_bytes <= left)
		return;
	memory->limit_bytes = limit;
	memory->limit_left_bytes = left;
}

/* From the process's own group up to the root of the hierarchy. */
static void read_levels(const char *root, const struct group_files *files, const char *path,
			struct snapshot_memory *memory)
{
	char group[GROUP_PATH_BYTES];

	if (snprintf(group, sizeof(group), "%s", path) >= (int)sizeof(group))
		return;
	for (;;) {
		char *slash = strrchr(group, '/');

		read_level(root, files, slash && slash[1] ? group : "", memory);
		if (!slash || !slash[1])
			return;
		/* "/a" has its parent "/" next; "/a/b" has "/a". */
		slash[slash == group] = 0;
	}
}

void host_limit_read(const char *root, struct snapshot_memory *memory)
{
	FILE *file = source_open(root, "proc/self/cgroup");
	char line[GROUP_PATH_BYTES];

	while (file && fgets(line, sizeof(line), file)) {
		char *path = strchr(line, '/');

		line[strcspn(line, "\n")] = 0;
		if (!path)
			continue;
		if (!strncmp(line, "0::", 3))
			read_levels(root, &version_2, path, memory);
		else if (strstr(line, ":memory:"))
			read_levels(root, &version_1, path, memory);
	}
	if (file)
		fclose(file);
}
