/*
 * A small world for the coherence protocol: hosts with directories, holders, page contents and page
 * protections, joined by one FIFO link for each ordered pair. The caller chooses what happens next;
 * after every step the world checks that one writer or many readers exist and that every readable
 * copy is the last completed write.
 */
#ifndef PAGER_COHERENCE_WORLD_H
#define PAGER_COHERENCE_WORLD_H

#include "holder.h"

#define WORLD_HOSTS 5
#define WORLD_PAGES 4
#define WORLD_LINK  256 /* messages in flight on one link */
#define WORLD_HOME  0U
#define WORLD_HOLD  3 /* steps a granted page stays */

struct world_data {
	uint64_t version;
	uint64_t pattern; /* depends on page and version: a mixed-up page shows */
};

struct packet {
	struct message message;
	struct world_data data;
};

struct world_link {
	struct packet packets[WORLD_LINK];
	unsigned int head, count;
	bool is_broken; /* what is sent is lost until the sender notices */
};

struct world_host {
	struct world *world;
	unsigned int number;
	bool is_alive;
	bool is_member;
	bool is_leaving;
	struct holder holder;
	struct world_data memory[WORLD_PAGES];
	enum page_access access[WORLD_PAGES]; /* what the protection lets threads do */
	bool is_reading[WORLD_PAGES];	      /* a thread waits to read, to write */
	bool is_writing[WORLD_PAGES];
	struct world_data staged;
	uint32_t lost_epochs[WORLD_HOSTS]; /* of the peers' lives those links belonged to */
	host_set lost_links;		   /* peers whose broken link this host has yet to notice */
};

struct world {
	unsigned int host_count, page_count;
	struct directory directory;
	struct world_host hosts[WORLD_HOSTS];
	struct world_link links[WORLD_HOSTS][WORLD_HOSTS];
	struct world_data latest[WORLD_PAGES];
	const struct packet *incoming; /* the packet being handled */
	uint64_t now;
	bool may_lose; /* a host or link died: LOST answers are right */
	uint64_t read_count, write_count, error_count;
	char failure[256]; /* the first broken promise, empty if none */
};

void world_init(struct world *world, unsigned int host_count, unsigned int page_count);
void world_done(struct world *world);

/* Return: whether the host is alive, a member and not leaving. */
bool world_is_active(const struct world *world, unsigned int host);

/* Threads touch a page: at once if the protection allows, else by a fault. */
void world_read(struct world *world, unsigned int host, uint64_t page);
void world_write(struct world *world, unsigned int host, uint64_t page);
void world_hint(struct world *world, unsigned int host, uint64_t page);

/* Handles the oldest message of a link. Return: false if there is none or it has to be held. */
bool world_deliver(struct world *world, unsigned int from, unsigned int to);

void world_return(struct world *world, unsigned int host, uint64_t page);
void world_leave(struct world *world, unsigned int host);
void world_join(struct world *world, unsigned int host);
void world_die(struct world *world, unsigned int host);
void world_break_link(struct world *world, unsigned int first, unsigned int second);
/* A host finds out that its link to a peer broke. Return: false if it knows already. */
bool world_notice(struct world *world, unsigned int host, unsigned int peer);

/* The promises that hold at every moment; writes world->failure. */
void world_check(struct world *world);

/* Delivers and notices until nothing is left, then checks that nothing waits or leaked. */
void world_settle(struct world *world);

#endif
