/*
 * The world of coherence_world.h. Actions are carried out on arrays as the pager carries them out
 * on memory: in order, each on its own.
 */
#include "coherence_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void fail(struct world *world, const char *format, ...)
{
	if (world->failure[0] != '\0')
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(world->failure, sizeof(world->failure), format, arguments);
	va_end(arguments);
}

static struct world_data data_of(uint64_t page, uint64_t version)
{
	return (struct world_data){version, (version + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ page};
}

static bool is_latest(const struct world *world, const struct world_host *host, uint64_t page)
{
	return memcmp(&host->memory[page], &world->latest[page], sizeof(struct world_data)) == 0;
}

static void push(struct world *world, unsigned int from, unsigned int to, struct packet packet)
{
	struct world_link *link = &world->links[from][to];
	if (!world->hosts[to].is_alive || link->is_broken)
		return;
	if (link->count == WORLD_LINK) {
		fail(world, "link %u to %u overflows with %s", from, to,
		     coherence_message_type_name(packet.message.type));
		return;
	}
	link->packets[(link->head + link->count++) % WORLD_LINK] = packet;
}

/* Waiting threads go on as far as the protection lets them. */
static void wake(struct world_host *host, uint64_t page)
{
	struct world *world = host->world;
	if (host->is_reading[page] && host->access[page] >= ACCESS_READ) {
		host->is_reading[page] = false;
		world->read_count++;
		if (!is_latest(world, host, page))
			fail(world, "host %u read an old version of page %lu", host->number, page);
	}
	if (host->is_writing[page] && host->access[page] == ACCESS_WRITE) {
		host->is_writing[page] = false;
		world->write_count++;
		/* a store adds to what is there: a lost update shows in the version */
		host->memory[page] = data_of(page, host->memory[page].version + 1);
		world->latest[page] = data_of(page, world->latest[page].version + 1);
	}
}

static void poison(struct world_host *host, uint64_t page)
{
	if (!host->world->may_lose)
		fail(host->world, "page %lu is lost at host %u and nobody died", page,
		     host->number);
	host->world->error_count += host->is_reading[page] || host->is_writing[page];
	host->is_reading[page] = false;
	host->is_writing[page] = false;
}

static void expect(struct world_host *host, const struct action *action, bool is_right)
{
	if (!is_right)
		fail(host->world, "action %s at host %u on page %lu has no page to work on",
		     action_type_name(action->type), host->number, action->page);
}

static void act_on_memory(struct world_host *host, const struct action *action)
{
	uint64_t page = action->page;
	bool is_here = host->access[page] != ACCESS_NONE;
	switch (action->type) {
	case ACTION_INSTALL:
		expect(host, action, !is_here);
		host->memory[page] = host->world->incoming->data;
		host->access[page] = action->access;
		wake(host, page);
		break;
	case ACTION_UNPROTECT:
		expect(host, action, is_here);
		host->access[page] = ACCESS_WRITE;
		wake(host, page);
		break;
	case ACTION_MAP:
		expect(host, action, host->access[page] == action->access);
		wake(host, page);
		break;
	case ACTION_PROTECT:
		expect(host, action, host->access[page] == ACCESS_WRITE);
		host->access[page] = ACCESS_READ;
		break;
	case ACTION_READ_OUT:
		expect(host, action, host->access[page] == ACCESS_READ);
		host->staged = host->memory[page];
		break;
	case ACTION_DROP:
		expect(host, action, host->access[page] == ACCESS_READ);
		host->access[page] = ACCESS_NONE;
		memset(&host->memory[page], 0, sizeof(host->memory[page]));
		break;
	case ACTION_POISON:
		poison(host, page);
		break;
	case ACTION_SEND:
	case ACTION_SEND_PAGE:
	case ACTION_FORWARD:
	case ACTION_NUM_TYPES:
		fail(host->world, "action %s is not one on memory", action_type_name(action->type));
	}
}

static void emit(void *context, const struct action *action)
{
	struct world_host *host = context;
	struct packet packet = {.message = action->message};
	switch (action->type) {
	case ACTION_SEND_PAGE:
		packet.data = host->staged;
		push(host->world, host->number, action->host, packet);
		break;
	case ACTION_FORWARD:
		packet.data = host->world->incoming->data;
		push(host->world, host->number, action->host, packet);
		break;
	case ACTION_SEND:
		push(host->world, host->number, action->host, packet);
		break;
	case ACTION_INSTALL:
	case ACTION_UNPROTECT:
	case ACTION_MAP:
	case ACTION_PROTECT:
	case ACTION_READ_OUT:
	case ACTION_DROP:
	case ACTION_POISON:
	case ACTION_NUM_TYPES:
		act_on_memory(host, action);
	}
}

static struct action_sink sink_of(struct world *world, unsigned int host)
{
	return (struct action_sink){.emit = emit, .context = &world->hosts[host]};
}

static void make_holder(struct world *world, unsigned int host, uint32_t epoch)
{
	struct world_host *it = &world->hosts[host];
	struct holder_config config = {
	    .object = 7,
	    .page_count = world->page_count,
	    .hold_ns = WORLD_HOLD,
	    .self = host,
	    .home = WORLD_HOME,
	    .epoch = epoch,
	    .directory = host == WORLD_HOME ? &world->directory : NULL,
	};
	*it = (struct world_host){
	    .world = world, .number = host, .is_alive = true, .is_member = true};
	if (holder_init(&it->holder, &config) < 0)
		fail(world, "holder_init failed at host %u", host);
}

void world_init(struct world *world, unsigned int host_count, unsigned int page_count)
{
	memset(world, 0, sizeof(*world));
	world->host_count = host_count;
	world->page_count = page_count;
	world->now = 1;
	if (directory_init(&world->directory, 7, WORLD_HOME, page_count) < 0)
		fail(world, "directory_init failed");
	make_holder(world, WORLD_HOME, directory_host_epoch(&world->directory, WORLD_HOME));
	for (uint64_t page = 0; page < page_count; page++) {
		world->latest[page] = data_of(page, 0);
		world->hosts[WORLD_HOME].memory[page] = data_of(page, 0);
		world->hosts[WORLD_HOME].access[page] = ACCESS_WRITE;
	}
	for (unsigned int host = 1; host < host_count; host++) {
		world->hosts[host] = (struct world_host){.world = world, .number = host};
		world_join(world, host);
	}
}

static void forget_host(struct world *world, unsigned int host)
{
	if (world->hosts[host].is_member)
		holder_done(&world->hosts[host].holder);
	world->hosts[host].is_member = false;
	world->hosts[host].is_alive = false;
}

void world_done(struct world *world)
{
	for (unsigned int host = 0; host < world->host_count; host++)
		forget_host(world, host);
	directory_done(&world->directory);
}

bool world_is_active(const struct world *world, unsigned int host)
{
	const struct world_host *it = &world->hosts[host];
	return it->is_alive && it->is_member && !it->is_leaving;
}

static void touch(struct world *world, unsigned int host, uint64_t page, enum fault_kind kind)
{
	struct world_host *it = &world->hosts[host];
	struct action_sink sink = sink_of(world, host);
	it->is_reading[page] |= kind == FAULT_READ;
	it->is_writing[page] |= kind == FAULT_WRITE;
	bool was_held = holder_has_copy(&it->holder, page);
	wake(it, page);
	bool waits = (kind == FAULT_READ && it->is_reading[page]) ||
		     (kind == FAULT_WRITE && it->is_writing[page]) || kind == FAULT_HINT;
	/* one mapping of several may fault although the page is here: sometimes do so */
	if (waits || (was_held && world->now % 4 == 0 && kind == FAULT_READ))
		holder_fault(&it->holder, page, kind, &sink);
}

void world_read(struct world *world, unsigned int host, uint64_t page)
{
	touch(world, host, page, FAULT_READ);
}

void world_write(struct world *world, unsigned int host, uint64_t page)
{
	touch(world, host, page, FAULT_WRITE);
}

void world_hint(struct world *world, unsigned int host, uint64_t page)
{
	touch(world, host, page, FAULT_HINT);
}

bool world_deliver(struct world *world, unsigned int from, unsigned int to)
{
	struct world_link *link = &world->links[from][to];
	struct world_host *host = &world->hosts[to];
	if (link->count == 0 || !host->is_alive || !host->is_member)
		return false;
	struct packet packet = link->packets[link->head];
	packet.message.from = (uint8_t)from;
	const struct message *message = &packet.message;
	bool takes = message->type == MESSAGE_FETCH || message->type == MESSAGE_INVALIDATE;
	if (takes && !holder_may_give_up(&host->holder, message->page, world->now))
		return false;
	link->head = (link->head + 1) % WORLD_LINK;
	link->count--;
	world->incoming = &packet;
	struct action_sink sink = sink_of(world, to);
	int result = to == WORLD_HOME && message_is_for_directory(message, to)
			 ? directory_message(&world->directory, message, &sink)
			 : holder_message(&host->holder, message, world->now, &sink);
	world->incoming = NULL;
	if (result < 0)
		fail(world, "host %u refused %s from host %u: %s", to,
		     coherence_message_type_name(message->type), from, strerror(-result));
	return true;
}

void world_return(struct world *world, unsigned int host, uint64_t page)
{
	struct action_sink sink = sink_of(world, host);
	holder_return(&world->hosts[host].holder, page, &sink);
}

void world_leave(struct world *world, unsigned int host)
{
	struct action_sink sink = sink_of(world, host);
	world->hosts[host].is_leaving = true;
	holder_leave(&world->hosts[host].holder, &sink);
}

void world_join(struct world *world, unsigned int host)
{
	uint32_t epoch = 0;
	if (directory_host_join(&world->directory, host, &epoch) < 0)
		return; /* its death is not known at home yet */
	for (unsigned int peer = 0; peer < world->host_count; peer++) {
		world->links[host][peer] = (struct world_link){0};
		world->links[peer][host] = (struct world_link){0};
	}
	make_holder(world, host, epoch);
}

void world_die(struct world *world, unsigned int host)
{
	world->may_lose = true;
	uint32_t epoch = world->hosts[host].holder.config.epoch;
	forget_host(world, host);
	for (unsigned int peer = 0; peer < world->host_count; peer++) {
		world->links[peer][host].count = 0;
		world->hosts[peer].lost_links |= host_set_of(host);
		world->hosts[peer].lost_epochs[host] = epoch;
	}
}

void world_break_link(struct world *world, unsigned int first, unsigned int second)
{
	world->may_lose = true;
	unsigned int pair[2] = {first, second};
	for (unsigned int i = 0; i < 2; i++) {
		struct world_link *link = &world->links[pair[i]][pair[!i]];
		link->count = 0;
		link->is_broken = true;
		world->hosts[pair[i]].lost_links |= host_set_of(pair[!i]);
		world->hosts[pair[i]].lost_epochs[pair[!i]] =
		    world->hosts[pair[!i]].holder.config.epoch;
	}
}

bool world_notice(struct world *world, unsigned int host, unsigned int peer)
{
	struct world_host *it = &world->hosts[host];
	if (!it->is_alive || !host_set_has(it->lost_links, peer))
		return false;
	struct action_sink sink = sink_of(world, host);
	it->lost_links &= ~host_set_of(peer);
	if (!world->hosts[peer].is_alive)
		world->links[peer][host].count = 0;
	world->links[host][peer].is_broken = false;
	if (host == WORLD_HOME)
		directory_host_lost(&world->directory, peer, &sink);
	else if (peer == WORLD_HOME)
		holder_home_lost(&it->holder, &sink);
	else
		holder_link_lost(&it->holder, peer, it->lost_epochs[peer], &sink);
	return true;
}

static void check_page(struct world *world, uint64_t page)
{
	unsigned int writers = 0, copies = 0;
	for (unsigned int host = 0; host < world->host_count; host++) {
		const struct world_host *it = &world->hosts[host];
		if (!it->is_alive || it->access[page] == ACCESS_NONE)
			continue;
		copies++;
		writers += it->access[page] == ACCESS_WRITE;
		if (!is_latest(world, it, page))
			fail(world, "host %u has version %lu of page %lu, %lu is the last", host,
			     it->memory[page].version, page, world->latest[page].version);
		if (!holder_has_copy(&it->holder, page))
			fail(world, "host %u has page %lu and its holder does not know", host,
			     page);
	}
	if (writers > 1 || (writers == 1 && copies > 1))
		fail(world, "page %lu has %u writers and %u copies", page, writers, copies);
}

void world_check(struct world *world)
{
	for (uint64_t page = 0; page < world->page_count; page++)
		check_page(world, page);
}

static void check_quiet_page(struct world *world, unsigned int host, uint64_t page)
{
	const struct world_host *it = &world->hosts[host];
	enum holder_state state = holder_page_state(&it->holder, page);
	if (state != HOLDER_NONE && state != HOLDER_SHARED && state != HOLDER_EXCLUSIVE &&
	    state != HOLDER_LOST)
		fail(world, "host %u stays %s on page %lu", host, holder_state_name(state), page);
	if (it->is_reading[page] || it->is_writing[page])
		fail(world, "a thread of host %u waits for ever on page %lu", host, page);
	if (!world->hosts[WORLD_HOME].is_alive)
		return;
	bool has_copy = holder_has_copy(&it->holder, page);
	if (has_copy != host_set_has(directory_page_hosts(&world->directory, page), host))
		fail(world, "home and host %u disagree on page %lu", host, page);
	bool is_owner =
	    has_copy && directory_page_state(&world->directory, page) == DIRECTORY_OWNED;
	if (is_owner != (state == HOLDER_EXCLUSIVE))
		fail(world, "home and host %u disagree on who owns page %lu", host, page);
}

static bool settle_pair(struct world *world, unsigned int from, unsigned int to)
{
	bool moved = world_notice(world, to, from);
	while (world_deliver(world, from, to)) {
		moved = true;
		world_check(world);
	}
	return moved || (world->links[from][to].count != 0 && world->hosts[to].is_alive);
}

void world_settle(struct world *world)
{
	bool moved = true;
	for (unsigned int round = 0; moved && round < 10000; round++) {
		moved = false;
		world->now += WORLD_HOLD;
		for (unsigned int pair = 0; pair < world->host_count * world->host_count; pair++)
			moved |=
			    settle_pair(world, pair / world->host_count, pair % world->host_count);
	}
	if (moved)
		fail(world, "messages never stop");
	world_check(world);
	for (unsigned int host = 0; host < world->host_count; host++)
		for (uint64_t page = 0; page < world->page_count; page++)
			if (world->hosts[host].is_alive)
				check_quiet_page(world, host, page);
	if (world->hosts[WORLD_HOME].is_alive && (directory_busy_count(&world->directory) != 0 ||
						  world->directory.waiting.used_count != 0))
		fail(world, "the directory keeps %u busy pages and %u requests",
		     directory_busy_count(&world->directory), world->directory.waiting.used_count);
}
