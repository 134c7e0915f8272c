/*
 * Where the programs that make up a host are: in the build tree that this program is part of, or
 * installed with it.
 */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool lab_program_find(const char *name, char path[PATH_MAX])
{
	/* From the folder of `norma`. */
	static const char *const folders[] = {
	    ".",       "../daemon",    "../pager", "../../vmm", "../libexec/norma",
	    "../sbin", "../lib/norma",
	};
	char self[PATH_MAX], place[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length <= 0)
		return false;
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		int wanted = snprintf(place, PATH_MAX, "%s/%s/%s", self, folders[i], name);

		if (wanted > 0 && wanted < PATH_MAX && access(place, X_OK) == 0 &&
		    realpath(place, path))
			return true;
	}
	return false;
}

void lab_program_hostd(char path[PATH_MAX])
{
	const char *asked = getenv("NORMA_HOSTD");

	if (asked)
		snprintf(path, PATH_MAX, "%s", asked);
	else if (!lab_program_find("norma-hostd", path))
		snprintf(path, PATH_MAX, "norma-hostd"); /* execvp looks in PATH */
}
