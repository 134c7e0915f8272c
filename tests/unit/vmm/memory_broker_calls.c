/*
 * What the broker does for each message, and the rules that it holds its clients to.
 */
#include "memory_broker_internal.h"

#include <check.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

void broker_rule(struct broker *broker, bool is_kept, const char *what)
{
	if (!is_kept && !broker->broken_rule[0])
		snprintf(broker->broken_rule, sizeof(broker->broken_rule), "%s", what);
}

static struct broker_object *object_find(struct broker *broker, uint64_t id)
{
	if (id == 0 || id > broker->object_count || broker->objects[id - 1].fd < 0)
		return NULL;
	return &broker->objects[id - 1];
}

static bool object_is_held(const struct broker_object *object)
{
	for (uint32_t i = 0; i < CLIENTS_MAX; i++)
		if (object->holders[i])
			return true;
	return false;
}

void broker_close_unheld(struct broker *broker, uint64_t id)
{
	struct broker_object *object = object_find(broker, id);

	if (!object || object_is_held(object))
		return;
	close(object->fd);
	object->fd = -1;
	cleanup_close(&broker->copies[id - 1]);
	broker->copies[id - 1] = -1;
}

static kern_return_t do_publish(struct broker *broker, uint32_t client, struct wire_reader *reader,
				struct link_message *message, struct answer *answer)
{
	struct object_publish_request request;
	struct object_id ids[MESSAGE_MAX_FDS];

	object_publish_request_decode(reader, &request);
	broker_rule(broker, wire_reader_end(reader) == 0, "publish: malformed");
	broker_rule(broker, request.windows_count == message->fd_count, "publish: descriptors");
	for (uint32_t i = 0; i < request.windows_count; i++) {
		struct broker_object *object = &broker->objects[broker->object_count++];

		*object = (struct broker_object){.fd = take_fd(&message->fds[i]),
						 .window = request.windows[i]};
		object->window.id = broker->object_count;
		object->holders[client] = 1;
		broker->copies[broker->object_count - 1] = -1;
		ids[i].id = object->window.id;
	}
	struct object_publish_reply reply = {.objects = ids,
					     .objects_count = request.windows_count};
	object_publish_reply_encode(&answer->writer, &reply);
	return 0;
}

/* The memfd that an attacher gets. */
static int attached_fd(struct broker *broker, const struct broker_object *object)
{
	int *copy = &broker->copies[object->window.id - 1];

	if (broker->mode == BROKER_LOCAL)
		return object->fd;
	if (*copy < 0) {
		*copy = memfd_create("other host", MFD_CLOEXEC);
		ck_assert_int_eq(
		    ftruncate(*copy, (off_t)(object->window.offset + object->window.bytes)), 0);
	}
	return *copy;
}

static kern_return_t do_attach(struct broker *broker, uint32_t client, struct wire_reader *reader,
			       struct link_message *message, struct answer *answer)
{
	struct object_attach_request request;
	struct object_window windows[MESSAGE_MAX_FDS];

	(void)message;
	object_attach_request_decode(reader, &request);
	broker_rule(broker, wire_reader_end(reader) == 0, "attach: malformed");
	for (uint32_t i = 0; i < request.objects_count; i++) {
		struct broker_object *object = object_find(broker, request.objects[i].id);

		if (!object)
			return 29; /* KERN_INVALID_OBJECT */
		object->holders[client]++;
		windows[i] = object->window;
		answer->fds[answer->fd_count++] = attached_fd(broker, object);
	}
	struct object_attach_reply reply = {.windows = windows,
					    .windows_count = request.objects_count};
	object_attach_reply_encode(&answer->writer, &reply);
	return 0;
}

/* A frozen page is there as soon as the page cache has it: nothing to be asked about. */
static void serve_range(struct broker *broker, uint32_t client, const struct object_mapping *at,
			uint32_t kind)
{
	struct uffdio_register request = {
	    .range = {at->address, at->bytes},
	    .mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (kind == OBJECT_COHERENT)
		request.mode |= UFFDIO_REGISTER_MODE_MINOR | UFFDIO_REGISTER_MODE_WP;

	broker_rule(broker, ioctl(broker->clients[client].uffd, UFFDIO_REGISTER, &request) == 0,
		    "map: the range cannot be registered (is it mapped at all?)");
}

static void map_one(struct broker *broker, uint32_t client, const struct object_mapping *at)
{
	struct broker_object *object = object_find(broker, at->object);
	struct broker_mapping *mapping = &broker->mappings[broker->mapping_count++];

	broker_rule(broker, object && object->holders[client], "map: an object that is not held");
	if (!object)
		return;
	broker_rule(broker, at->bytes && at->offset + at->bytes <= object->window.bytes,
		    "map: outside the window");
	for (uint32_t i = 0; i + 1 < broker->mapping_count; i++) {
		const struct broker_mapping *other = &broker->mappings[i];

		broker_rule(broker,
			    other->client != client ||
				at->address >= other->at.address + other->at.bytes ||
				other->at.address >= at->address + at->bytes,
			    "map: a range that is mapped already");
	}
	int copy_fd = broker->copies[at->object - 1];
	*mapping = (struct broker_mapping){.client = client, .at = *at, .copy_fd = copy_fd};
	mapping->is_served = broker->mode == BROKER_REMOTE && copy_fd >= 0;
	if (mapping->is_served)
		serve_range(broker, client, at, object->window.kind);
}

static kern_return_t do_map(struct broker *broker, uint32_t client, struct wire_reader *reader,
			    struct link_message *message, struct answer *answer)
{
	struct object_map_request request;

	(void)message;
	(void)answer;
	object_map_request_decode(reader, &request);
	broker_rule(broker, wire_reader_end(reader) == 0, "map: malformed");
	for (uint32_t i = 0; i < request.mappings_count; i++)
		map_one(broker, client, &request.mappings[i]);
	return 0;
}

/* Takes [start, end) out of mapping i, which may leave two parts. */
static void mapping_cut(struct broker *broker, uint32_t i, uint64_t start, uint64_t end)
{
	struct broker_mapping whole = broker->mappings[i];
	uint64_t whole_end = whole.at.address + whole.at.bytes;

	broker->mappings[i] = broker->mappings[--broker->mapping_count];
	if (whole.at.address < start) {
		struct broker_mapping *low = &broker->mappings[broker->mapping_count++];

		*low = whole;
		low->at.bytes = start - whole.at.address;
	}
	if (end < whole_end) {
		struct broker_mapping *high = &broker->mappings[broker->mapping_count++];

		*high = whole;
		high->at.address = end;
		high->at.offset += end - whole.at.address;
		high->at.bytes = whole_end - end;
	}
}

bool broker_mapping_overlaps(const struct broker_mapping *mapping, uint32_t client, uint64_t start,
			     uint64_t end)
{
	return mapping->client == client && mapping->at.address < end &&
	       start < mapping->at.address + mapping->at.bytes;
}

static kern_return_t do_unmap(struct broker *broker, uint32_t client, struct wire_reader *reader,
			      struct link_message *message, struct answer *answer)
{
	struct object_unmap_request request;
	bool is_known = false;

	(void)message;
	(void)answer;
	object_unmap_request_decode(reader, &request);
	broker_rule(broker, wire_reader_end(reader) == 0, "unmap: malformed");
	for (uint32_t i = broker->mapping_count; i-- > 0;) {
		if (!broker_mapping_overlaps(&broker->mappings[i], client, request.address,
					     request.address + request.bytes))
			continue;
		is_known = true;
		mapping_cut(broker, i, request.address, request.address + request.bytes);
	}
	broker_rule(broker, is_known, "unmap: a range that was never mapped");
	return 0;
}

static kern_return_t do_release(struct broker *broker, uint32_t client, struct wire_reader *reader,
				struct link_message *message, struct answer *answer)
{
	struct object_release_request request;

	(void)message;
	(void)answer;
	object_release_request_decode(reader, &request);
	broker_rule(broker, wire_reader_end(reader) == 0, "release: malformed");
	for (uint32_t i = 0; i < request.objects_count; i++) {
		uint64_t id = request.objects[i].id;
		struct broker_object *object = object_find(broker, id);

		broker_rule(broker, object && object->holders[client] > 0, "release: not held");
		for (uint32_t j = 0; j < broker->mapping_count; j++)
			broker_rule(broker,
				    broker->mappings[j].client != client ||
					broker->mappings[j].at.object != id,
				    "release: still mapped");
		if (object && object->holders[client])
			object->holders[client]--;
		broker_close_unheld(broker, id);
	}
	return 0;
}

static kern_return_t do_hello(struct broker *broker, uint32_t client, struct wire_reader *reader,
			      struct link_message *message, struct answer *answer)
{
	(void)reader;
	(void)answer;
	broker_rule(broker, message->fd_count == 1, "hello: one descriptor");
	broker->clients[client].uffd = take_fd(&message->fds[0]);
	return 0;
}

broker_do_fn broker_do(uint16_t type)
{
	switch (type) {
	case MESSAGE_pager_hello:
		return do_hello;
	case MESSAGE_object_publish:
		return do_publish;
	case MESSAGE_object_attach:
		return do_attach;
	case MESSAGE_object_map:
		return do_map;
	case MESSAGE_object_unmap:
		return do_unmap;
	case MESSAGE_object_release:
		return do_release;
	default:
		return NULL;
	}
}
