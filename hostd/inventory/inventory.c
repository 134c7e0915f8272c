/*
 * Theory of operation: the reading thread makes a snapshot once a second, and at once when the
 * follower of libvirt has news, and puts it into a mailbox of one place. The owner takes it out
 * when it wants to know something. Both exchange one pointer atomically; whoever gets an old
 * snapshot back frees it, so nobody waits and nobody counts references.
 */
#include "inventory.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "children.h"
#include "host_facts.h"
#include "libvirt_follower.h"

#define READ_EVERY_MS 1000

struct inventory {
	const char *root;
	bool counts_children;
	char why_not[SNAPSHOT_WHY_BYTES]; /* why there is no follower */
	enum libvirt_state state_without; /* of libvirt, when there is no follower */
	struct libvirt_follower *follower;

	pthread_t reader;
	bool has_reader;
	int wake_fd;
	int answer_fd;
	atomic_bool is_ending;
	struct host_times times; /* the reader's */

	_Atomic(struct inventory_snapshot *) newest; /* the mailbox; NULL: empty */
	struct inventory_snapshot *current;	     /* the owner's */
};

static void read_libvirt(struct inventory *inventory, struct snapshot_libvirt *ret_libvirt,
			 char **ret_xml)
{
	*ret_xml = NULL;
	if (inventory->follower) {
		libvirt_follower_read(inventory->follower, ret_libvirt, ret_xml);
		return;
	}
	ret_libvirt->state = inventory->state_without;
	memcpy(ret_libvirt->why, inventory->why_not, sizeof(ret_libvirt->why));
}

/* What a snapshot points to; it goes into the same piece of memory behind it. */
struct snapshot_tail {
	struct snapshot_libvirt libvirt;
	struct snapshot_children children;
	char *xml;		     /* of libvirt; NULL: none */
	struct snapshot_child *rows; /* of the children */
	size_t xml_bytes, rows_bytes;
};

static void tail_read(struct inventory *inventory, struct snapshot_tail *tail)
{
	*tail = (struct snapshot_tail){0};
	read_libvirt(inventory, &tail->libvirt, &tail->xml);
	if (inventory->counts_children)
		children_read(inventory->root, getpid(), &tail->children, &tail->rows);
	tail->rows_bytes = tail->children.count * sizeof(*tail->rows);
	tail->xml_bytes = tail->xml ? strlen(tail->xml) + 1 : 0;
}

/* Takes what the tail holds. */
static void tail_store(struct snapshot_tail *tail, struct inventory_snapshot *snapshot)
{
	char *room = (char *)(snapshot + 1);

	snapshot->libvirt = tail->libvirt;
	snapshot->children = tail->children;
	if (tail->rows)
		snapshot->children.rows = memcpy(room, tail->rows, tail->rows_bytes);
	if (tail->xml)
		snapshot->libvirt.cpu_xml =
		    memcpy(room + tail->rows_bytes, tail->xml, tail->xml_bytes);
}

/* Return: a snapshot for free(3), or NULL without memory. */
static struct inventory_snapshot *take_snapshot(struct inventory *inventory)
{
	struct inventory_snapshot *snapshot;
	uint64_t begin_ns = clock_now_ns();
	struct snapshot_tail tail;

	tail_read(inventory, &tail);
	snapshot = calloc(1, sizeof(*snapshot) + tail.rows_bytes + tail.xml_bytes);
	if (snapshot) {
		snapshot->taken_ns = begin_ns;
		tail_store(&tail, snapshot);
		host_memory_read(inventory->root, &snapshot->memory);
		host_cpu_read(inventory->root, &snapshot->cpu, &inventory->times);
	}
	free(tail.xml);
	free(tail.rows);
	return snapshot;
}

/*
 * The files it reads come and go in a table of its own, so that the daemon's descriptors can be
 * counted at any moment. The table must hold nothing of the daemon's: a socket that the daemon
 * closes would stay open in it. Where the kernel refuses, the two share one, which works as well.
 */
static void leave_descriptors(int wake_fd)
{
	if (close_range(STDERR_FILENO + 1, (unsigned int)wake_fd - 1, CLOSE_RANGE_UNSHARE) == 0)
		close_range((unsigned int)wake_fd + 1, UINT_MAX, 0);
}

static void *reader_run(void *context)
{
	struct inventory *inventory = context;
	struct pollfd woken = {.fd = inventory->wake_fd, .events = POLLIN};
	eventfd_t value;

	leave_descriptors(inventory->wake_fd);
	while (!atomic_load(&inventory->is_ending)) {
		struct inventory_snapshot *snapshot = take_snapshot(inventory);

		/* Without memory the one before stays the newest; it says when it was taken. */
		if (snapshot)
			free(atomic_exchange(&inventory->newest, snapshot));
		poll(&woken, 1, READ_EVERY_MS);
		eventfd_read(inventory->wake_fd, &value);
	}
	return NULL;
}

/* The follower's thread says that there is something new, perhaps an answer. */
static void libvirt_changed(void *context)
{
	struct inventory *inventory = context;

	eventfd_write(inventory->wake_fd, 1);
	eventfd_write(inventory->answer_fd, 1);
}

/* libvirt is never required: whatever is wrong with it is noted, and that is all. */
static void start_follower(struct inventory *inventory, const struct inventory_setup *setup)
{
	struct libvirt_module_place place;
	struct libvirt_follower_setup follower = {
	    .place = &place,
	    .changed = libvirt_changed,
	    .context = inventory,
	};
	int error;

	inventory->state_without = LIBVIRT_OFF;
	snprintf(inventory->why_not, SNAPSHOT_WHY_BYTES, "the configuration says so");
	if (strcmp(setup->libvirt, "off") == 0)
		return;
	snprintf(place.path, sizeof(place.path), "%s", setup->module_path);
	snprintf(place.root, sizeof(place.root), "%s", setup->root);
	snprintf(place.uri, sizeof(place.uri), "%s",
		 strcmp(setup->libvirt, "auto") == 0 ? LIBVIRT_LOCAL_URI : setup->libvirt);
	inventory->state_without = LIBVIRT_ABSENT;
	if (access(place.path, R_OK) == 0) {
		error = libvirt_follower_new(&follower, &inventory->follower);
		if (!error)
			return;
		snprintf(inventory->why_not, SNAPSHOT_WHY_BYTES, "no thread for it: %s",
			 strerror(-error));
	} else {
		snprintf(inventory->why_not, SNAPSHOT_WHY_BYTES,
			 "this installation of norma has no module for it");
	}
	log_line(LOG_NOTICE, "libvirt=absent why=\"%s\"", inventory->why_not);
}

/* Signals are for the thread that runs the daemon. */
static int start_reader(struct inventory *inventory)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&inventory->reader, NULL, reader_run, inventory);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	inventory->has_reader = !error;
	return -error;
}

int inventory_new(const struct inventory_setup *setup, struct inventory **ret_inventory)
{
	struct inventory *inventory = calloc(1, sizeof(*inventory));
	int error = 0;

	if (!inventory)
		return -ENOMEM;
	inventory->root = setup->root;
	inventory->counts_children = setup->counts_children;
	inventory->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	inventory->answer_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (inventory->wake_fd < 0 || inventory->answer_fd < 0)
		error = -errno;
	if (!error)
		start_follower(inventory, setup);
	if (!error) {
		inventory->current = take_snapshot(inventory);
		error = inventory->current ? start_reader(inventory) : -ENOMEM;
	}
	if (error) {
		inventory_free(inventory);
		return error;
	}
	*ret_inventory = inventory;
	return 0;
}

void inventory_free(struct inventory *inventory)
{
	if (!inventory)
		return;
	atomic_store(&inventory->is_ending, true);
	if (inventory->has_reader) {
		eventfd_write(inventory->wake_fd, 1);
		pthread_join(inventory->reader, NULL);
	}
	libvirt_follower_free(inventory->follower);
	free(atomic_load(&inventory->newest));
	free(inventory->current);
	cleanup_close(&inventory->wake_fd);
	cleanup_close(&inventory->answer_fd);
	free(inventory);
}

const struct inventory_snapshot *inventory_current(struct inventory *inventory)
{
	struct inventory_snapshot *newest = atomic_exchange(&inventory->newest, NULL);

	if (newest) {
		free(inventory->current);
		inventory->current = newest;
	}
	return inventory->current;
}

int inventory_ask_baseline(struct inventory *inventory, const char *const *xmls, unsigned int count)
{
	return inventory->follower ? libvirt_follower_ask(inventory->follower, xmls, count)
				   : -ENOTCONN;
}

void inventory_baseline_done(struct inventory_baseline *answer)
{
	free(answer->xml);
	free(answer->features);
	*answer = (struct inventory_baseline){0};
}

int inventory_answer_fd(const struct inventory *inventory)
{
	return inventory->answer_fd;
}

int inventory_take_baseline(struct inventory *inventory, struct inventory_baseline *ret_answer)
{
	eventfd_t value;

	eventfd_read(inventory->answer_fd, &value);
	return inventory->follower ? libvirt_follower_answer(inventory->follower, ret_answer)
				   : -EAGAIN;
}
