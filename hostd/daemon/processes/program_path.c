/*
 * See program_path.h.
 */
#include "program_path.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From the folder of this program. */
static const char *const program_folders[] = {
    ".", "../../vmm", "../pager", "../inventory", NORMA_PROGRAMS_NEAR, NORMA_PROGRAMS,
};

static bool find_program(const char *own_folder, const char *name, int mode, char path[PATH_MAX])
{
	char place[2 * PATH_MAX];

	for (size_t i = 0; i < sizeof(program_folders) / sizeof(program_folders[0]); i++) {
		const char *folder = program_folders[i];

		snprintf(place, sizeof(place), "%s%s%s/%s", folder[0] == '/' ? "" : own_folder,
			 folder[0] == '/' ? "" : "/", folder, name);
		if (access(place, mode) == 0 && realpath(place, path))
			return true;
	}
	return false;
}

void program_path(const char *name, int mode, char path[PATH_MAX])
{
	char own_folder[PATH_MAX];
	ssize_t bytes = readlink("/proc/self/exe", own_folder, sizeof(own_folder) - 1);
	char *slash;

	own_folder[bytes > 0 ? bytes : 0] = 0;
	slash = strrchr(own_folder, '/');
	if (slash)
		*slash = 0;
	if (!find_program(own_folder, name, mode, path))
		snprintf(path, PATH_MAX, "%s/%s", NORMA_PROGRAMS, name);
}
