/*
 * The properties of a task that its process enforces and reports, and what thread_info tells.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mach/kern_return.h"
#include "mach/task_info.h"
#include "mach/thread_info.h"
#include "run_suite.h"
#include "task_harness.h"

#define CODE 0x100000u
#define DATA 0x200000u

static struct task_harness *harness;
static struct task_properties properties;

static void setup(void)
{
	harness = harness_task();
	properties = (struct task_properties){.priority = 31, .policy = 1};
	harness_properties(harness, &properties);
	harness_allocate(harness, CODE, 4096);
	harness_allocate(harness, DATA, 4096);
}

static void teardown(void)
{
	harness_stop(harness);
}

static struct thread_info_reply info_of(uint32_t thread)
{
	struct thread_info_request request = {thread, THREAD_BASIC_INFO};
	struct thread_info_reply reply = {0};

	HARNESS_EXPECT(0, harness, thread_info, &request, &reply);
	return reply;
}

START_TEST(task_info_tells_the_properties)
{
	struct task_info_request request = {TASK_NAME, TASK_BASIC_INFO};
	struct task_info_reply info = {0};

	HARNESS_EXPECT(0, harness, task_info, &request, &info);
	ck_assert_uint_eq(info.base_priority, 31);
	ck_assert_uint_eq(info.policy, 1);
	request.flavor = TASK_SECURITY_TOKEN;
	HARNESS_EXPECT(0, harness, task_info, &request, &info);
	ck_assert_uint_eq(info.owner_uid, 1000);
	request.flavor = 5;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, task_info, &request, &info);
}
END_TEST

START_TEST(limits_hold)
{
	struct thread_create_request request = {TASK_NAME};
	struct thread_create_reply reply;
	struct vm_allocate_request allocate = {TASK_NAME, 0, 4096, 1};
	struct vm_allocate_reply allocated;

	properties.limit_threads = 2;
	properties.limit_memory_bytes = 8192;
	harness_properties(harness, &properties);
	uint32_t first = harness_thread(harness, CODE, 0);
	harness_thread(harness, CODE, 0);
	HARNESS_EXPECT(KERN_RESOURCE_SHORTAGE, harness, thread_create, &request, &reply);
	ck_assert_ptr_nonnull(strstr(harness->failure.text, "limit of threads"));
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_terminate, first), 0);
	HARNESS_EXPECT(0, harness, thread_create, &request, &reply);
	HARNESS_EXPECT(KERN_RESOURCE_SHORTAGE, harness, vm_allocate, &allocate, &allocated);
	ck_assert_ptr_nonnull(strstr(harness->failure.text, "limit"));
	properties.limit_threads = 0;
	properties.limit_memory_bytes = 0;
	harness_properties(harness, &properties);
	HARNESS_EXPECT(0, harness, thread_create, &request, &reply);
	HARNESS_EXPECT(0, harness, vm_allocate, &allocate, &allocated);
}
END_TEST

START_TEST(thread_info_codes)
{
	struct thread_info_request request = {name_of_thread(TASK_NAME, 9), THREAD_BASIC_INFO};
	struct thread_info_reply reply;

	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, thread_info, &request, &reply);
	request.thread = harness_thread(harness, CODE, 0);
	request.flavor = 4;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, thread_info, &request, &reply);
	ck_assert_uint_eq(info_of(request.thread).run_state, TH_STATE_STOPPED);
	ck_assert_uint_eq(info_of(request.thread).suspend_count, 1);
	ck_assert_uint_eq(info_of(request.thread).policy, 1);
	request.flavor = THREAD_BASIC_INFO;
	ck_assert_int_eq(harness_thread_call(harness, MESSAGE_thread_terminate, request.thread), 0);
	HARNESS_EXPECT(KERN_TERMINATED, harness, thread_info, &request, &reply);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("task_property");
	TCase *c = tcase_create("property");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, task_info_tells_the_properties);
	tcase_add_test(c, limits_hold);
	tcase_add_test(c, thread_info_codes);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
