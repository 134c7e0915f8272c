/*
 * Exceptions that are held: the thread stands at the fault, may be looked at, changed, let go on
 * and ended.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mach/kern_return.h"
#include "mach/thread_info.h"
#include "mach/thread_status.h"
#include "run_suite.h"
#include "task_harness.h"

#define CODE 0x100000u
#define DATA 0x200000u
#define HOLE 0x300008u	   /* a hole among the task's memory */
#define FAR  0x1000000008u /* far from any memory */

/* mov rax, 42; mov [rsp], rax; lock inc qword [DATA]; jmp $ */
static const uint8_t store_code[] = {0x48, 0xc7, 0xc0, 0x2a, 0x00, 0x00, 0x00, 0x48,
				     0x89, 0x04, 0x24, 0xf0, 0x48, 0xff, 0x04, 0x25,
				     0x00, 0x00, 0x20, 0x00, 0xeb, 0xfe};
/* mov rax, [rsp]; mov [DATA], rax; jmp $ */
static const uint8_t load_code[] = {0x48, 0x8b, 0x04, 0x24, 0x48, 0x89, 0x04,
				    0x25, 0x00, 0x00, 0x20, 0x00, 0xeb, 0xfe};
/* ud2; lock inc qword [DATA]; jmp $ */
static const uint8_t invalid_code[] = {0x0f, 0x0b, 0xf0, 0x48, 0xff, 0x04, 0x25,
				       0x00, 0x00, 0x20, 0x00, 0xeb, 0xfe};
/* l: lock inc qword [rsp]; jmp l */
static const uint8_t count_code[] = {0xf0, 0x48, 0xff, 0x04, 0x24, 0xeb, 0xf9};

static struct task_harness *harness;
static struct task_properties properties;

static void setup(void)
{
	harness = harness_task();
	properties = (struct task_properties){.priority = 31, .policy = 1, .hold_exceptions = 1};
	harness_properties(harness, &properties);
	harness_allocate(harness, CODE, 4096);
	harness_allocate(harness, DATA, 4096);
}

static void teardown(void)
{
	harness_stop(harness);
}

static struct norma_exception_wait_reply wait_held(uint32_t timeout_ms)
{
	struct norma_exception_wait_request request = {TASK_NAME, timeout_ms};
	struct norma_exception_wait_reply reply = {0};

	HARNESS_EXPECT(0, harness, norma_exception_wait, &request, &reply);
	return reply;
}

static uint32_t start(const uint8_t *code, size_t bytes, uint64_t rsp)
{
	harness_write(harness, CODE, code, bytes);
	uint32_t thread = harness_thread(harness, CODE, rsp);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_resume, thread), 0);
	return thread;
}

static int32_t resume_held(uint32_t thread)
{
	return harness_thread_call(harness, MESSAGE_norma_exception_resume, thread);
}

static struct x86_thread_state64 state_of(uint32_t thread)
{
	struct thread_get_state_request request = {thread, x86_THREAD_STATE64};
	struct thread_get_state_reply reply = {0};
	struct x86_thread_state64 state;

	HARNESS_EXPECT(0, harness, thread_get_state, &request, &reply);
	ck_assert_uint_eq(reply.state.bytes, sizeof(state));
	memcpy(&state, reply.state.data, sizeof(state));
	return state;
}

static void state_set(uint32_t thread, const struct x86_thread_state64 *state)
{
	struct thread_set_state_request request = {
	    thread, x86_THREAD_STATE64, {(const uint8_t *)state, sizeof(*state)}};
	struct thread_set_state_reply reply;

	HARNESS_EXPECT(0, harness, thread_set_state, &request, &reply);
}

static struct thread_info_reply info_of(uint32_t thread)
{
	struct thread_info_request request = {thread, THREAD_BASIC_INFO};
	struct thread_info_reply reply = {0};

	HARNESS_EXPECT(0, harness, thread_info, &request, &reply);
	return reply;
}

/* The memory changing is the event. */
static void await_value(uint64_t address, uint64_t value)
{
	uint64_t deadline_ns = clock_now_ns() + 10 * NS_PER_S;

	while (harness_read_u64(harness, address) != value)
		ck_assert_msg(clock_now_ns() < deadline_ns, "the thread does not get there");
}

START_TEST(held_load_starts_again_when_its_memory_is_there)
{
	uint32_t thread = start(load_code, sizeof(load_code), HOLE);
	struct norma_exception_wait_reply held = wait_held(10000);
	uint64_t value = 77;

	ck_assert_uint_eq(held.thread, thread);
	ck_assert_uint_eq(held.exception, 1);
	ck_assert_int_eq(held.code, KERN_INVALID_ADDRESS);
	ck_assert_uint_eq(held.address_known, 1);
	ck_assert_uint_eq(held.address, HOLE);
	ck_assert_uint_eq(held.instruction_pointer, CODE);
	ck_assert_ptr_nonnull(strstr(held.text, "KERN_INVALID_ADDRESS"));
	struct x86_thread_state64 state = state_of(thread);
	ck_assert_uint_eq(state.rip, CODE);
	ck_assert_uint_eq(state.rsp, HOLE);
	ck_assert_uint_eq(info_of(thread).run_state, TH_STATE_STOPPED);
	ck_assert_uint_eq(info_of(thread).suspend_count, 0);
	ck_assert_uint_eq(harness->ended.state, 0);
	harness_allocate(harness, HOLE, 4096);
	harness_write(harness, HOLE, &value, sizeof(value));
	ck_assert_int_eq(resume_held(thread), 0);
	await_value(DATA, 77);
	ck_assert_int_eq(resume_held(thread), KERN_FAILURE);
	ck_assert_uint_eq(wait_held(1).thread, 0);
}
END_TEST

/* A store is done once, and what comes after it as well; where KVM has finished the instruction
 * but for the store (FAR) too. */
START_TEST(held_store_is_done_once)
{
	static const uint64_t places[] = {HOLE, FAR, CODE + 8};
	uint64_t at = places[_i];
	struct vm_protect_request protect = {TASK_NAME, CODE, 4096, 0, 1};
	struct vm_protect_reply protected;

	harness_write(harness, CODE, store_code, sizeof(store_code));
	HARNESS_EXPECT(0, harness, vm_protect, &protect, &protected);
	uint32_t thread = harness_thread(harness, CODE, at);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_resume, thread), 0);
	struct norma_exception_wait_reply held = wait_held(10000);
	ck_assert_uint_eq(held.address, at);
	ck_assert_int_eq(held.code, _i == 2 ? KERN_PROTECTION_FAILURE : KERN_INVALID_ADDRESS);
	ck_assert_uint_eq(state_of(thread).rax, 42);
	ck_assert_uint_eq(harness_read_u64(harness, DATA), 0);
	if (_i == 2) {
		struct x86_thread_state64 state = state_of(thread);

		ck_assert_uint_eq(state.rip, CODE + 7);
		state.rsp = DATA + 8;
		state_set(thread, &state);
		at = state.rsp;
	} else {
		struct x86_thread_state64 state = state_of(thread);

		/* Looking and putting back changes nothing. */
		state.r15 = 4711;
		state_set(thread, &state);
		harness_allocate(harness, at, 4096);
	}
	ck_assert_int_eq(resume_held(thread), 0);
	await_value(DATA, 1);
	ck_assert_uint_eq(harness_read_u64(harness, at), 42);
}
END_TEST

START_TEST(held_thread_goes_where_its_registers_say)
{
	uint32_t thread = start(invalid_code, sizeof(invalid_code), 0);
	struct norma_exception_wait_reply held = wait_held(10000);

	ck_assert_uint_eq(held.exception, 2);
	ck_assert_uint_eq(held.address_known, 0);
	ck_assert_uint_eq(held.instruction_pointer, CODE);
	/* Unchanged it does the same again: a new exception, told of anew. */
	ck_assert_int_eq(resume_held(thread), 0);
	held = wait_held(10000);
	ck_assert_uint_eq(held.thread, thread);
	struct x86_thread_state64 state = state_of(thread);
	state.rip += 2;
	state_set(thread, &state);
	ck_assert_int_eq(resume_held(thread), 0);
	await_value(DATA, 1);
}
END_TEST

START_TEST(others_run_while_a_thread_is_held)
{
	uint32_t thread = start(load_code, sizeof(load_code), HOLE);
	ck_assert_uint_eq(wait_held(10000).thread, thread);
	harness_write(harness, CODE + 256, count_code, sizeof(count_code));
	uint32_t other = harness_thread(harness, CODE + 256, DATA + 64);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_resume, other), 0);
	uint64_t before = harness_read_u64(harness, DATA + 64);
	while (harness_read_u64(harness, DATA + 64) == before)
		ck_assert_uint_eq(harness->ended.state, 0);
	ck_assert_int_eq(resume_held(other), KERN_FAILURE);
	ck_assert_ptr_nonnull(strstr(harness->failure.text, "not held"));
	struct thread_info_reply info = info_of(other);
	ck_assert_uint_eq(info.run_state, TH_STATE_RUNNING);
	ck_assert_uint_gt(info.user_time, 0);
	ck_assert_uint_gt(info.cpu_usage, 0);
	ck_assert_uint_le(info.cpu_usage, 1100);
	/* A copy of the task's memory does not wait for the one that is held. */
	struct vmm_export_request request = {EXPORT_CREATE};
	struct vmm_export_reply reply = {0};
	HARNESS_EXPECT(0, harness, vmm_export, &request, &reply);
}
END_TEST

/* Counts of thread and task, and being held, each keep a thread from running. */
START_TEST(suspensions_and_being_held_are_independent)
{
	uint32_t thread = start(load_code, sizeof(load_code), HOLE);
	uint64_t value = 5;

	ck_assert_uint_eq(wait_held(10000).thread, thread);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_suspend, thread), 0);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_suspend), 0);
	harness_allocate(harness, HOLE, 4096);
	harness_write(harness, HOLE, &value, sizeof(value));
	ck_assert_int_eq(resume_held(thread), 0);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_resume), 0);
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(harness_read_u64(harness, DATA), 0);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_resume, thread), 0);
	await_value(DATA, 5);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_resume, thread), KERN_FAILURE);
}
END_TEST

START_TEST(held_thread_can_be_ended)
{
	uint32_t thread = start(load_code, sizeof(load_code), HOLE);

	ck_assert_uint_eq(wait_held(10000).thread, thread);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_terminate, thread), 0);
	ck_assert_uint_eq(wait_held(0).thread, 0);
	ck_assert_int_eq(resume_held(thread), KERN_TERMINATED);
	/* Its runner carries others. */
	for (int i = 0; i < 64; i++)
		harness_thread(harness, CODE, 0);
}
END_TEST

START_TEST(holding_no_more_ends_the_task_with_the_first)
{
	uint32_t first = start(load_code, sizeof(load_code), HOLE);
	ck_assert_uint_eq(wait_held(10000).thread, first);
	harness_write(harness, CODE + 256, invalid_code, sizeof(invalid_code));
	uint32_t second = harness_thread(harness, CODE + 256, 0);
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_resume, second), 0);
	/* The new one is told of, then the first again. */
	ck_assert_uint_eq(wait_held(10000).thread, second);
	ck_assert_uint_eq(wait_held(20).thread, first);
	properties.hold_exceptions = 0;
	harness_properties(harness, &properties);
	harness_await_end(harness);
	ck_assert_uint_eq(harness->ended.state, TASK_STATE_EXCEPTION);
	ck_assert_int_eq(harness->ended.status, 128 + 1);
	ck_assert_ptr_nonnull(strstr(harness->ended.text, "0x300008"));
	ck_assert_int_eq(harness_wait_exit(harness), 0);
}
END_TEST

static uint64_t post_wait(uint32_t timeout_ms)
{
	struct norma_exception_wait_request request = {TASK_NAME, timeout_ms};
	uint8_t bytes[16];
	struct wire_writer writer;

	wire_writer_init(&writer, bytes, sizeof(bytes));
	norma_exception_wait_request_encode(&writer, &request);
	return harness_post(harness, MESSAGE_norma_exception_wait, bytes, writer.used);
}

/* More waits than there are workers, and calls that need one are answered meanwhile. */
START_TEST(waiting_takes_no_worker)
{
	uint64_t waits[32];
	uint32_t bytes;

	for (size_t i = 0; i < 32; i++)
		waits[i] = post_wait(60000);
	ck_assert_int_eq(harness_await(harness, post_wait(60000), &bytes), KERN_RESOURCE_SHORTAGE);
	uint32_t thread = start(load_code, sizeof(load_code), HOLE);
	/* Answered in order, so the last answer means all. */
	ck_assert_int_eq(harness_await(harness, waits[31], &bytes), 0);
	struct norma_exception_wait_reply reply = {0};
	struct wire_reader reader;
	wire_reader_init(&reader, harness->reply_bytes, bytes, NULL, 0);
	norma_exception_wait_reply_decode(&reader, &reply);
	ck_assert_int_eq(wire_reader_end(&reader), 0);
	ck_assert_uint_eq(reply.thread, thread);
}
END_TEST

START_TEST(waiting_ends_in_time_and_with_the_task)
{
	uint64_t began_ns = clock_now_ns();
	uint32_t bytes;

	ck_assert_uint_eq(wait_held(0).thread, 0);
	ck_assert_uint_eq(wait_held(50).thread, 0);
	ck_assert_uint_ge(clock_now_ns() - began_ns, 50 * NS_PER_MS);
	uint64_t wait = post_wait(60000);
	uint64_t longest = post_wait(UINT32_MAX);
	/* Its only thread ends: exit(3). */
	static const uint8_t exit_code[] = {0xbf, 0x03, 0x00, 0x00, 0x00, 0xb8,
					    0xe7, 0x00, 0x00, 0x00, 0x0f, 0x05};
	start(exit_code, sizeof(exit_code), 0);
	ck_assert_int_eq(harness_await(harness, wait, &bytes), KERN_TERMINATED);
	ck_assert_int_eq(harness_await(harness, longest, &bytes), KERN_TERMINATED);
	harness_await_end(harness);
	ck_assert_int_eq(harness->ended.status, 3);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("task_exception");
	TCase *c = tcase_create("exception");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, held_load_starts_again_when_its_memory_is_there);
	tcase_add_loop_test(c, held_store_is_done_once, 0, 3);
	tcase_add_test(c, held_thread_goes_where_its_registers_say);
	tcase_add_test(c, others_run_while_a_thread_is_held);
	tcase_add_test(c, suspensions_and_being_held_are_independent);
	tcase_add_test(c, held_thread_can_be_ended);
	tcase_add_test(c, holding_no_more_ends_the_task_with_the_first);
	tcase_add_test(c, waiting_takes_no_worker);
	tcase_add_test(c, waiting_ends_in_time_and_with_the_task);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
