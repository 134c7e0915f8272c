/*
 * What VMMs ask: each request is decoded, judged and then carried out, or refused with a code and
 * a sentence. A message that cannot be decoded closes the link.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <mach/kern_return.h>

#include "base/cleanup.h"
#include "pager/service/tasks/attach.h"
#include "pager/service/coherent/coherent.h"
#include "pager/service/frozen/frozen.h"
#include "pager/service/tasks/uffd.h"
#include "pager/service/tasks/vmm.h"
#include "pager/service/tasks/waits.h"

/* The lists of the largest request, decoded. */
#define SCRATCH_BYTES (EXPORT_MAX_REGIONS * sizeof(struct object_mapping) + 64)

static void decode_begin(struct wire_reader *reader, const struct link_message *message,
			 void *scratch, size_t scratch_bytes)
{
	wire_reader_init(reader, message->payload, message->header.bytes, scratch, scratch_bytes);
}

static int call_hello(struct vmm *vmm, struct link_message *message)
{
	int r;

	if (message->fd_count != 1 || message->header.bytes != 0)
		return -EBADMSG;
	r = vmm_take_uffd(vmm, &message->fds[0]);
	if (r)
		channel_refuse(&vmm->channel, &message->header, KERN_INVALID_ARGUMENT,
			       "the descriptor is not a userfaultfd that watches shared memory for "
			       "missing, minor and write-protect faults (error %d)",
			       -r);
	else
		channel_reply(&vmm->channel, &message->header, NULL, 0, NULL, 0);
	return 0;
}

/* Frozen memory is sent from where it is: then no task may cut it short under the pager. */
static bool seal(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_SHRINK || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
}

/* Return: NULL when a window of a memfd can become an object, else what is wrong with it. */
static const char *judge_window(const struct object_window *window, int fd)
{
	struct stat status;
	uint64_t end;

	if (window->kind != OBJECT_COHERENT && window->kind != OBJECT_FROZEN)
		return "its kind is neither coherent nor frozen";
	if (!is_page_aligned(window->offset) || !is_page_aligned(window->bytes) ||
	    window->bytes == 0 || window->bytes > OBJECT_MAX_BYTES)
		return "offset and size must be whole pages, the size not 0 and at most 1 TiB";
	if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &status))
		return "its descriptor is not a memfd";
	if (window->kind == OBJECT_FROZEN && (!seal(fd) || fstat(fd, &status)))
		return "its memfd cannot be sealed against being cut short";
	if (!checked_add_u64(window->offset, window->bytes, &end) || end > (uint64_t)status.st_size)
		return "it reaches beyond the end of its memfd";
	return NULL;
}

static int publish_one(struct vmm *vmm, const struct object_window *window, int *fd,
		       struct object_id *ret_id)
{
	struct object *object;
	int r = object_publish(vmm->pager, window, *fd, &object);

	if (r)
		return r;
	*fd = -1;
	object_settle(object); /* frees it should the hold fail */
	ret_id->id = object->id;
	return vmm_hold(vmm, object);
}

static int call_publish(struct vmm *vmm, struct link_message *message)
{
	struct object_id ids[MESSAGE_MAX_FDS];
	uint8_t scratch[MESSAGE_MAX_FDS * sizeof(struct object_window) + 64];
	uint8_t payload[4 + MESSAGE_MAX_FDS * 8];
	struct object_publish_request request;
	struct object_publish_reply reply = {.objects = ids};
	struct wire_reader reader;
	struct wire_writer writer;
	int r = 0;

	decode_begin(&reader, message, scratch, sizeof(scratch));
	object_publish_request_decode(&reader, &request);
	if (wire_reader_end(&reader) || request.windows_count != message->fd_count)
		return -EBADMSG;
	for (uint32_t i = 0; i < request.windows_count; i++) {
		const char *fault = judge_window(&request.windows[i], message->fds[i]);

		if (!fault)
			continue;
		channel_refuse(&vmm->channel, &message->header, KERN_INVALID_ARGUMENT,
			       "object_publish: window %u cannot become an object: %s", i, fault);
		return 0;
	}
	while (r == 0 && reply.objects_count < request.windows_count) {
		uint32_t i = reply.objects_count;

		r = publish_one(vmm, &request.windows[i], &message->fds[i], &ids[i]);
		reply.objects_count += r == 0;
	}
	if (r) {
		while (reply.objects_count > 0)
			vmm_unhold(vmm, ids[--reply.objects_count].id);
		channel_refuse(&vmm->channel, &message->header, KERN_RESOURCE_SHORTAGE,
			       "the pager has no memory or no room for %u more objects (limit %u)",
			       request.windows_count, OBJECTS_MAX);
		return 0;
	}
	wire_writer_init(&writer, payload, sizeof(payload));
	object_publish_reply_encode(&writer, &reply);
	channel_reply(&vmm->channel, &message->header, payload, writer.used, NULL, 0);
	return 0;
}

static int call_attach(struct vmm *vmm, struct link_message *message)
{
	uint8_t scratch[MESSAGE_MAX_FDS * sizeof(struct object_id) + 64];
	struct object_attach_request request;
	struct wire_reader reader;

	decode_begin(&reader, message, scratch, sizeof(scratch));
	object_attach_request_decode(&reader, &request);
	if (wire_reader_end(&reader))
		return -EBADMSG;
	attach_begin(vmm, &message->header, request.objects, request.objects_count);
	return 0;
}

/* Registers what has to be watched. Return: 0 or -errno. */
static int watch(const struct mapping *mapping)
{
	const struct object *object = mapping->object;
	enum uffd_watch kind =
	    object->kind == OBJECT_COHERENT ? UFFD_WATCH_COHERENT : UFFD_WATCH_FROZEN;

	if (!object->coherent && !frozen_is_incomplete(object))
		return 0;
	return uffd_register(mapping->vmm->uffd, mapping->address, mapping->bytes, kind);
}

/* Return: 0; -ENOENT (holds no such object), -EINVAL (range), or as mapping_add and watch. */
static int map_one(struct vmm *vmm, const struct object_mapping *wanted)
{
	struct object *object = object_find(vmm->pager, wanted->object);
	struct mapping mapping = {
	    .vmm = vmm,
	    .object = object,
	    .address = wanted->address,
	    .bytes = wanted->bytes,
	    .first_page = wanted->offset / PAGE_BYTES,
	};
	struct mapping *added;
	uint64_t end;
	int r;

	if (!object || !vmm_holds(vmm, wanted->object) || object->memory < 0)
		return -ENOENT;
	if (!is_page_aligned(wanted->address) || !is_page_aligned(wanted->bytes) ||
	    !is_page_aligned(wanted->offset) || wanted->bytes == 0 ||
	    !checked_add_u64(wanted->address, wanted->bytes, &end) ||
	    !checked_add_u64(wanted->offset, wanted->bytes, &end) || end > object->bytes)
		return -EINVAL;
	r = mapping_add(&vmm->mappings, &mapping, &added);
	if (r)
		return r;
	r = watch(added);
	if (r)
		mapping_remove(&vmm->mappings, wanted->address, wanted->bytes);
	return r;
}

static const char *map_error_text(int error)
{
	switch (error) {
	case -ENOENT:
		return "the task holds no such object";
	case -EINVAL:
		return "the range is not whole pages, leaves the object or cannot be watched";
	case -EEXIST:
		return "the range overlaps another";
	case -ENOSPC:
		return "the task has too many ranges";
	default:
		return "the kernel refused to watch the range";
	}
}

static int call_map(struct vmm *vmm, struct link_message *message)
{
	uint8_t scratch[SCRATCH_BYTES];
	struct object_map_request request;
	struct wire_reader reader;
	uint32_t done = 0;
	int r = 0;

	decode_begin(&reader, message, scratch, sizeof(scratch));
	object_map_request_decode(&reader, &request);
	if (wire_reader_end(&reader) || vmm->uffd < 0)
		return -EBADMSG;
	while (done < request.mappings_count) {
		r = map_one(vmm, &request.mappings[done]);
		if (r)
			break;
		done++;
	}
	if (r == 0) {
		channel_reply(&vmm->channel, &message->header, NULL, 0, NULL, 0);
		return 0;
	}
	channel_refuse(&vmm->channel, &message->header,
		       r == -ENOENT ? KERN_INVALID_OBJECT : KERN_INVALID_ARGUMENT,
		       "object_map: range %u (%#llx bytes of object %#llx at %#llx): %s (error %d)",
		       done, (unsigned long long)request.mappings[done].bytes,
		       (unsigned long long)request.mappings[done].object,
		       (unsigned long long)request.mappings[done].address, map_error_text(r), -r);
	while (done-- > 0)
		mapping_remove(&vmm->mappings, request.mappings[done].address,
			       request.mappings[done].bytes);
	return 0;
}

static int call_unmap(struct vmm *vmm, struct link_message *message)
{
	struct object_unmap_request request;
	struct wire_reader reader;
	uint64_t end;

	decode_begin(&reader, message, NULL, 0);
	object_unmap_request_decode(&reader, &request);
	if (wire_reader_end(&reader))
		return -EBADMSG;
	if (!is_page_aligned(request.address) || !is_page_aligned(request.bytes) ||
	    !checked_add_u64(request.address, request.bytes, &end)) {
		channel_refuse(&vmm->channel, &message->header, KERN_INVALID_ARGUMENT,
			       "object_unmap: address and size must be whole pages");
		return 0;
	}
	/* Threads that wait in the range try again until the VMM has replaced it. */
	waits_forget_range(vmm, request.address, request.bytes);
	if (mapping_remove(&vmm->mappings, request.address, request.bytes))
		channel_refuse(&vmm->channel, &message->header, KERN_RESOURCE_SHORTAGE,
			       "object_unmap: no room to cut a range in two");
	else
		channel_reply(&vmm->channel, &message->header, NULL, 0, NULL, 0);
	return 0;
}

static int call_release(struct vmm *vmm, struct link_message *message)
{
	uint8_t scratch[MESSAGE_MAX_FDS * sizeof(struct object_id) + 64];
	struct object_release_request request;
	struct wire_reader reader;
	uint64_t unknown = 0;

	decode_begin(&reader, message, scratch, sizeof(scratch));
	object_release_request_decode(&reader, &request);
	if (wire_reader_end(&reader))
		return -EBADMSG;
	for (uint32_t i = 0; i < request.objects_count; i++)
		if (vmm_unhold(vmm, request.objects[i].id))
			unknown = request.objects[i].id;
	if (unknown)
		channel_refuse(&vmm->channel, &message->header, KERN_INVALID_OBJECT,
			       "object_release: the task does not hold object %#llx",
			       (unsigned long long)unknown);
	else
		channel_reply(&vmm->channel, &message->header, NULL, 0, NULL, 0);
	return 0;
}

int vmm_call(struct vmm *vmm, struct link_message *message)
{
	if (message->header.flags & MESSAGE_REPLY)
		return -EPROTO;
	if (message->header.type != MESSAGE_object_publish &&
	    message->fd_count != (message->header.type == MESSAGE_pager_hello))
		return -EBADMSG;
	switch (message->header.type) {
	case MESSAGE_pager_hello:
		return call_hello(vmm, message);
	case MESSAGE_object_publish:
		return call_publish(vmm, message);
	case MESSAGE_object_attach:
		return call_attach(vmm, message);
	case MESSAGE_object_map:
		return call_map(vmm, message);
	case MESSAGE_object_unmap:
		return call_unmap(vmm, message);
	case MESSAGE_object_release:
		return call_release(vmm, message);
	default:
		return -EPROTO;
	}
}
