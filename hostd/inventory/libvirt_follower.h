/*
 * Keeps one connection to libvirt in a thread of its own: connects, reads, waits for events, and
 * after a failure tries again, each time a little later. Says in the log when it came up and when
 * it went down, once each.
 */
#ifndef INVENTORY_LIBVIRT_FOLLOWER_H
#define INVENTORY_LIBVIRT_FOLLOWER_H

#include "inventory.h"
#include "libvirt_module.h"
#include "snapshot.h"

struct libvirt_follower;

struct libvirt_follower_setup {
	const struct libvirt_module_place *place;
	/* Called by the thread when there is something new to read. */
	void (*changed)(void *context);
	void *context;
};

/* Return: 0, -ENOMEM, -errno. */
int libvirt_follower_new(const struct libvirt_follower_setup *setup,
			 struct libvirt_follower **ret_follower);
/*
 * Ends the thread. One that is inside libvirt and stays there for a second is left behind with what
 * it uses (libvirt offers no way to interrupt a call); `changed` is not called any more.
 */
void libvirt_follower_free(struct libvirt_follower *follower);

/* What it knows now; *ret_cpu_xml is a copy for free(3), or NULL. For any thread; never waits for
 * libvirt. */
void libvirt_follower_read(struct libvirt_follower *follower, struct snapshot_libvirt *ret_facts,
			   char **ret_cpu_xml);

/* Return: how long to wait before the next attempt, after one that was preceded by such a wait. */
int libvirt_follower_retry_ms(int waited_ms, bool was_useful);

/*
 * Asks for the baseline of xmls[count], which are copied. One question at a time.
 * Return: 0, -EBUSY, -ENOTCONN when libvirt is not up, -ENOMEM.
 */
int libvirt_follower_ask(struct libvirt_follower *follower, const char *const *xmls,
			 unsigned int count);
/* After `changed`: Return: 0 with the answer, -EAGAIN while there is none. */
int libvirt_follower_answer(struct libvirt_follower *follower,
			    struct inventory_baseline *ret_answer);

#endif
