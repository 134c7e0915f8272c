/*
 * A daemon of one connection for tests of libnorma and the call stubs.
 */
#include "fake_daemon.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <mach/kern_return.h>

#include "link/link.h"

struct fake_daemon fake;
char fake_path[64];

static int listener = -1;
static pthread_t thread;
static struct link connection;
static struct wire_reader reader;
static struct wire_writer writer;
static uint8_t reply_bytes[MESSAGE_MAX_PAYLOAD];

#define DECODE(name)                                                                               \
	struct name##_request request;                                                             \
	struct name##_reply reply = {};                                                            \
	name##_request_decode(&reader, &request);                                                  \
	(void)reply
#define ANSWER(name) name##_reply_encode(&writer, &reply)

static kern_return_t do_vm_read(void)
{
	DECODE(vm_read);

	if (request.address + request.size > FAKE_MEMORY_START + FAKE_MEMORY_BYTES)
		return KERN_INVALID_ADDRESS;
	if (fake.refuse_type == MESSAGE_vm_read && request.address >= fake.refuse_from)
		return KERN_NO_SPACE;
	reply.data.data = fake.memory + request.address - FAKE_MEMORY_START;
	reply.data.bytes = (uint32_t)request.size;
	ANSWER(vm_read);
	return KERN_SUCCESS;
}

static kern_return_t do_vm_write(void)
{
	DECODE(vm_write);

	if (request.address + request.data.bytes > FAKE_MEMORY_START + FAKE_MEMORY_BYTES)
		return KERN_INVALID_ADDRESS;
	if (request.data.bytes)
		memcpy(fake.memory + request.address - FAKE_MEMORY_START, request.data.data,
		       request.data.bytes);
	fake.check_address = request.check_address;
	fake.check_size = request.check_size;
	return KERN_SUCCESS;
}

static kern_return_t do_run_begin(void)
{
	DECODE(norma_run_begin);

	fake.image_bytes = request.image_bytes;
	fake.strings_bytes = request.arguments.bytes;
	ck_assert_uint_le(fake.strings_bytes, sizeof(fake.strings));
	memcpy(fake.strings, request.arguments.data, fake.strings_bytes);
	reply.task = FAKE_TASK;
	ANSWER(norma_run_begin);
	return KERN_SUCCESS;
}

static kern_return_t do_run_data(void)
{
	DECODE(norma_run_data);

	if (request.offset != fake.image_received ||
	    request.offset + request.data.bytes > fake.image_bytes)
		return KERN_INVALID_ARGUMENT;
	memcpy(fake.image + request.offset, request.data.data, request.data.bytes);
	fake.image_received += request.data.bytes;
	return KERN_SUCCESS;
}

static kern_return_t do_thread_state(uint16_t type)
{
	if (type == MESSAGE_thread_set_state) {
		DECODE(thread_set_state);
		fake.state_bytes = request.state.bytes;
		memcpy(fake.state, request.state.data, request.state.bytes);
	} else {
		DECODE(thread_get_state);
		reply.state = (struct wire_span){.data = fake.state, .bytes = fake.state_bytes};
		ANSWER(thread_get_state);
	}
	return KERN_SUCCESS;
}

static kern_return_t do_task_threads(void)
{
	struct port_name names[64];
	DECODE(task_threads);

	for (uint32_t i = 0; i < 64; i++)
		names[i].name = 100 + i;
	reply.threads = names;
	reply.threads_count = request.task == FAKE_TASK ? 64 : 0;
	ANSWER(task_threads);
	return KERN_SUCCESS;
}

static kern_return_t do_console_read(void)
{
	static const char output[] = "0123456789";
	DECODE(norma_console_read);

	reply.offset = request.offset;
	reply.stream = CONSOLE_STDERR;
	reply.end = 1;
	if (request.offset < 10)
		reply.data = (struct wire_span){
		    .data = (const uint8_t *)output + request.offset,
		    .bytes = (uint32_t)(10 - request.offset),
		};
	ANSWER(norma_console_read);
	return KERN_SUCCESS;
}

static kern_return_t do_lists(uint16_t type)
{
	if (type == MESSAGE_norma_task_list) {
		struct task_row rows[] = {{.task = 1, .image = "one"}, {.task = 2, .image = "two"}};
		DECODE(norma_task_list);

		reply.tasks = rows;
		reply.tasks_count = request.node == FAKE_NODE ? 2 : 0;
		ANSWER(norma_task_list);
	} else {
		struct node_row row = {
		    .node = FAKE_NODE,
		    .state = NODE_STATE_SELF,
		    .tasks = 2,
		    .cpus = 3,
		    .load_hundredths = 4,
		    .busy_permille = 5,
		    .cells = 6,
		    .cells_add_up = 1,
		    .memory_bytes = 7ull << 33,
		    .available_bytes = 8ull << 33,
		    .limit_bytes = 9ull << 33,
		    .limit_left_bytes = 10ull << 33,
		    .huge_bytes = 11ull << 33,
		    .huge_free_bytes = 12ull << 33,
		    .guests = 13,
		    .guest_cpus = 14,
		    .guests_memory_bytes = 15ull << 33,
		    .guests_resident_bytes = 16ull << 33,
		    .libvirt = NODE_LIBVIRT_UP,
		    .cpu_compatible = NODE_CPU_INCOMPATIBLE,
		    .address = "10.0.0.3",
		    .cpu_vendor = "AuthenticAMD",
		    .cpu_model = "AMD EPYC",
		    .cpu_name = "EPYC-Milan",
		    .libvirt_why = "libvirt 9.0.0",
		};
		DECODE(norma_node_list);

		reply.nodes = &row;
		reply.nodes_count = 1;
		ANSWER(norma_node_list);
	}
	return KERN_SUCCESS;
}

static kern_return_t do_facts(uint16_t type)
{
	if (type == MESSAGE_vm_region) {
		DECODE(vm_region);
		reply.address = FAKE_MEMORY_START;
		reply.size = FAKE_MEMORY_BYTES;
		reply.protection = 3;
		reply.max_protection = 7;
		reply.inheritance = 1;
		reply.shared = 1;
		reply.offset = 0x3000;
		reply.behavior = 2;
		ANSWER(vm_region);
	} else {
		DECODE(task_info);
		reply.virtual_size = FAKE_MEMORY_BYTES;
		reply.user_time = 3000007;
		ANSWER(task_info);
	}
	return KERN_SUCCESS;
}

static kern_return_t do_small(uint16_t type)
{
	if (type == MESSAGE_norma_node_self) {
		DECODE(norma_node_self);
		reply.node = FAKE_NODE;
		ANSWER(norma_node_self);
	} else if (type == MESSAGE_host_page_size) {
		DECODE(host_page_size);
		reply.page_bytes = 4096;
		ANSWER(host_page_size);
	} else if (type == MESSAGE_vm_allocate) {
		DECODE(vm_allocate);
		reply.address = request.anywhere ? 0x7000 : request.address & ~0xfffull;
		ANSWER(vm_allocate);
	} else if (type == MESSAGE_vm_deallocate) {
		DECODE(vm_deallocate);
		fake.last_deallocated = request.address;
	} else if (type == MESSAGE_norma_run_start) {
		DECODE(norma_run_start);
		ANSWER(norma_run_start);
	} else if (type == MESSAGE_norma_task_wait) {
		DECODE(norma_task_wait);
		reply.state = TASK_STATE_EXCEPTION;
		reply.status = 129;
		strcpy(reply.text, "it touched a hole");
		ANSWER(norma_task_wait);
	} else if (type != MESSAGE_task_terminate) {
		return KERN_INVALID_ARGUMENT;
	} else {
		DECODE(task_terminate);
	}
	return KERN_SUCCESS;
}

static kern_return_t follow_script(const struct link_message *request)
{
	fake.scripted_request_bytes = request->header.bytes;
	ck_assert_uint_le(fake.scripted_request_bytes, sizeof(fake.scripted_request));
	memcpy(fake.scripted_request, request->payload, fake.scripted_request_bytes);
	wire_reader_init(&reader, request->payload, 0, NULL, 0); /* the test decodes it */
	memcpy(reply_bytes, fake.scripted_reply, fake.scripted_reply_bytes);
	writer.used = fake.scripted_reply_bytes;
	return KERN_SUCCESS;
}

static kern_return_t dispatch(uint16_t type)
{
	switch (type) {
	case MESSAGE_vm_read:
		return do_vm_read();
	case MESSAGE_vm_write:
		return do_vm_write();
	case MESSAGE_norma_run_begin:
		return do_run_begin();
	case MESSAGE_norma_run_data:
		return do_run_data();
	case MESSAGE_thread_set_state:
	case MESSAGE_thread_get_state:
		return do_thread_state(type);
	case MESSAGE_task_threads:
		return do_task_threads();
	case MESSAGE_norma_console_read:
		return do_console_read();
	case MESSAGE_norma_task_list:
	case MESSAGE_norma_node_list:
		return do_lists(type);
	case MESSAGE_vm_region:
	case MESSAGE_task_info:
		return do_facts(type);
	default:
		return do_small(type);
	}
}

static void answer(const struct link_message *request)
{
	struct message_header header = request->header;
	uint16_t type = header.type;

	header.flags = MESSAGE_REPLY;
	wire_reader_init(&reader, request->payload, header.bytes, NULL, 0);
	wire_writer_init(&writer, reply_bytes, sizeof(reply_bytes));
	fake.calls[type]++;
	if (fake.refuse_type == type && !fake.refuse_from)
		header.result = KERN_NO_SPACE;
	else if (fake.scripted_type == type)
		header.result = follow_script(request);
	else
		header.result = dispatch(type);
	if (wire_reader_end(&reader) && !header.result)
		header.result = KERN_FAILURE; /* the library sent what cannot be decoded */
	if (header.result) {
		struct failure failure = {.text = FAKE_SENTENCE};

		wire_writer_init(&writer, reply_bytes, sizeof(reply_bytes));
		failure_encode(&writer, &failure);
	}
	link_send(&connection, &header, reply_bytes, writer.used, NULL, 0);
}

static void answer_other_version(void)
{
	uint8_t bytes[MESSAGE_HEADER_BYTES];
	struct message_header header = {
	    .type = MESSAGE_norma_node_self,
	    .flags = MESSAGE_REPLY,
	    .sequence = 1,
	};

	wire_writer_init(&writer, bytes, sizeof(bytes));
	message_header_encode(&writer, &header);
	bytes[4]++;
	send(connection.fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
}

/* Return: false when the connection is over. */
static bool serve_one(void)
{
	struct link_message request;
	struct pollfd event = {.fd = connection.fd, .events = POLLIN};
	int error = link_receive(&connection, &request);

	if (error == -EAGAIN)
		return poll(&event, 1, -1) == 1; /* ends with the test's own deadline */
	if (error)
		return false;
	link_message_done(&request);
	if (fake.behavior == FAKE_CLOSES_ON_ALLOC && request.header.type == MESSAGE_vm_allocate)
		return false;
	if (fake.behavior == FAKE_OTHER_VERSION)
		answer_other_version();
	else
		answer(&request);
	return true;
}

static void *serve(void *unused)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0 && link_init(&connection, fd, LINK_PACKET) == 0) {
		while (fake.behavior != FAKE_CLOSES_AT_ONCE && serve_one())
			continue;
		link_done(&connection);
	}
	return unused;
}

void fake_start(enum fake_behavior behavior)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memset(&fake, 0, sizeof(fake));
	fake.behavior = behavior;
	for (size_t i = 0; i < sizeof(fake.memory); i++)
		fake.memory[i] = (uint8_t)(i * 7 + i / 4096);
	snprintf(fake_path, sizeof(fake_path), "/tmp/norma-test-%d.sock", (int)getpid());
	strcpy(address.sun_path, fake_path);
	unlink(fake_path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
}

void fake_stop(void)
{
	pthread_join(thread, NULL);
	close(listener);
	unlink(fake_path);
}
