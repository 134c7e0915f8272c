/*
 * A space and its host's pager: meeting it, and going on without it.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "machine.h"
#include "space_internal.h"
#include "userfault.h"

int space_pager_connect(struct space *space, int take_socket_fd)
{
	int ret = -EBUSY;

	pthread_rwlock_wrlock(&space->lock);
	if (space->pager.link.fd < 0)
		ret = pager_client_connect(&space->pager, take_socket_fd);
	else
		close(take_socket_fd);
	pthread_rwlock_unlock(&space->lock);
	return ret;
}

int space_pager_fd(const struct space *space)
{
	return space->pager.link.fd;
}

bool space_is_reported(const struct space *space)
{
	for (uint32_t i = 0; i < space->map.count; i++)
		if (space->map.regions[i].is_reported)
			return true;
	return false;
}

static void drop_stale(struct space *space)
{
	for (uint32_t i = 0; i < space->map.count; i++) {
		const struct region *region = &space->map.regions[i];

		if (region->mapping == REGION_SHARED && space_region_is_served(space, region))
			poisoner_drop(space->pager.uffd, space_hva(space, region->start),
				      region_bytes(region));
	}
}

int space_pager_lost(struct space *space)
{
	struct poisoner *poisoner;

	if (space->pager.link.fd < 0 || space->poisoner)
		return 0;
	/*
	 * Whoever holds the lock may be waiting for the pager: for a reply, or for a page that its
	 * last event asked for. What comes before the lock lets them go on, with an error; then the
	 * lock can be had.
	 */
	shutdown(space->pager.link.fd, SHUT_RDWR);
	/* Waiters whose page had come find it; the others ask again, and now somebody answers. */
	userfault_wake(space->pager.uffd, space_hva(space, 0), NORMA_USER_END);
	int ret = poisoner_new(space->pager.uffd, &poisoner);
	if (ret)
		return ret;
	pthread_rwlock_wrlock(&space->lock);
	space->poisoner = poisoner;
	space->pager.is_usable = false;
	drop_stale(space);
	/* And those whose event a dying pager still took. */
	userfault_wake(space->pager.uffd, space_hva(space, 0), NORMA_USER_END);
	pthread_rwlock_unlock(&space->lock);
	return 0;
}
