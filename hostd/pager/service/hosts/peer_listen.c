/*
 * Where other pagers call.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "pager/service/container.h"
#include "pager/service/hosts/peer_link.h"

#define LISTEN_RETRY_NS	   (50 * NS_PER_MS)
#define LISTEN_DEADLINE_NS (5 * NS_PER_S)
#define ACCEPT_PAUSE_NS	   (100 * NS_PER_MS)
#define LISTEN_BACKLOG	   64

static void accept_fire(struct timer *timer)
{
	struct pager *pager = CONTAINER(timer, struct pager, accept_pause);

	ring_accept(&pager->ring, &pager->accept, pager->listen_fd);
}

static void accept_complete(struct ring_operation *operation, int result)
{
	struct pager *pager = CONTAINER(operation, struct pager, accept);

	if (result >= 0)
		peer_link_accept(pager, result);
	else
		log_line(LOG_WARNING, "accepting a pager's connection: %s; trying again",
			 strerror(-result));
	/* Descriptors or memory may be short: a pause instead of a busy loop. */
	if (result < 0 && timer_start(&pager->timers, &pager->accept_pause,
				      clock_now_ns() + ACCEPT_PAUSE_NS) == 0)
		return;
	ring_accept(&pager->ring, operation, pager->listen_fd);
}

/* Return: 0 or -errno. */
static int listen_on(struct pager *pager)
{
	const struct page_address *address = &pager->options.listen;
	_cleanup_close_ int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, &address->any, page_address_bytes(address)) || listen(fd, LISTEN_BACKLOG))
		return -errno;
	pager->listen_fd = take_fd(&fd);
	pager->accept.complete = accept_complete;
	pager->accept_pause.fire = accept_fire;
	ring_accept(&pager->ring, &pager->accept, pager->listen_fd);
	return 0;
}

static void listen_fire(struct timer *timer)
{
	struct pager *pager = CONTAINER(timer, struct pager, listen_retry);
	uint64_t now = clock_now_ns();
	int r = listen_on(pager);
	char text[PAGE_ADDRESS_TEXT_BYTES];

	if (r == 0)
		return;
	/*
	 * The kernel takes a killed pager's ring apart after the process is gone (Linux 6.18),
	 * and its listening socket with it.
	 */
	if (r == -EADDRINUSE && now < pager->listen_deadline_ns &&
	    timer_start(&pager->timers, timer, now + LISTEN_RETRY_NS) == 0)
		return;
	page_address_print(&pager->options.listen, text);
	log_line(LOG_ERROR, "cannot listen for other pagers on %s: %s", text, strerror(-r));
	pager->end_reason = r;
	pager->is_ending = true;
}

int peer_listen(struct pager *pager)
{
	pager->listen_retry.fire = listen_fire;
	pager->listen_deadline_ns = clock_now_ns() + LISTEN_DEADLINE_NS;
	listen_fire(&pager->listen_retry);
	return pager->is_ending ? pager->end_reason : 0;
}

void peer_listen_done(struct pager *pager)
{
	timer_stop(&pager->timers, &pager->accept_pause);
	timer_stop(&pager->timers, &pager->listen_retry);
	if (pager->listen_fd >= 0)
		close(pager->listen_fd);
	pager->listen_fd = -1;
}
