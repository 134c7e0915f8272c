/*
 * The thread that answers page faults when the pager cannot any more.
 */
#include "poisoner.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cleanup.h"
#include "userfault.h"

struct poisoner {
	int uffd; /* borrowed */
	int stop_fd;
	pthread_t thread;
};

/*
 * Dropping comes first: from then on every access is a fault and waits. Lifting write protection
 * then only removes the marks that the kernel keeps in empty entries, on which a page cannot be
 * poisoned.
 */
void poisoner_drop(int uffd, uint64_t hva, uint64_t bytes)
{
	/* The region may be wired, which the plain advice would refuse. */
	madvise((void *)(uintptr_t)hva, bytes, MADV_DONTNEED_LOCKED);
	userfault_unprotect(uffd, hva, bytes);
}

/*
 * Only shared mappings are write-protected, and what is there may be stale. A page that is absent
 * is never dropped: the event may be old, and a private mapping may have got a page of its own
 * since.
 */
static void event_answer(int uffd, const struct userfault_event *event)
{
	if (event->is_write_protect)
		poisoner_drop(uffd, event->hva, PAGE_BYTES);
	else
		userfault_unprotect(uffd, event->hva, PAGE_BYTES);
	/* The mapping changed meanwhile, or another thread was faster: let the faulting one look
	 * again. */
	if (userfault_poison(uffd, event->hva))
		userfault_wake(uffd, event->hva, PAGE_BYTES);
}

static void *poisoner_run(void *argument)
{
	const struct poisoner *poisoner = argument;
	struct pollfd fds[] = {
	    {.fd = poisoner->uffd, .events = POLLIN},
	    {.fd = poisoner->stop_fd, .events = POLLIN},
	};

	while (!fds[1].revents) {
		struct userfault_event event;

		/* Without a time limit: it waits for faults for as long as the task lives. */
		if (poll(fds, 2, -1) < 0)
			continue;
		while (userfault_next(poisoner->uffd, &event) == 0)
			event_answer(poisoner->uffd, &event);
	}
	return NULL;
}

static void poisoner_close(struct poisoner *poisoner)
{
	cleanup_close(&poisoner->stop_fd);
	free(poisoner);
}

int poisoner_new(int uffd, struct poisoner **ret_poisoner)
{
	struct poisoner *poisoner = calloc(1, sizeof(*poisoner));
	int ret = 0;

	if (!poisoner)
		return -ENOMEM;
	poisoner->uffd = uffd;
	poisoner->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (poisoner->stop_fd < 0)
		ret = -errno;
	if (!ret)
		ret = -pthread_create(&poisoner->thread, NULL, poisoner_run, poisoner);
	if (ret) {
		poisoner_close(poisoner);
		return ret;
	}
	*ret_poisoner = poisoner;
	return 0;
}

void poisoner_free(struct poisoner *poisoner)
{
	if (!poisoner)
		return;
	eventfd_write(poisoner->stop_fd, 1);
	pthread_join(poisoner->thread, NULL);
	poisoner_close(poisoner);
}
