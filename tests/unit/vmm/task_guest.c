/*
 * A static C program for the tests of norma-vmm: its first argument says what to do.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message/message.h"
#include "norma_abi.h"

static int64_t hypercall(const void *request, uint64_t bytes, void *reply, uint64_t capacity)
{
	return norma_hypercall(request, bytes, reply, capacity);
}

static uint8_t request_bytes[MESSAGE_MAX_BYTES + 1], reply_bytes[MESSAGE_MAX_BYTES];

static uint64_t message_make(uint16_t type, const void *payload, uint32_t payload_bytes)
{
	struct message_header header = {.type = type, .bytes = payload_bytes, .sequence = 4711};
	struct wire_writer writer;

	wire_writer_init(&writer, request_bytes, sizeof(request_bytes));
	message_header_encode(&writer, &header);
	memcpy(request_bytes + writer.used, payload, payload_bytes);
	return writer.used + payload_bytes;
}

static int64_t message_call(uint16_t type, const void *payload, uint32_t payload_bytes,
			    struct message_header *ret_header)
{
	uint64_t bytes = message_make(type, payload, payload_bytes);
	int64_t got = hypercall(request_bytes, bytes, reply_bytes, sizeof(reply_bytes));

	if (got >= (int64_t)MESSAGE_HEADER_BYTES)
		message_header_decode(reply_bytes, (size_t)got, ret_header);
	return got;
}

static int do_self(void)
{
	struct message_header header = {0};
	struct norma_task_self_reply self = {0};
	struct wire_reader reader;

	message_call(MESSAGE_norma_task_self, NULL, 0, &header);
	wire_reader_init(&reader, reply_bytes + MESSAGE_HEADER_BYTES, header.bytes, NULL, 0);
	norma_task_self_reply_decode(&reader, &self);
	printf("%x %x %d %d %d\n", self.task, self.thread, self.node, header.result,
	       header.sequence == 4711);
	return 0;
}

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("not so: %s\n", #condition);                                        \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* Nothing that a guest writes into a request may do more than be refused. */
static int do_garbage(void)
{
	struct message_header header = {0};
	uint8_t names[8] = {0xff, 0xff, 0xff, 0xff};
	uint64_t bytes = message_make(MESSAGE_norma_task_self, NULL, 0);

	EXPECT(hypercall(request_bytes, 0, reply_bytes, sizeof(reply_bytes)) == -EINVAL);
	EXPECT(hypercall(request_bytes, 31, reply_bytes, sizeof(reply_bytes)) == -EINVAL);
	EXPECT(hypercall(request_bytes, MESSAGE_MAX_BYTES + 1, reply_bytes, 64) == -E2BIG);
	EXPECT(hypercall(request_bytes, UINT64_MAX, reply_bytes, 64) == -E2BIG);
	EXPECT(hypercall((void *)8, bytes, reply_bytes, sizeof(reply_bytes)) == -EFAULT);
	EXPECT(hypercall((void *)UINT64_MAX, bytes, reply_bytes, sizeof(reply_bytes)) == -EFAULT);
	EXPECT(hypercall(request_bytes, bytes, reply_bytes, 3) == -ENOSPC);
	EXPECT(hypercall(request_bytes, bytes, (void *)8, sizeof(reply_bytes)) == -EFAULT);
	EXPECT(hypercall(request_bytes, bytes + 1, reply_bytes, sizeof(reply_bytes)) == -EBADMSG);
	memset(request_bytes, 0xa5, sizeof(request_bytes));
	EXPECT(hypercall(request_bytes, 4096, reply_bytes, sizeof(reply_bytes)) == -EBADMSG);
	/* Well-formed, but not a program's to make: hostd's messages, unknown ones, names that are
	 * too short. */
	EXPECT(message_call(MESSAGE_vmm_ended, names, sizeof(names), &header) > 0);
	EXPECT(header.result != 0);
	EXPECT(message_call(MESSAGE_vmm_export, names, sizeof(names), &header) > 0);
	EXPECT(header.result != 0);
	EXPECT(message_call(9999, names, sizeof(names), &header) > 0);
	EXPECT(header.result != 0);
	EXPECT(message_call(MESSAGE_vm_allocate, names, 2, &header) > 0);
	EXPECT(header.result != 0);
	puts("refused");
	return 0;
}

/* A call that goes to hostd: norma_task_list, which this task's process does not answer. */
static int do_forward(void)
{
	struct message_header header = {0};
	uint8_t node[4] = {0};

	message_call(MESSAGE_norma_task_list, node, sizeof(node), &header);
	printf("result %d\n", header.result);
	return 0;
}

static int do_cat(void)
{
	char buffer[1000];
	ssize_t bytes;

	while ((bytes = read(0, buffer, sizeof(buffer))) > 0)
		if (write(1, buffer, (size_t)bytes) != bytes)
			return 1;
	return bytes < 0;
}

static int do_heap(void)
{
	size_t total = 0;

	for (size_t bytes = 16; bytes <= 8u << 20; bytes *= 2) {
		uint8_t *block = malloc(bytes);

		EXPECT(block != NULL);
		memset(block, 0x5a, bytes);
		total += block[bytes - 1];
		if (bytes % 3 == 1)
			free(block);
	}
	printf("heap %zu\n", total);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "self"))
		return do_self();
	if (!strcmp(what, "garbage"))
		return do_garbage();
	if (!strcmp(what, "forward"))
		return do_forward();
	if (!strcmp(what, "cat"))
		return do_cat();
	if (!strcmp(what, "heap"))
		return do_heap();
	if (!strcmp(what, "abort"))
		abort();
	if (!strcmp(what, "exit"))
		return atoi(argv[2]);
	if (!strcmp(what, "unknown")) {
		syscall(SYS_inotify_init);
		syscall(SYS_inotify_init);
		syscall(100000);
		puts("done");
		return 0;
	}
	if (!strcmp(what, "sleep"))
		return (int)sleep(100000);
	return 99;
}
