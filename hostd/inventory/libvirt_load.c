/*
 * Loading the module. It stays loaded: libvirt cannot be taken out of a process again.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libvirt_module.h"

/* "PATH: cannot open shared object file: ..." without the path, which is that of a missing
 * library when the module itself is there. */
static void explain(const char *path, char why[SNAPSHOT_WHY_BYTES])
{
	const char *error = dlerror();

	if (access(path, R_OK) < 0)
		snprintf(why, SNAPSHOT_WHY_BYTES,
			 "this installation of norma has no module for it");
	else
		snprintf(why, SNAPSHOT_WHY_BYTES, "%.*s", SNAPSHOT_WHY_BYTES - 1,
			 error ? error : "the module has no symbol " LIBVIRT_MODULE_SYMBOL);
}

int libvirt_module_load(const char *path, const struct libvirt_module **ret_module,
			char why[SNAPSHOT_WHY_BYTES])
{
	const struct libvirt_module *module = NULL;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (library)
		module = dlsym(library, LIBVIRT_MODULE_SYMBOL);
	if (!module) {
		explain(path, why);
		return -ENOENT;
	}
	if (module->version != LIBVIRT_MODULE_VERSION) {
		snprintf(why, SNAPSHOT_WHY_BYTES, "the module is of another version of norma");
		return -ENOENT;
	}
	*ret_module = module;
	return 0;
}
