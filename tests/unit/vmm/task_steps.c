/*
 * What tests of norma-vmm do again and again: calls with their ready-made arguments.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mach/thread_status.h"
#include "task_harness.h"

uint64_t harness_allocate(struct task_harness *harness, uint64_t address, uint64_t bytes)
{
	struct vm_allocate_request request = {TASK_NAME, address, bytes, address == 0};
	struct vm_allocate_reply reply = {0};

	HARNESS_EXPECT(0, harness, vm_allocate, &request, &reply);
	return reply.address;
}

void harness_write(struct task_harness *harness, uint64_t address, const void *data, size_t bytes)
{
	struct vm_write_request request = {
	    .task = TASK_NAME, .address = address, .data = {data, (uint32_t)bytes}};
	struct vm_write_reply reply;

	HARNESS_EXPECT(0, harness, vm_write, &request, &reply);
}

uint64_t harness_read_u64(struct task_harness *harness, uint64_t address)
{
	struct vm_read_request request = {TASK_NAME, address, sizeof(uint64_t)};
	struct vm_read_reply reply = {0};
	uint64_t value;

	HARNESS_EXPECT(0, harness, vm_read, &request, &reply);
	ck_assert_uint_eq(reply.data.bytes, sizeof(value));
	memcpy(&value, reply.data.data, sizeof(value));
	return value;
}

int32_t harness_thread_set(struct task_harness *harness, uint32_t thread, uint64_t rip,
			   uint64_t rsp)
{
	struct x86_thread_state64 state = {.rip = rip, .rsp = rsp};
	struct thread_set_state_request request = {
	    .thread = thread,
	    .flavor = x86_THREAD_STATE64,
	    .state = {(const uint8_t *)&state, sizeof(state)},
	};
	struct thread_set_state_reply reply;

	return HARNESS_CALL(harness, thread_set_state, &request, &reply);
}

uint32_t harness_thread(struct task_harness *harness, uint64_t rip, uint64_t rsp)
{
	struct thread_create_request request = {TASK_NAME};
	struct thread_create_reply reply = {0};

	HARNESS_EXPECT(0, harness, thread_create, &request, &reply);
	ck_assert_int_eq(harness_thread_set(harness, reply.thread, rip, rsp), 0);
	return reply.thread;
}

static int32_t call_with_name(struct task_harness *harness, uint16_t type, uint32_t name)
{
	uint8_t bytes[4];
	struct wire_writer writer;
	uint32_t got;

	wire_writer_init(&writer, bytes, sizeof(bytes));
	wire_put_u32(&writer, name);
	return harness_call_raw(harness, type, bytes, sizeof(bytes), &got);
}

int32_t harness_thread_call(struct task_harness *harness, uint16_t type, uint32_t thread)
{
	return call_with_name(harness, type, thread);
}

int32_t harness_task_call(struct task_harness *harness, uint16_t type)
{
	return call_with_name(harness, type, TASK_NAME);
}

static void run_data(struct task_harness *harness, FILE *file)
{
	static uint8_t chunk[MESSAGE_MAX_DATA];
	struct norma_run_data_request request = {.task = TASK_NAME};
	struct norma_run_data_reply reply;

	while ((request.data.bytes = (uint32_t)fread(chunk, 1, sizeof(chunk), file)) > 0) {
		request.data.data = chunk;
		HARNESS_EXPECT(0, harness, norma_run_data, &request, &reply);
		request.offset += request.data.bytes;
	}
}

int32_t harness_run(struct task_harness *harness, const char *path, const char *arguments,
		    size_t arguments_bytes)
{
	FILE *file = fopen(path, "re");
	struct norma_run_begin_request begin = {
	    .node = TASK_NODE,
	    .arguments = {(const uint8_t *)arguments, (uint32_t)arguments_bytes},
	};
	struct norma_run_begin_reply begun;
	struct norma_run_start_request start = {TASK_NAME};
	struct norma_run_start_reply started;

	ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
	fseek(file, 0, SEEK_END);
	begin.image_bytes = (uint64_t)ftell(file);
	rewind(file);
	HARNESS_EXPECT(0, harness, norma_run_begin, &begin, &begun);
	ck_assert_uint_eq(begun.task, TASK_NAME);
	run_data(harness, file);
	fclose(file);
	return HARNESS_CALL(harness, norma_run_start, &start, &started);
}

void harness_properties(struct task_harness *harness, const struct task_properties *properties)
{
	struct vmm_properties_request request = {properties, 1};
	struct vmm_properties_reply reply;

	HARNESS_EXPECT(0, harness, vmm_properties, &request, &reply);
}
