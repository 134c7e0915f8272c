/*
 * Threads of a task over hostd's socket: counts, registers, names, and 64 of them.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mach/kern_return.h"
#include "mach/thread_status.h"
#include "run_suite.h"
#include "task_harness.h"

#define CODE  0x100000u
#define DATA  0x200000u
#define STACK 0x300000u

/* l: lock inc qword [rsp]; jmp l */
static const uint8_t count_code[] = {0xf0, 0x48, 0xff, 0x04, 0x24, 0xeb, 0xf9};

static struct task_harness *harness;

static void setup(void)
{
	harness = harness_task();
	harness_allocate(harness, CODE, 4096);
	harness_allocate(harness, DATA, 4096);
	harness_write(harness, CODE, count_code, sizeof(count_code));
}

static void teardown(void)
{
	harness_stop(harness);
}

static int32_t thread_call(uint16_t type, uint32_t thread)
{
	return harness_thread_call(harness, type, thread);
}

static uint64_t counter(uint64_t address)
{
	return harness_read_u64(harness, address);
}

/* Progress is an event here: reads go on until the counter has moved. */
static void expect_running(uint64_t address)
{
	uint64_t before = counter(address);

	for (int i = 0; i < 1000000; i++)
		if (counter(address) != before)
			return;
	ck_abort_msg("the thread does not run");
}

static void expect_stopped(uint64_t address)
{
	uint64_t before = counter(address);

	for (int i = 0; i < 50; i++)
		ck_assert_uint_eq(counter(address), before);
}

static uint32_t start_counter(uint64_t address)
{
	uint32_t thread = harness_thread(harness, CODE, address);

	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, thread), 0);
	expect_running(address);
	return thread;
}

START_TEST(new_thread_is_suspended_once)
{
	uint32_t thread = harness_thread(harness, CODE, DATA);

	expect_stopped(DATA);
	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, thread), 0);
	expect_running(DATA);
	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, thread), KERN_FAILURE);
	ck_assert_msg(strstr(harness->failure.text, "not suspended"), "%s", harness->failure.text);
}
END_TEST

START_TEST(thread_suspensions_nest)
{
	uint32_t thread = start_counter(DATA);

	ck_assert_int_eq(thread_call(MESSAGE_thread_suspend, thread), 0);
	ck_assert_int_eq(thread_call(MESSAGE_thread_suspend, thread), 0);
	expect_stopped(DATA);
	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, thread), 0);
	expect_stopped(DATA);
	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, thread), 0);
	expect_running(DATA);
}
END_TEST

START_TEST(task_suspensions_nest_and_add_to_the_threads)
{
	uint32_t thread = start_counter(DATA);

	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_resume), KERN_FAILURE);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_suspend), 0);
	expect_stopped(DATA);
	struct task_info_request request = {TASK_NAME, 4};
	struct task_info_reply info = {0};
	HARNESS_EXPECT(0, harness, task_info, &request, &info);
	ck_assert_uint_eq(info.suspend_count, 3);
	ck_assert_uint_eq(info.virtual_size, 8192);
	ck_assert_uint_gt(info.user_time + info.system_time, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_resume), 0);
	expect_running(DATA);
	ck_assert_int_eq(thread_call(MESSAGE_thread_suspend, thread), 0);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_suspend), 0);
	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, thread), 0);
	expect_stopped(DATA);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_resume), 0);
	expect_running(DATA);
}
END_TEST

static int32_t get_state(uint32_t thread, uint32_t flavor, void *state, size_t bytes)
{
	struct thread_get_state_request request = {thread, flavor};
	struct thread_get_state_reply reply = {0};
	int32_t result = HARNESS_CALL(harness, thread_get_state, &request, &reply);

	if (!result) {
		ck_assert_uint_le(reply.state.bytes, bytes);
		memcpy(state, reply.state.data, reply.state.bytes);
	}
	return result ? result : -(int32_t)reply.state.bytes;
}

START_TEST(registers_of_a_running_thread_can_be_read_and_set)
{
	uint32_t thread = start_counter(DATA);
	struct x86_thread_state64 state = {0};
	struct thread_set_state_request request = {
	    thread, x86_THREAD_STATE64, {(const uint8_t *)&state, sizeof(state)}};
	struct thread_set_state_reply reply;

	ck_assert_int_eq(get_state(thread, x86_THREAD_STATE64, &state, sizeof(state)),
			 -(int)sizeof(state));
	ck_assert_uint_eq(state.rsp, DATA);
	ck_assert_uint_ge(state.rip, CODE);
	ck_assert_uint_lt(state.rip, CODE + sizeof(count_code));
	expect_running(DATA);
	state.rsp = DATA + 64;
	state.fs_base = 0x1234;
	HARNESS_EXPECT(0, harness, thread_set_state, &request, &reply);
	expect_running(DATA + 64);
	expect_stopped(DATA);
	ck_assert_int_eq(get_state(thread, x86_THREAD_STATE64, &state, sizeof(state)),
			 -(int)sizeof(state));
	ck_assert_uint_eq(state.fs_base, 0x1234);
}
END_TEST

START_TEST(float_state_round_trips)
{
	uint32_t thread = harness_thread(harness, CODE, DATA);
	static uint8_t area[4096];
	int32_t bytes = -get_state(thread, x86_FLOAT_STATE64, area, sizeof(area));
	struct thread_set_state_request request = {
	    thread, x86_FLOAT_STATE64, {area, (uint32_t)bytes}};
	struct thread_set_state_reply reply;

	ck_assert_int_ge(bytes, 576);
	area[512] |= 3;	      /* XSTATE_BV: x87 and SSE are in use */
	area[160 + 3] = 0x77; /* xmm0 */
	HARNESS_EXPECT(0, harness, thread_set_state, &request, &reply);
	memset(area, 0, sizeof(area));
	ck_assert_int_eq(get_state(thread, x86_FLOAT_STATE64, area, sizeof(area)), -bytes);
	ck_assert_uint_eq(area[160 + 3], 0x77);
	/* wrong length; reserved bits of XSTATE_BV */
	request.state.bytes = 100;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, thread_set_state, &request, &reply);
	request.state.bytes = (uint32_t)bytes;
	memset(area + 512, 0xff, 8);
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, thread_set_state, &request, &reply);
}
END_TEST

START_TEST(impossible_states_are_refused)
{
	uint32_t thread = harness_thread(harness, CODE, DATA);
	uint8_t state[200] = {0};
	struct thread_set_state_request request = {thread, x86_THREAD_STATE64, {state, 159}};
	struct thread_set_state_reply reply;

	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, thread_set_state, &request, &reply);
	request.state.bytes = 161;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, thread_set_state, &request, &reply);
	request.state.bytes = 160;
	request.flavor = 99;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, thread_set_state, &request, &reply);
	ck_assert_int_eq(harness_thread_set(harness, thread, 1ull << 63, 0), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(get_state(thread, 99, state, sizeof(state)), KERN_INVALID_ARGUMENT);
}
END_TEST

/* The host mappings under a running thread change; what it may do does not, so it notices nothing.
 */
START_TEST(running_thread_survives_changes_around_it)
{
	struct vm_protect_reply reply;

	start_counter(DATA);
	for (uint32_t i = 0; i < 200; i++) {
		struct vm_protect_request request = {TASK_NAME, DATA, 4096, 0, i % 2 ? 3 : 7};

		HARNESS_EXPECT(0, harness, vm_protect, &request, &reply);
		harness_allocate(harness, 0, 4096);
	}
	expect_running(DATA);
	ck_assert_uint_eq(harness->ended.state, 0);
}
END_TEST

START_TEST(terminated_thread_is_gone)
{
	uint32_t thread = start_counter(DATA);

	ck_assert_int_eq(thread_call(MESSAGE_thread_terminate, thread), 0);
	expect_stopped(DATA);
	ck_assert_int_eq(thread_call(MESSAGE_thread_terminate, thread), KERN_TERMINATED);
	ck_assert_int_eq(thread_call(MESSAGE_thread_suspend, thread), KERN_TERMINATED);
	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, thread), KERN_TERMINATED);
	ck_assert_int_eq(harness_thread_set(harness, thread, CODE, DATA), KERN_TERMINATED);
	/* Other indices, all vCPUs, and nothing of the old registers. */
	for (int i = 0; i < 64; i++) {
		struct thread_create_request request = {TASK_NAME};
		struct thread_create_reply reply = {0};
		struct x86_thread_state64 state;

		HARNESS_EXPECT(0, harness, thread_create, &request, &reply);
		ck_assert(i == 63 || reply.thread != thread);
		ck_assert_int_eq(get_state(reply.thread, x86_THREAD_STATE64, &state, sizeof(state)),
				 -(int)sizeof(state));
		ck_assert_uint_eq(state.rsp, 0);
	}
	ck_assert_uint_eq(harness->ended.state, 0);
}
END_TEST

START_TEST(names_that_never_were_are_refused)
{
	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, name_of_thread(TASK_NAME, 5)),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, 0), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, TASK_NAME), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(thread_call(MESSAGE_thread_resume, UINT32_MAX), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(
	    thread_call(MESSAGE_thread_resume, name_of_thread(name_of_task(TASK_NODE, 78), 0)),
	    KERN_INVALID_ARGUMENT);
}
END_TEST

static uint32_t thread_count(void)
{
	struct task_threads_request request = {TASK_NAME};
	struct task_threads_reply reply = {0};

	HARNESS_EXPECT(0, harness, task_threads, &request, &reply);
	return reply.threads_count;
}

/* lock inc qword [rsp]; l: futex(DATA + 2048, FUTEX_WAIT, 0, NULL); jmp l */
static const uint8_t wait_code[] = {0xf0, 0x48, 0xff, 0x04, 0x24, 0xbf, 0x00, 0x08, 0x20,
				    0x00, 0x31, 0xf6, 0x31, 0xd2, 0x4d, 0x31, 0xd2, 0xb8,
				    0xca, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xeb, 0xeb};

START_TEST(task_carries_64_threads_and_no_more)
{
	uint32_t threads[64];
	struct thread_create_request request = {TASK_NAME};
	struct thread_create_reply reply;

	harness_write(harness, CODE, wait_code, sizeof(wait_code));
	for (uint32_t i = 0; i < 64; i++)
		threads[i] = harness_thread(harness, CODE, DATA + 8 * i);
	HARNESS_EXPECT(KERN_RESOURCE_SHORTAGE, harness, thread_create, &request, &reply);
	ck_assert_uint_eq(thread_count(), 64);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_suspend), 0);
	for (uint32_t i = 0; i < 64; i++)
		ck_assert_int_eq(thread_call(MESSAGE_thread_resume, threads[i]), 0);
	for (uint32_t i = 0; i < 64; i++)
		ck_assert_uint_eq(counter(DATA + 8 * i), 0);
	ck_assert_int_eq(harness_task_call(harness, MESSAGE_task_resume), 0);
	for (uint32_t i = 0; i < 64; i++)
		while (!counter(DATA + 8 * i))
			ck_assert_uint_eq(harness->ended.state, 0);
	for (uint32_t i = 0; i < 64; i++)
		ck_assert_int_eq(thread_call(MESSAGE_thread_terminate, threads[i]), 0);
	ck_assert_uint_eq(thread_count(), 0);
	/* All vCPUs are free again. */
	for (uint32_t i = 0; i < 64; i++)
		harness_thread(harness, CODE, DATA);
	ck_assert_uint_eq(thread_count(), 64);
}
END_TEST

START_TEST(threads_can_be_made_and_ended_many_times)
{
	uint32_t last = 0;

	for (int i = 0; i < 200; i++) {
		uint32_t thread = harness_thread(harness, CODE, DATA);

		ck_assert_uint_ne(thread, last);
		last = thread;
		ck_assert_int_eq(thread_call(MESSAGE_thread_resume, thread), 0);
		ck_assert_int_eq(thread_call(MESSAGE_thread_terminate, thread), 0);
	}
	ck_assert_uint_eq(thread_count(), 0);
}
END_TEST

/* A copy is one instant: threads stand still for it, and for no longer. */
START_TEST(threads_stand_still_for_a_copy_only)
{
	struct vmm_export_request request = {EXPORT_CREATE};
	struct vmm_export_reply reply = {0};
	struct vmm_export_end_request end_request = {};
	struct vmm_export_end_reply end_reply = {};
	struct norma_task_statistics_request statistics_request = {TASK_NAME};
	struct norma_task_statistics_reply statistics = {0};

	start_counter(DATA);
	start_counter(DATA + 8);
	for (int i = 0; i < 20; i++) {
		HARNESS_EXPECT(0, harness, vmm_export, &request, &reply);
		ck_assert_uint_eq(reply.regions_count, 2);
		ck_assert_uint_eq(reply.regions[1].start, DATA);
		ck_assert_uint_gt(reply.pause_ns, 0);
		expect_running(DATA);
		expect_running(DATA + 8);
		HARNESS_EXPECT(0, harness, vmm_export_end, &end_request, &end_reply);
	}
	HARNESS_EXPECT(0, harness, norma_task_statistics, &statistics_request, &statistics);
	ck_assert_uint_gt(statistics.last_pause_ns, 0);
	ck_assert_uint_eq(harness->ended.state, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("task_thread");
	TCase *c = tcase_create("thread");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, new_thread_is_suspended_once);
	tcase_add_test(c, thread_suspensions_nest);
	tcase_add_test(c, task_suspensions_nest_and_add_to_the_threads);
	tcase_add_test(c, registers_of_a_running_thread_can_be_read_and_set);
	tcase_add_test(c, float_state_round_trips);
	tcase_add_test(c, impossible_states_are_refused);
	tcase_add_test(c, running_thread_survives_changes_around_it);
	tcase_add_test(c, terminated_thread_is_gone);
	tcase_add_test(c, names_that_never_were_are_refused);
	tcase_add_test(c, task_carries_64_threads_and_no_more);
	tcase_add_test(c, threads_can_be_made_and_ended_many_times);
	tcase_add_test(c, threads_stand_still_for_a_copy_only);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
