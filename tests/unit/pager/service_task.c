/*
 * Stand-ins for VMMs: the calls of a task to its pager, and its mappings.
 */
#include "service_world.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

void task_open(struct task *task, struct world *world, unsigned int node)
{
	struct world_host *host = &world->hosts[node];
	struct wire_writer nothing;
	struct link_message reply;
	int pair[2];

	*task = (struct task){.host = host};
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	wire_writer_init(&nothing, NULL, 0);
	ck_assert_int_eq(world_call(&host->control, &host->sequence, MESSAGE_pager_vmm, &nothing,
				    &pair[1], 1, &reply),
			 0);
	close(pair[1]);
	ck_assert_int_eq(link_init(&task->link, pair[0], LINK_PACKET), 0);
	task->uffd = world_open_userfault();
	ck_assert_int_ge(task->uffd, 0);
	ck_assert_int_eq(world_call(&task->link, &task->sequence, MESSAGE_pager_hello, &nothing,
				    &task->uffd, 1, &reply),
			 0);
}

void task_close(struct task *task)
{
	link_done(&task->link);
	close(task->uffd);
}

/* Keeps the sentence of a refusal. Return: the result. */
static int finish(struct task *task, const struct link_message *reply)
{
	struct failure failure;
	struct wire_reader reader;

	if (reply->header.result == 0)
		return 0;
	wire_reader_init(&reader, reply->payload, reply->header.bytes, NULL, 0);
	failure_decode(&reader, &failure);
	ck_assert_int_eq(wire_reader_end(&reader), 0);
	ck_assert_uint_gt(strlen(failure.text), 0);
	memcpy(task->refusal, failure.text, sizeof(task->refusal));
	return reply->header.result;
}

int task_publish(struct task *task, uint32_t kind, int fd, uint64_t offset, uint64_t bytes,
		 uint64_t *ret_id)
{
	struct object_window window = {.kind = kind, .offset = offset, .bytes = bytes};
	struct object_publish_request request = {.windows = &window, .windows_count = 1};
	struct object_publish_reply answer;
	uint8_t payload[64], scratch[64];
	struct link_message reply;
	struct wire_writer writer;
	struct wire_reader reader;

	wire_writer_init(&writer, payload, sizeof(payload));
	object_publish_request_encode(&writer, &request);
	world_call(&task->link, &task->sequence, MESSAGE_object_publish, &writer, &fd, 1, &reply);
	if (reply.header.result)
		return finish(task, &reply);
	wire_reader_init(&reader, reply.payload, reply.header.bytes, scratch, sizeof(scratch));
	object_publish_reply_decode(&reader, &answer);
	ck_assert_int_eq(wire_reader_end(&reader), 0);
	ck_assert_uint_eq(answer.objects_count, 1);
	*ret_id = answer.objects[0].id;
	return 0;
}

int task_attach(struct task *task, uint64_t id, int *ret_fd, struct object_window *ret_window)
{
	struct object_id object = {.id = id};
	struct object_attach_request request = {.objects = &object, .objects_count = 1};
	struct object_attach_reply answer;
	uint8_t payload[64], scratch[64];
	struct link_message reply;
	struct wire_writer writer;
	struct wire_reader reader;

	wire_writer_init(&writer, payload, sizeof(payload));
	object_attach_request_encode(&writer, &request);
	world_call(&task->link, &task->sequence, MESSAGE_object_attach, &writer, NULL, 0, &reply);
	if (reply.header.result)
		return finish(task, &reply);
	wire_reader_init(&reader, reply.payload, reply.header.bytes, scratch, sizeof(scratch));
	object_attach_reply_decode(&reader, &answer);
	ck_assert_int_eq(wire_reader_end(&reader), 0);
	ck_assert_uint_eq(answer.windows_count, 1);
	ck_assert_uint_eq(reply.fd_count, 1);
	if (ret_window)
		*ret_window = answer.windows[0];
	if (ret_fd) {
		*ret_fd = reply.fds[0];
		reply.fd_count = 0;
	}
	link_message_done(&reply);
	return 0;
}

int task_map(struct task *task, uint64_t id, uint64_t offset, const void *at, uint64_t bytes)
{
	struct object_mapping mapping = {
	    .object = id, .offset = offset, .address = (uintptr_t)at, .bytes = bytes};
	struct object_map_request request = {.mappings = &mapping, .mappings_count = 1};
	uint8_t payload[64];
	struct link_message reply;
	struct wire_writer writer;

	wire_writer_init(&writer, payload, sizeof(payload));
	object_map_request_encode(&writer, &request);
	world_call(&task->link, &task->sequence, MESSAGE_object_map, &writer, NULL, 0, &reply);
	return finish(task, &reply);
}

int task_unmap(struct task *task, const void *at, uint64_t bytes)
{
	struct object_unmap_request request = {.address = (uintptr_t)at, .bytes = bytes};
	uint8_t payload[64];
	struct link_message reply;
	struct wire_writer writer;

	wire_writer_init(&writer, payload, sizeof(payload));
	object_unmap_request_encode(&writer, &request);
	world_call(&task->link, &task->sequence, MESSAGE_object_unmap, &writer, NULL, 0, &reply);
	return finish(task, &reply);
}

int task_release(struct task *task, uint64_t id)
{
	struct object_id object = {.id = id};
	struct object_release_request request = {.objects = &object, .objects_count = 1};
	uint8_t payload[64];
	struct link_message reply;
	struct wire_writer writer;

	wire_writer_init(&writer, payload, sizeof(payload));
	object_release_request_encode(&writer, &request);
	world_call(&task->link, &task->sequence, MESSAGE_object_release, &writer, NULL, 0, &reply);
	return finish(task, &reply);
}

int make_memory(uint64_t bytes)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static uint8_t *map_file(int fd, int how, uint64_t offset, uint64_t bytes)
{
	uint8_t *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, how, fd, (off_t)offset);

	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

struct view task_share(struct task *task, uint32_t kind, int fd, uint64_t bytes, uint64_t *ret_id)
{
	int how = kind == OBJECT_COHERENT ? MAP_SHARED : MAP_PRIVATE;
	struct view view = {.at = map_file(fd, how, 0, bytes), .bytes = bytes};

	ck_assert_msg(task_publish(task, kind, fd, 0, bytes, ret_id) == 0, "%s", task->refusal);
	ck_assert_msg(task_map(task, *ret_id, 0, view.at, bytes) == 0, "%s", task->refusal);
	return view;
}

struct view task_use(struct task *task, uint64_t id)
{
	struct object_window window;
	struct view view;
	int fd, how;

	ck_assert_msg(task_attach(task, id, &fd, &window) == 0, "%s", task->refusal);
	how = window.kind == OBJECT_COHERENT ? MAP_SHARED : MAP_PRIVATE;
	view = (struct view){.at = map_file(fd, how, window.offset, window.bytes),
			     .bytes = window.bytes};
	close(fd);
	ck_assert_msg(task_map(task, id, 0, view.at, view.bytes) == 0, "%s", task->refusal);
	return view;
}

void view_done(struct view *view)
{
	munmap(view->at, view->bytes);
	*view = (struct view){0};
}

void task_drop(struct task *task, struct view *view)
{
	ck_assert_int_eq(task_unmap(task, view->at, view->bytes), 0);
	view_done(view);
}
