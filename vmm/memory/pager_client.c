/*
 * Encodes requests to the pager, waits for replies and checks them.
 */
#include "pager_client.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "userfault.h"

/* The largest array in a reply is MESSAGE_MAX_FDS object_windows. */
#define SCRATCH_BYTES (MESSAGE_MAX_FDS * sizeof(struct object_window) + 64)

void failure_set(struct failure *failure, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(failure->text, sizeof(failure->text), format, arguments);
	va_end(arguments);
}

void pager_client_init(struct pager_client *client)
{
	*client = (struct pager_client){.link = {.fd = -1}, .uffd = -1};
}

void pager_client_done(struct pager_client *client)
{
	link_done(&client->link);
	cleanup_close(&client->uffd);
	free(client->payload);
	free(client->scratch);
	pager_client_init(client);
}

/* The descriptor stays open: another thread may be polling it. */
static void client_give_up(struct pager_client *client)
{
	client->is_usable = false;
	shutdown(client->link.fd, SHUT_RDWR);
}

static kern_return_t client_broken(struct pager_client *client, int error,
				   struct failure *ret_failure)
{
	client_give_up(client);
	if (error == -ETIMEDOUT) {
		failure_set(ret_failure, "the pager of this host did not answer in time");
		return KERN_OPERATION_TIMED_OUT;
	}
	failure_set(ret_failure, "the pager of this host cannot be used any more: %s",
		    error == -EPIPE ? "it closed the connection" : strerror(-error));
	return KERN_FAILURE;
}

/* A refusal by the pager, in its own words. */
static kern_return_t reply_refused(const struct link_message *reply, struct failure *ret_failure)
{
	struct wire_reader reader;

	wire_reader_init(&reader, reply->payload, reply->header.bytes, NULL, 0);
	failure_decode(&reader, ret_failure);
	if (wire_reader_end(&reader))
		failure_set(ret_failure, "the pager refused without a reason");
	return reply->header.result;
}

/* Sends what the writer holds over client->payload. On KERN_SUCCESS the reply is the caller's to
 * finish. */
static kern_return_t client_call(struct pager_client *client, enum message_type type,
				 const struct wire_writer *request, const int *fds,
				 uint32_t fd_count, struct link_message *ret_reply,
				 struct failure *ret_failure)
{
	uint64_t timeout_ns =
	    type == MESSAGE_object_attach ? PAGER_ATTACH_TIMEOUT_NS : PAGER_LOCAL_TIMEOUT_NS;
	struct message_header header = {.type = (uint16_t)type, .sequence = ++client->sequence};

	if (!client->is_usable) {
		failure_set(ret_failure, "this task has no pager to share memory through");
		return KERN_FAILURE;
	}
	assert(!request->error);
	int ret = link_call(&client->link, &header, request->data, request->used, fds, fd_count,
			    clock_now_ns() + timeout_ns, ret_reply);
	if (ret)
		return client_broken(client, ret, ret_failure);
	if (ret_reply->header.result == KERN_SUCCESS)
		return KERN_SUCCESS;
	kern_return_t code = reply_refused(ret_reply, ret_failure);
	link_message_done(ret_reply);
	return code;
}

/* The request of a type with an empty reply. */
static kern_return_t client_call_plain(struct pager_client *client, enum message_type type,
				       const struct wire_writer *request,
				       struct failure *ret_failure)
{
	struct link_message reply;
	kern_return_t code = client_call(client, type, request, NULL, 0, &reply, ret_failure);

	if (code)
		return code;
	bool is_empty = reply.header.bytes == 0;
	link_message_done(&reply);
	return is_empty ? KERN_SUCCESS : client_broken(client, -EBADMSG, ret_failure);
}

static struct wire_writer client_writer(struct pager_client *client)
{
	struct wire_writer writer;

	wire_writer_init(&writer, client->payload, client->payload ? MESSAGE_MAX_PAYLOAD : 0);
	return writer;
}

static int client_hello(struct pager_client *client)
{
	struct wire_writer writer = client_writer(client);
	struct link_message reply;
	struct failure failure;

	/* An empty request, with the userfaultfd. */
	kern_return_t code =
	    client_call(client, MESSAGE_pager_hello, &writer, &client->uffd, 1, &reply, &failure);
	if (code)
		return code == KERN_OPERATION_TIMED_OUT ? -ETIMEDOUT : -EPROTO;
	link_message_done(&reply);
	return 0;
}

static int client_prepare(struct pager_client *client, int take_socket_fd)
{
	int ret = link_init(&client->link, take_socket_fd, LINK_PACKET);

	if (ret)
		return ret;
	client->payload = malloc(MESSAGE_MAX_PAYLOAD);
	client->scratch = malloc(SCRATCH_BYTES);
	if (!client->payload || !client->scratch)
		return -ENOMEM;
	client->uffd = userfault_open();
	return client->uffd < 0 ? client->uffd : 0;
}

int pager_client_connect(struct pager_client *client, int take_socket_fd)
{
	int ret = client_prepare(client, take_socket_fd);

	if (!ret) {
		client->is_usable = true;
		ret = client_hello(client);
	}
	if (ret)
		pager_client_done(client);
	return ret;
}

static kern_return_t publish_reply(struct pager_client *client, const struct link_message *message,
				   uint32_t count, uint64_t *ret_ids)
{
	struct object_publish_reply reply;
	struct wire_reader reader;

	wire_reader_init(&reader, message->payload, message->header.bytes, client->scratch,
			 SCRATCH_BYTES);
	object_publish_reply_decode(&reader, &reply);
	if (wire_reader_end(&reader) || reply.objects_count != count)
		return KERN_FAILURE;
	for (uint32_t i = 0; i < count; i++) {
		if (reply.objects[i].id == 0)
			return KERN_FAILURE;
		ret_ids[i] = reply.objects[i].id;
	}
	return KERN_SUCCESS;
}

kern_return_t pager_publish(struct pager_client *client, struct object *const *objects,
			    uint32_t count, uint64_t *ret_ids, struct failure *ret_failure)
{
	struct object_window windows[MESSAGE_MAX_FDS];
	int fds[MESSAGE_MAX_FDS];
	struct object_publish_request request = {.windows = windows, .windows_count = count};
	struct wire_writer writer = client_writer(client);
	struct link_message reply;

	assert(count <= MESSAGE_MAX_FDS);
	for (uint32_t i = 0; i < count; i++) {
		windows[i] = (struct object_window){.kind = objects[i]->kind,
						    .offset = objects[i]->offset,
						    .bytes = objects[i]->bytes};
		fds[i] = objects[i]->file->fd;
	}
	object_publish_request_encode(&writer, &request);
	kern_return_t code =
	    client_call(client, MESSAGE_object_publish, &writer, fds, count, &reply, ret_failure);
	if (code)
		return code;
	code = publish_reply(client, &reply, count, ret_ids);
	link_message_done(&reply);
	return code ? client_broken(client, -EBADMSG, ret_failure) : KERN_SUCCESS;
}

/* Makes objects of the windows and descriptors of a reply; those made are in
 * ret_objects[*ret_made]. */
static kern_return_t attach_reply(struct pager_client *client, struct link_message *message,
				  const struct object_id *ids, uint32_t count,
				  struct object **ret_objects, uint32_t *ret_made)
{
	struct object_attach_reply reply;
	struct wire_reader reader;

	wire_reader_init(&reader, message->payload, message->header.bytes, client->scratch,
			 SCRATCH_BYTES);
	object_attach_reply_decode(&reader, &reply);
	if (wire_reader_end(&reader) || reply.windows_count != count || message->fd_count != count)
		return KERN_FAILURE;
	for (uint32_t i = 0; i < count; i++) {
		const struct object_window *window = &reply.windows[i];

		if (window->id != ids[i].id ||
		    (window->kind != OBJECT_COHERENT && window->kind != OBJECT_FROZEN))
			return KERN_FAILURE;
		int ret = object_new_attached(take_fd(&message->fds[i]), window, &ret_objects[i]);
		if (ret)
			return ret == -ENOMEM ? KERN_RESOURCE_SHORTAGE : KERN_FAILURE;
		*ret_made = i + 1;
	}
	return KERN_SUCCESS;
}

/* The pager has given references that nobody will use. */
static void attach_undo(struct pager_client *client, const struct object_id *ids, uint32_t count,
			struct object **objects, uint32_t made)
{
	struct failure ignored;

	for (uint32_t i = 0; i < made; i++)
		object_put(objects[i]);
	pager_release(client, ids, count, &ignored);
}

kern_return_t pager_attach(struct pager_client *client, const struct object_id *ids, uint32_t count,
			   struct object **ret_objects, struct failure *ret_failure)
{
	struct object_attach_request request = {.objects = ids, .objects_count = count};
	struct wire_writer writer = client_writer(client);
	struct link_message reply;
	uint32_t made = 0;

	assert(count <= MESSAGE_MAX_FDS);
	object_attach_request_encode(&writer, &request);
	kern_return_t code =
	    client_call(client, MESSAGE_object_attach, &writer, NULL, 0, &reply, ret_failure);
	if (code)
		return code;
	code = attach_reply(client, &reply, ids, count, ret_objects, &made);
	link_message_done(&reply);
	if (!code)
		return KERN_SUCCESS;
	attach_undo(client, ids, count, ret_objects, made);
	if (code != KERN_RESOURCE_SHORTAGE)
		return client_broken(client, -EBADMSG, ret_failure);
	failure_set(ret_failure, "no memory to keep track of %u memory objects", count);
	return code;
}

kern_return_t pager_map(struct pager_client *client, const struct object_mapping *mappings,
			uint32_t count, struct failure *ret_failure)
{
	struct object_map_request request = {.mappings = mappings, .mappings_count = count};
	struct wire_writer writer = client_writer(client);

	assert(count <= EXPORT_MAX_REGIONS);
	object_map_request_encode(&writer, &request);
	return client_call_plain(client, MESSAGE_object_map, &writer, ret_failure);
}

kern_return_t pager_unmap(struct pager_client *client, uint64_t hva, uint64_t bytes,
			  struct failure *ret_failure)
{
	struct object_unmap_request request = {.address = hva, .bytes = bytes};
	struct wire_writer writer = client_writer(client);

	object_unmap_request_encode(&writer, &request);
	return client_call_plain(client, MESSAGE_object_unmap, &writer, ret_failure);
}

kern_return_t pager_release(struct pager_client *client, const struct object_id *ids,
			    uint32_t count, struct failure *ret_failure)
{
	struct object_release_request request = {.objects = ids, .objects_count = count};
	struct wire_writer writer = client_writer(client);

	assert(count <= MESSAGE_MAX_FDS);
	object_release_request_encode(&writer, &request);
	return client_call_plain(client, MESSAGE_object_release, &writer, ret_failure);
}
