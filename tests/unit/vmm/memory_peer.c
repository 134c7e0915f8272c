/*
 * See memory_peer.h: the test's side.
 */
#include "memory_peer_wire.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct peer_message message;

static void call_begin(struct peer *peer, int op)
{
	message.op = op;
	message.code = 0;
	ck_assert(peer_message_send(peer->fd, &message));
}

static void call_end(struct peer *peer)
{
	ck_assert_msg(peer_message_receive(peer->fd, &message), "the task died in operation %d",
		      message.op);
}

static void call(struct peer *peer, int op)
{
	call_begin(peer, op);
	call_end(peer);
}

struct peer peer_start(struct broker *broker)
{
	struct timeval timeout = {.tv_sec = PEER_TIMEOUT_S};
	int pair[2];
	int pager_fd = broker ? broker_client(broker) : -1;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	fflush(NULL);
	if (broker)
		broker_hold(broker);
	pid_t pid = fork();
	if (broker && pid != 0)
		broker_let_go(broker);
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		/* Nothing of the broker's may live on here: its death must be noticed. */
		dup2(pair[1], 1000);
		if (broker)
			dup2(pager_fd, 1001);
		close_range(3, 999, 0);
		close_range(1002, ~0u, 0);
		dup2(1000, 3);
		if (broker)
			dup2(1001, 4);
		close_range(1000, 1001, 0);
		peer_task_run(3, broker ? 4 : -1);
	}
	close(pair[1]);
	if (broker)
		close(pager_fd);
	return (struct peer){pid, pair[0]};
}

void peer_end(struct peer *peer)
{
	int status;

	message.op = OP_END;
	message.used = 0;
	ck_assert(peer_message_send(peer->fd, &message));
	close(peer->fd);
	ck_assert_int_eq(waitpid(peer->pid, &status, 0), peer->pid);
	ck_assert_msg(status == 0, "the task ended with status 0x%x", (unsigned)status);
}

/* The first values of a command, and no data. */
static void call_with(struct peer *peer, int op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	message.n[0] = a;
	message.n[1] = b;
	message.n[2] = c;
	message.n[3] = d;
	message.used = 0;
	call(peer, op);
}

kern_return_t peer_allocate(struct peer *peer, uint64_t *address, uint64_t bytes,
			    enum space_placement placement)
{
	call_with(peer, OP_ALLOCATE, *address, bytes, placement, 0);
	*address = message.n[0];
	return message.code;
}

kern_return_t peer_deallocate(struct peer *peer, uint64_t address, uint64_t bytes)
{
	call_with(peer, OP_DEALLOCATE, address, bytes, 0, 0);
	return message.code;
}

kern_return_t peer_protect(struct peer *peer, uint64_t address, uint64_t bytes,
			   enum space_protect_what what, vm_prot_t protection)
{
	call_with(peer, OP_PROTECT, address, bytes, what, (uint64_t)protection);
	return message.code;
}

kern_return_t peer_inherit(struct peer *peer, uint64_t address, uint64_t bytes,
			   vm_inherit_t inheritance)
{
	call_with(peer, OP_INHERIT, address, bytes, inheritance, 0);
	return message.code;
}

kern_return_t peer_region(struct peer *peer, uint64_t address, struct space_region_info *ret_info)
{
	call_with(peer, OP_REGION, address, 0, 0, 0);
	*ret_info = message.info;
	return message.code;
}

kern_return_t peer_read(struct peer *peer, uint64_t address, void *buffer, uint64_t bytes)
{
	ck_assert_uint_le(bytes, PEER_DATA_BYTES);
	call_with(peer, OP_READ, address, bytes, 0, 0);
	memcpy(buffer, message.data.bytes, bytes);
	return message.code;
}

kern_return_t peer_write(struct peer *peer, uint64_t address, const void *data, uint64_t bytes)
{
	ck_assert_uint_le(bytes, PEER_DATA_BYTES);
	memcpy(message.data.bytes, data, bytes);
	message.n[0] = address;
	message.used = (uint32_t)bytes;
	call(peer, OP_WRITE);
	return message.code;
}

int peer_copy_in(struct peer *peer, uint64_t address)
{
	call_with(peer, OP_COPY_IN, address, 0, 0, 0);
	return message.code;
}

int peer_map(struct peer *peer, const struct space_map_request *request, uint64_t *ret_address)
{
	message.map = *request;
	call_with(peer, OP_MAP, 0, 0, 0, 0);
	*ret_address = message.n[0];
	return message.code;
}

int peer_discard(struct peer *peer, uint64_t address, uint64_t bytes)
{
	call_with(peer, OP_DISCARD, address, bytes, 0, 0);
	return message.code;
}

int peer_grow(struct peer *peer, uint64_t start, uint64_t old_end, uint64_t new_end)
{
	call_with(peer, OP_GROW, start, old_end, new_end, 0);
	return message.code;
}

kern_return_t peer_map_region(struct peer *peer, const struct space_place_request *place,
			      const struct space_attributes *attributes, uint64_t bytes,
			      uint64_t *ret_address)
{
	message.place = *place;
	message.attributes = *attributes;
	call_with(peer, OP_MAP_REGION, bytes, 0, 0, 0);
	*ret_address = message.n[0];
	return message.code;
}

kern_return_t peer_copy(struct peer *peer, uint64_t source, uint64_t bytes, uint64_t destination)
{
	call_with(peer, OP_COPY, source, bytes, destination, 0);
	return message.code;
}

kern_return_t peer_wire(struct peer *peer, uint64_t address, uint64_t bytes, vm_prot_t access)
{
	call_with(peer, OP_WIRE, address, bytes, (uint64_t)access, 0);
	return message.code;
}

kern_return_t peer_behavior(struct peer *peer, uint64_t address, uint64_t bytes,
			    vm_behavior_t behavior)
{
	call_with(peer, OP_BEHAVIOR, address, bytes, (uint64_t)behavior, 0);
	return message.code;
}

void peer_limit(struct peer *peer, uint64_t bytes)
{
	call_with(peer, OP_LIMIT, bytes, 0, 0, 0);
}

kern_return_t peer_export_range(struct peer *peer, struct vm_extent extent, bool is_copy,
				struct region_entry *entries, uint32_t *ret_count)
{
	call_with(peer, OP_EXPORT_RANGE, extent.address, extent.bytes, is_copy, 0);
	ck_assert_msg(message.n[2] == 0, "threads still stand still after the export");
	ck_assert_msg(!message.code || message.failure.text[0], "a failure without a sentence");
	*ret_count = (uint32_t)message.n[1];
	memcpy(entries, message.data.entries, *ret_count * sizeof(*entries));
	return message.code;
}

kern_return_t peer_import_range(struct peer *peer, const struct space_place_request *place,
				vm_inherit_t inheritance, struct region_list list,
				uint64_t *ret_address)
{
	message.place = *place;
	message.n[0] = list.count;
	message.n[1] = inheritance;
	message.used = list.count * (uint32_t)sizeof(*list.regions);
	memcpy(message.data.entries, list.regions, message.used);
	message.failure.text[0] = '\0';
	call(peer, OP_IMPORT_RANGE);
	ck_assert_msg(!message.code || message.failure.text[0], "a failure without a sentence");
	*ret_address = message.n[0];
	return message.code;
}

static uint64_t call_number(struct peer *peer, int op)
{
	call_with(peer, op, 0, 0, 0, 0);
	return message.n[0];
}

uint64_t peer_virtual_bytes(struct peer *peer)
{
	return call_number(peer, OP_VIRTUAL);
}

uint64_t peer_resident_bytes(struct peer *peer)
{
	return call_number(peer, OP_RESIDENT);
}

uint64_t peer_locked_bytes(struct peer *peer)
{
	return call_number(peer, OP_LOCKED);
}

uint64_t peer_file_bytes(struct peer *peer)
{
	return call_number(peer, OP_FILE_BYTES);
}

uint32_t peer_pauses(struct peer *peer)
{
	return (uint32_t)call_number(peer, OP_PAUSES);
}

void peer_wait_pager_lost(struct peer *peer)
{
	call_with(peer, OP_WAIT_LOST, 0, 0, 0, 0);
}

void peer_store_at_pause(struct peer *peer, uint64_t address, uint8_t value)
{
	call_with(peer, OP_STORE_AT_PAUSE, address, value, 0, 0);
}

void peer_watch_pager(struct peer *peer)
{
	call_with(peer, OP_WATCH, 0, 0, 0, 0);
}

void peer_read_begin(struct peer *peer, uint64_t address)
{
	message.n[0] = address;
	message.n[1] = 1;
	message.used = 0;
	call_begin(peer, OP_READ);
}

void peer_export_begin(struct peer *peer, enum export_mode mode)
{
	message.n[0] = mode;
	message.used = 0;
	call_begin(peer, OP_EXPORT);
}

kern_return_t peer_finish(struct peer *peer)
{
	call_end(peer);
	return message.code;
}

void peer_fail_at(struct peer *peer, int step, uint32_t nth)
{
	call_with(peer, OP_FAIL_AT, (uint64_t)step, nth, 0, 0);
}

kern_return_t peer_export(struct peer *peer, enum export_mode mode, struct region_entry *entries,
			  uint32_t *ret_count)
{
	call_with(peer, OP_EXPORT, mode, 0, 0, 0);
	ck_assert_msg(message.n[2] == 0, "threads still stand still after the export");
	ck_assert_msg(!message.code || message.failure.text[0], "a failure without a sentence");
	*ret_count = (uint32_t)message.n[1];
	memcpy(entries, message.data.entries, *ret_count * sizeof(*entries));
	return message.code;
}

void peer_export_end(struct peer *peer)
{
	call_with(peer, OP_EXPORT_END, EXPORT_FATE_TAKEN, 0, 0, 0);
}

void peer_export_refused(struct peer *peer)
{
	call_with(peer, OP_EXPORT_END, EXPORT_FATE_REFUSED, 0, 0, 0);
}

kern_return_t peer_import(struct peer *peer, const struct region_entry *entries, uint32_t count)
{
	message.n[0] = count;
	message.used = count * (uint32_t)sizeof(*entries);
	memcpy(message.data.entries, entries, message.used);
	call(peer, OP_IMPORT);
	return message.code;
}

uint64_t peer_fork_pages = PEER_NEVER_FORKS;
uint32_t peer_forks;

static void offer_fork(struct broker *broker, struct peer *parent, int *ret_fd)
{
	struct timeval timeout = {.tv_sec = PEER_TIMEOUT_S};
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	/* Its parent ends at once; then it is ours. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	message.op = OP_OFFER_FORK;
	message.n[0] = peer_fork_pages;
	message.fds[0] = pair[1];
	message.fds[1] = broker_client(broker);
	ck_assert(peer_message_send_fds(parent->fd, &message));
	close(message.fds[0]);
	close(message.fds[1]);
	call_end(parent);
	*ret_fd = pair[0];
}

kern_return_t peer_export_fork(struct broker *broker, struct peer *parent, enum export_mode mode,
			       struct region_list *ret_list, struct peer *ret_child)
{
	static struct region_entry entries[EXPORT_MAX_REGIONS];

	*ret_child = (struct peer){-1, -1};
	if (peer_fork_pages != PEER_NEVER_FORKS)
		offer_fork(broker, parent, &ret_child->fd);
	ret_list->regions = entries;
	kern_return_t code = peer_export(parent, mode, entries, &ret_list->count);
	if (code || !message.n[3]) {
		if (ret_child->fd >= 0)
			close(ret_child->fd);
		return code;
	}
	call_end(ret_child);
	ret_child->pid = (pid_t)message.n[0];
	peer_forks++;
	return code;
}

struct peer peer_child(struct broker *broker, struct peer *parent, enum export_mode mode)
{
	struct region_list list;
	struct peer child;
	kern_return_t code = peer_export_fork(broker, parent, mode, &list, &child);

	ck_assert_msg(!code, "export: %d: %s", code, message.failure.text);
	if (child.pid < 0)
		child = peer_start(broker);
	code = peer_import(&child, list.regions, list.count);
	ck_assert_msg(!code, "import: %d: %s", code, message.failure.text);
	peer_export_end(parent);
	return child;
}

uint8_t peer_get(struct peer *peer, uint64_t address)
{
	uint8_t value;

	ck_assert_int_eq(peer_read(peer, address, &value, 1), KERN_SUCCESS);
	return value;
}

void peer_put(struct peer *peer, uint64_t address, uint8_t value)
{
	ck_assert_int_eq(peer_write(peer, address, &value, 1), KERN_SUCCESS);
}
