/*
 * A stand-in for norma-libvirt.so that does what the test says, in a file whose path follows
 * "fake:" in the URI. It is read anew for each call; lines "WORD REST":
 *
 *   refuse            there is nobody to connect to
 *   close             the connection ends
 *   guests N          so many guests run
 *   bound CELL MIB    they may take so much more, all of it from that cell
 *   cpu MODEL         the host's model; without the line, the driver cannot say
 *   lacks NAME...     baseline() answers with a model that has all features but these
 *   unsupported, incompatible     or it does not
 *   hold WHAT         collect or baseline waits until somebody opens PATH.hold for writing
 *
 * PATH.opens gets a line with the time of each attempt to connect, PATH.held one when a call waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "inventory/libvirt_module.h"

struct libvirt_session {
	char path[PATH_MAX];
	int wake_fd;
	int inotify_fd;
};

/* Return: whether the script has the word; what follows it. */
static bool says(const char *path, const char *word, char rest[512])
{
	FILE *file = fopen(path, "re");
	char line[512], first[32];
	bool found = false;
	int length;

	while (file && !found && fgets(line, sizeof(line), file)) {
		length = 0;
		if (sscanf(line, "%31s %n", first, &length) != 1 || strcmp(first, word) != 0)
			continue;
		snprintf(rest, 512, "%.*s", (int)strcspn(line + length, "\n"), line + length);
		found = true;
	}
	if (file)
		fclose(file);
	return found;
}

/* Adds the time to the file PATH.SUFFIX. */
static void note(const char *path, const char *suffix)
{
	char name[PATH_MAX + 8];
	FILE *file;

	snprintf(name, sizeof(name), "%s.%s", path, suffix);
	file = fopen(name, "ae");
	if (!file)
		return;
	fprintf(file, "%" PRIu64 "\n", clock_now_ns());
	fclose(file);
}

static void hold(const char *path, const char *what)
{
	char rest[512], fifo[PATH_MAX + 8];

	if (!says(path, "hold", rest) || strcmp(rest, what) != 0)
		return;
	note(path, "held");
	snprintf(fifo, sizeof(fifo), "%s.hold", path);
	close(open(fifo, O_RDONLY | O_CLOEXEC));
}

/* A script is replaced as a whole. */
static void watch_folder(int inotify_fd, const char *path)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	inotify_add_watch(inotify_fd, folder, IN_MOVED_TO);
}

static int fake_open(const char *uri, int wake_fd, struct libvirt_session **ret_session,
		     char why[SNAPSHOT_WHY_BYTES])
{
	const char *path = uri + strlen("fake:");
	struct libvirt_session *session;
	char rest[512];

	note(path, "opens");
	if (says(path, "refuse", rest)) {
		snprintf(why, SNAPSHOT_WHY_BYTES, "nobody is there");
		return -ECONNREFUSED;
	}
	session = calloc(1, sizeof(*session));
	if (!session)
		return -ENOMEM;
	snprintf(session->path, sizeof(session->path), "%s", path);
	session->wake_fd = wake_fd;
	session->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	watch_folder(session->inotify_fd, path);
	*ret_session = session;
	return 0;
}

static void fake_close(struct libvirt_session *session)
{
	close(session->inotify_fd);
	free(session);
}

static unsigned int fake_wait(struct libvirt_session *session, int timeout_ms,
			      char why[SNAPSHOT_WHY_BYTES])
{
	struct pollfd events[] = {{.fd = session->wake_fd, .events = POLLIN},
				  {.fd = session->inotify_fd, .events = POLLIN}};
	char rest[512], changes[4096];

	if (!says(session->path, "close", rest))
		poll(events, 2, timeout_ms);
	if (says(session->path, "close", rest)) {
		snprintf(why, SNAPSHOT_WHY_BYTES, "it hung up");
		return LIBVIRT_NEWS_CLOSED;
	}
	if (events[1].revents && read(session->inotify_fd, changes, sizeof(changes)) > 0)
		return LIBVIRT_NEWS_CHANGED;
	return events[0].revents ? LIBVIRT_NEWS_WOKEN : 0;
}

static int fake_collect(struct libvirt_session *session, struct snapshot_libvirt *ret_facts,
			char why[SNAPSHOT_WHY_BYTES])
{
	unsigned int cell, mib;
	char rest[512];

	(void)why;
	hold(session->path, "collect");
	*ret_facts = (struct snapshot_libvirt){.state = LIBVIRT_UP, .why = "libvirt 0, fake"};
	if (says(session->path, "guests", rest))
		ret_facts->guests.count = (uint32_t)atoi(rest);
	if (says(session->path, "bound", rest) && sscanf(rest, "%u %u", &cell, &mib) == 2 &&
	    cell < SNAPSHOT_MAX_CELLS) {
		ret_facts->guests.memory_bytes = (uint64_t)mib << 20;
		ret_facts->guests.bound_growth_bytes[cell] = (uint64_t)mib << 20;
	}
	return 0;
}

static int fake_cpu(struct libvirt_session *session, struct libvirt_cpu *ret_cpu,
		    char why[SNAPSHOT_WHY_BYTES])
{
	char rest[512];

	if (!says(session->path, "cpu", rest)) {
		snprintf(why, SNAPSHOT_WHY_BYTES, "it has no such call");
		return -EOPNOTSUPP;
	}
	snprintf(ret_cpu->model, sizeof(ret_cpu->model), "%.63s", rest);
	if (asprintf(&ret_cpu->xml, "<cpu><model>%s</model></cpu>", rest) < 0)
		return -ENOMEM;
	return 0;
}

/* All names that libvirt has for what the fake VMM's CPU shows, but those. */
static char *features_without(const char *lacks)
{
	static const char *const names[] = {
	    "fpu", "tsc",   "cx8",    "cmov",	"clflush", "mmx", "fxsr", "sse",     "sse2",
	    "pni", "ssse3", "sse4.1", "sse4.2", "xsave",   "avx", "avx2", "avx512f",
	};
	char *list = NULL, words[512], word[40];
	size_t bytes;
	FILE *stream = open_memstream(&list, &bytes);

	snprintf(words, sizeof(words), " %.500s ", lacks);
	for (size_t i = 0; stream && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(word, sizeof(word), " %s ", names[i]);
		if (!strstr(words, word))
			fprintf(stream, "%s ", names[i]);
	}
	if (stream)
		fclose(stream);
	return list;
}

static int fake_baseline(struct libvirt_session *session, const char *const *xmls,
			 unsigned int count, struct libvirt_baseline *ret_baseline,
			 char why[SNAPSHOT_WHY_BYTES])
{
	char rest[512];

	hold(session->path, "baseline");
	snprintf(why, SNAPSHOT_WHY_BYTES, "the script says so");
	if (says(session->path, "unsupported", rest))
		return -EOPNOTSUPP;
	if (says(session->path, "incompatible", rest))
		return -ENOENT;
	if (!says(session->path, "lacks", rest))
		rest[0] = 0;
	snprintf(ret_baseline->model, sizeof(ret_baseline->model), "Fake-of-%u", count);
	ret_baseline->xml = strdup(xmls[0]);
	ret_baseline->features = features_without(rest);
	return 0;
}

__attribute__((visibility("default"))) const struct libvirt_module norma_libvirt_module = {
    .version = LIBVIRT_MODULE_VERSION,
    .open = fake_open,
    .close = fake_close,
    .wait = fake_wait,
    .collect = fake_collect,
    .cpu = fake_cpu,
    .baseline = fake_baseline,
};
