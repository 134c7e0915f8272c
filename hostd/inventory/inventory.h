/*
 * What this host knows of itself, kept up to date by threads of its own: one reads /proc and /sys,
 * one talks to libvirt and may wait for it as long as libvirt likes. Everything below is for the
 * one thread that owns the struct, and none of it waits for either of them.
 */
#ifndef INVENTORY_INVENTORY_H
#define INVENTORY_INVENTORY_H

#include "snapshot.h"

#define INVENTORY_URI_BYTES 128

struct inventory;

struct inventory_setup {
	const char *libvirt;	 /* "auto", "off" or a connection URI */
	const char *module_path; /* norma-libvirt.so */
	bool counts_children;	 /* snapshots say what the processes hold that this one started */
	const char *root;	 /* "" for this host; tests: a directory with proc/ and sys/ */
};

/*
 * Takes the first snapshot from /proc and /sys and starts the threads.
 * Return: 0, -ENOMEM, -errno of a thread that cannot be made.
 */
int inventory_new(const struct inventory_setup *setup, struct inventory **ret_inventory);
/* Ends the threads; one that waits for libvirt gets a second, then is left behind. Accepts NULL. */
void inventory_free(struct inventory *inventory);

/* Return: the newest snapshot; valid until the next call of this or of inventory_free(). */
const struct inventory_snapshot *inventory_current(struct inventory *inventory);

/* What libvirt made of a question. */
struct inventory_baseline {
	int result; /* 0; -ENOENT: the processors differ too much; -EOPNOTSUPP: libvirt cannot
		       say; -errno */
	/* Unless result is 0: NULL and empty. For inventory_baseline_done(). */
	char *xml;	/* a <cpu> element */
	char *features; /* its features by libvirt's names, with a space between */
	char model[SNAPSHOT_NAME_BYTES];
	char why[SNAPSHOT_WHY_BYTES]; /* a sentence, unless result is 0 */
};

void inventory_baseline_done(struct inventory_baseline *answer);

/*
 * Asks libvirt for the processor that all of xmls[count] can be (each a snapshot_libvirt.cpu_xml,
 * copied). The answer comes when libvirt has found it: then inventory_answer_fd() is readable. One
 * question at a time; an answer that nobody took makes room for the next one.
 * Return: 0, -EBUSY, -ENOTCONN when libvirt is not up here, -ENOMEM.
 */
int inventory_ask_baseline(struct inventory *inventory, const char *const *xmls,
			   unsigned int count);
/* Return: a descriptor to watch for EPOLLIN, valid as long as the inventory. */
int inventory_answer_fd(const struct inventory *inventory);
/* Return: 0 with the answer, -EAGAIN when there is none (then the descriptor is not readable). */
int inventory_take_baseline(struct inventory *inventory, struct inventory_baseline *ret_answer);

#endif
