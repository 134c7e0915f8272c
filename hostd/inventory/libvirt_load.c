/*
 * Loading the module. It stays loaded: libvirt cannot be taken out of a process again.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host_facts.h"
#include "libvirt_module.h"

/* dlerror(): "PATH: cannot open shared object file: ..." names the library that is missing. */
static void explain(char why[SNAPSHOT_WHY_BYTES])
{
	const char *error = dlerror();

	snprintf(why, SNAPSHOT_WHY_BYTES, "%.*s", SNAPSHOT_WHY_BYTES - 1,
		 error ? error : "the module has no symbol " LIBVIRT_MODULE_SYMBOL);
}

static int load(const char *path, const struct libvirt_module **ret_module,
		char why[SNAPSHOT_WHY_BYTES])
{
	const struct libvirt_module *module = NULL;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (library)
		module = dlsym(library, LIBVIRT_MODULE_SYMBOL);
	if (!module) {
		explain(why);
		return -ENOENT;
	}
	if (module->version != LIBVIRT_MODULE_VERSION) {
		snprintf(why, SNAPSHOT_WHY_BYTES, "the module is of another version of norma");
		return -ENOENT;
	}
	*ret_module = module;
	return 0;
}

int libvirt_module_load(const struct libvirt_module_place *place,
			const struct libvirt_module **module, char why[SNAPSHOT_WHY_BYTES])
{
	if (*module)
		return 0;
	if (strcmp(place->uri, LIBVIRT_LOCAL_URI) == 0 && !libvirt_has_socket(place->root)) {
		snprintf(why, SNAPSHOT_WHY_BYTES,
			 "its daemon is not there (no socket in /run/libvirt)");
		return -ENOTCONN;
	}
	return load(place->path, module, why);
}
