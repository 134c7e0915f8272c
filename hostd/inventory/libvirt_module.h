/*
 * The border between norma-hostd and norma-libvirt.so. The daemon is not linked with libvirt: it
 * loads this module when it is there, and runs without it when the module or libvirt is not.
 * Everything here is called from one thread, the follower's (libvirt_follower.h).
 */
#ifndef INVENTORY_LIBVIRT_MODULE_H
#define INVENTORY_LIBVIRT_MODULE_H

#include <limits.h>

#include "inventory.h"
#include "snapshot.h"

#define LIBVIRT_MODULE_VERSION 2u

/* A connection. */
struct libvirt_session;

/* What libvirt_module.wait() came back for; several at once are possible. */
enum libvirt_news {
	LIBVIRT_NEWS_WOKEN = 1,	  /* wake_fd is readable */
	LIBVIRT_NEWS_CHANGED = 2, /* a guest started, stopped or changed */
	LIBVIRT_NEWS_CLOSED = 4,  /* the connection is gone: close() is all that is left to do */
};

/* What libvirt calls the host's processor; `xml` as snapshot_libvirt.cpu_xml, for free(3). */
struct libvirt_cpu {
	char model[SNAPSHOT_NAME_BYTES];
	char vendor[SNAPSHOT_NAME_BYTES];
	char *xml;
};

/* A processor that several hosts can be; the strings are for free(3). */
struct libvirt_baseline {
	char model[SNAPSHOT_NAME_BYTES];
	char *xml;	/* a <cpu> element */
	char *features; /* all that it has, those of the model too: names with a space between */
};

/*
 * All functions that fail return -errno with a sentence in `why`; -EOPNOTSUPP means that this
 * libvirt cannot say, which says nothing about the host.
 */
struct libvirt_module {
	uint32_t version; /* LIBVIRT_MODULE_VERSION, checked before anything else is looked at */

	/* Connects. One session at a time in a process: -EBUSY. wake_fd is borrowed. */
	int (*open)(const char *uri, int wake_fd, struct libvirt_session **ret_session,
		    char why[SNAPSHOT_WHY_BYTES]);
	void (*close)(struct libvirt_session *session);

	/* Runs the event loop until there are news or timeout_ms have passed. Return: libvirt_news;
	 * `why` is written with LIBVIRT_NEWS_CLOSED. */
	unsigned int (*wait)(struct libvirt_session *session, int timeout_ms,
			     char why[SNAPSHOT_WHY_BYTES]);

	/* Fills guests and memory, and `why` with the versions. Return: 0, -errno. */
	int (*collect)(struct libvirt_session *session, struct snapshot_libvirt *ret_facts,
		       char why[SNAPSHOT_WHY_BYTES]);

	/* May take seconds: libvirt asks QEMU. Return: 0, -errno. */
	int (*cpu)(struct libvirt_session *session, struct libvirt_cpu *ret_cpu,
		   char why[SNAPSHOT_WHY_BYTES]);

	/*
	 * The processor that all of xmls[count] (<cpu> elements, each with its vendor) can be.
	 * Return: 0; -ENOENT: there is none, they differ too much.
	 */
	int (*baseline)(struct libvirt_session *session, const char *const *xmls,
			unsigned int count, struct libvirt_baseline *ret_baseline,
			char why[SNAPSHOT_WHY_BYTES]);
};

/* The one symbol of norma-libvirt.so. */
extern const struct libvirt_module norma_libvirt_module;
#define LIBVIRT_MODULE_SYMBOL "norma_libvirt_module"

/* The host's own libvirt: known to be there by its socket. */
#define LIBVIRT_LOCAL_URI "qemu:///system"

struct libvirt_module_place {
	char path[PATH_MAX];
	char uri[INVENTORY_URI_BYTES];
	char root[PATH_MAX]; /* before /run/libvirt */
};

/*
 * Loads it unless *module is set, for the life of the process: 16 MB with all that libvirt is
 * linked with, so not before the daemon of this host has a socket, when that is who is to be asked.
 * Return: 0, -ENOTCONN without a daemon, -ENOENT; both with a sentence.
 */
int libvirt_module_load(const struct libvirt_module_place *place,
			const struct libvirt_module **module, char why[SNAPSHOT_WHY_BYTES]);

#endif
