/*
 * The stubs of Mach's calls about tasks, threads and hosts, against a daemon in a thread: arguments
 * travel in their fields, results come back in theirs, and what a stub refuses itself has the right
 * code and is not sent.
 */
#include <stdlib.h>
#include <string.h>

#include "fake_script.h"
#include "run_suite.h"

START_TEST(thread_facts_arrive_in_their_fields)
{
	struct thread_basic_info info;
	mach_msg_type_number_t count = THREAD_BASIC_INFO_COUNT;

	SCRIPT(thread_info, .user_time = 2000003, .system_time = 5, .cpu_usage = 500,
	       .policy = POLICY_TIMESHARE, .run_state = TH_STATE_STOPPED, .flags = TH_FLAGS_IDLE,
	       .suspend_count = 4, .sleep_time = 9);
	ck_assert_int_eq(thread_info(A_THREAD, THREAD_BASIC_INFO, (thread_info_t)&info, &count),
			 KERN_SUCCESS);
	ck_assert_uint_eq(count, THREAD_BASIC_INFO_COUNT);
	ck_assert_int_eq(info.user_time.seconds, 2);
	ck_assert_int_eq(info.user_time.microseconds, 3);
	ck_assert_int_eq(info.system_time.microseconds, 5);
	ck_assert_int_eq(info.cpu_usage, 500);
	ck_assert_int_eq(info.policy, POLICY_TIMESHARE);
	ck_assert_int_eq(info.run_state, TH_STATE_STOPPED);
	ck_assert_int_eq(info.flags, TH_FLAGS_IDLE);
	ck_assert_int_eq(info.suspend_count, 4);
	ck_assert_int_eq(info.sleep_time, 9);
}
END_TEST

START_TEST(host_facts_come_from_the_named_node)
{
	struct host_basic_info info;
	mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;

	SCRIPT(host_info, .max_cpus = 8, .avail_cpus = 6, .memory_size = 1ull << 40,
	       .cpu_type = 0x01000007, .cpu_subtype = 3);
	ck_assert_int_eq(host_info(name_of_host(200), HOST_BASIC_INFO, (host_info_t)&info, &count),
			 KERN_SUCCESS);
	ck_assert_int_eq(info.max_cpus, 8);
	ck_assert_int_eq(info.avail_cpus, 6);
	ck_assert_uint_eq(info.memory_size, 1ull << 40);
	ck_assert_int_eq(info.cpu_type, CPU_TYPE_X86_64);
	ASKED(host_info);
	ck_assert_int_eq(asked.node, 200);
}
END_TEST

START_TEST(the_security_token_is_the_owner)
{
	security_token_t token;
	mach_msg_type_number_t count = TASK_SECURITY_TOKEN_COUNT;

	SCRIPT(task_info, .owner_uid = 1000);
	ck_assert_int_eq(task_info(FAKE_TASK, TASK_SECURITY_TOKEN, (task_info_t)&token, &count),
			 KERN_SUCCESS);
	ck_assert_uint_eq(token.val[0], 1000);
	ck_assert_uint_eq(token.val[1], 0);
	ck_assert_uint_eq(count, TASK_SECURITY_TOKEN_COUNT);
	ASKED(task_info);
	ck_assert_uint_eq(asked.flavor, TASK_SECURITY_TOKEN);
}
END_TEST

START_TEST(wrong_flavors_and_short_counts_are_refused_without_a_call)
{
	natural_t room[32];
	mach_msg_type_number_t none = 0, count = 32, one = 1;

	ck_assert_int_eq(thread_info(A_THREAD, 99, (thread_info_t)room, &count),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(thread_info(A_THREAD, THREAD_BASIC_INFO, (thread_info_t)room, &one),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(host_info(A_HOST, 99, (host_info_t)room, &count), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(host_info(HOST_NULL, HOST_BASIC_INFO, (host_info_t)room, &count),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(host_info(FAKE_TASK, HOST_BASIC_INFO, (host_info_t)room, &count),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(host_info(A_HOST, HOST_BASIC_INFO, (host_info_t)room, &one), KERN_FAILURE);
	ck_assert_int_eq(task_info(FAKE_TASK, TASK_SECURITY_TOKEN, (task_info_t)room, &one),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(task_info(FAKE_TASK, 0, (task_info_t)room, &none), KERN_INVALID_ARGUMENT);
	ck_assert_uint_eq(fake.calls[MESSAGE_thread_info] + fake.calls[MESSAGE_host_info] +
			      fake.calls[MESSAGE_task_info],
			  0);
}
END_TEST

START_TEST(special_ports_travel_both_ways)
{
	mach_port_t port = 0;

	SCRIPT(task_get_special_port, .port = OTHER_TASK);
	ck_assert_int_eq(task_get_bootstrap_port(FAKE_TASK, &port), KERN_SUCCESS);
	ck_assert_uint_eq(port, OTHER_TASK);
	{
		ASKED(task_get_special_port);
		ck_assert_uint_eq(asked.which, TASK_BOOTSTRAP_PORT);
	}
	SCRIPT(task_set_special_port);
	ck_assert_int_eq(task_set_kernel_port(FAKE_TASK, A_HOST), KERN_SUCCESS);
	ASKED(task_set_special_port);
	ck_assert_uint_eq(asked.which, TASK_KERNEL_PORT);
	ck_assert_uint_eq(asked.port, A_HOST);
}
END_TEST

START_TEST(at_most_three_ports_are_registered)
{
	mach_port_t ports[4] = {FAKE_TASK, OTHER_TASK, A_HOST, FAKE_TASK};

	ck_assert_int_eq(mach_ports_register(FAKE_TASK, ports, 4), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(mach_ports_register(FAKE_TASK, ports, ~0u), KERN_INVALID_ARGUMENT);
	ck_assert_uint_eq(fake.calls[MESSAGE_mach_ports_register], 0);
	SCRIPT(mach_ports_register);
	ck_assert_int_eq(mach_ports_register(FAKE_TASK, NULL, 0), KERN_SUCCESS);
	ck_assert_int_eq(mach_ports_register(FAKE_TASK, ports, 3), KERN_SUCCESS);
	ASKED(mach_ports_register);
	ck_assert_uint_eq(asked.ports_count, 3);
	ck_assert_uint_eq(asked.ports[2].name, A_HOST);
}
END_TEST

START_TEST(a_lookup_always_gives_three_slots)
{
	static const struct port_name names[] = {{FAKE_TASK}, {OTHER_TASK}, {0x12345678}};

	for (uint32_t sent = 0; sent <= 3; sent++) {
		mach_port_array_t ports = NULL;
		mach_msg_type_number_t count = 0;

		SCRIPT(mach_ports_lookup, .ports = names, .ports_count = sent);
		ck_assert_int_eq(mach_ports_lookup(FAKE_TASK, &ports, &count), KERN_SUCCESS);
		ck_assert_uint_eq(count, TASK_PORT_REGISTER_MAX);
		for (uint32_t i = 0; i < count; i++)
			ck_assert_uint_eq(ports[i], i < sent ? names[i].name : MACH_PORT_NULL);
		ck_assert_int_eq(
		    vm_deallocate(mach_task_self(), (vm_address_t)ports, count * sizeof(*ports)),
		    KERN_SUCCESS);
		ck_assert_uint_eq(fake.calls[MESSAGE_vm_deallocate], 0);
	}
}
END_TEST

START_TEST(priority_and_location_travel)
{
	int node = -1;

	SCRIPT(task_priority);
	ck_assert_int_eq(task_priority(FAKE_TASK, 31, 2), KERN_SUCCESS);
	{
		ASKED(task_priority);
		ck_assert_uint_eq(asked.priority, 31);
		ck_assert_uint_eq(asked.change_threads, 1);
	}
	SCRIPT(norma_port_location_hint, .node = 7);
	ck_assert_int_eq(norma_port_location_hint(FAKE_TASK, OTHER_TASK, &node), KERN_SUCCESS);
	ck_assert_int_eq(node, 7);
	ASKED(norma_port_location_hint);
	ck_assert_uint_eq(asked.port, OTHER_TASK);
}
END_TEST

START_TEST(a_held_thread_is_reported_whole)
{
	struct norma_exception exception;

	SCRIPT(norma_exception_wait, .thread = A_THREAD, .exception = EXC_BAD_ACCESS,
	       .code = KERN_PROTECTION_FAILURE, .address_known = 1, .address = 0x123456789a,
	       .instruction_pointer = 0x400123, .text = "it wrote there");
	ck_assert_int_eq(norma_exception_wait(FAKE_TASK, 10, &exception), KERN_SUCCESS);
	ck_assert_uint_eq(exception.thread, A_THREAD);
	ck_assert_int_eq(exception.exception, EXC_BAD_ACCESS);
	ck_assert_int_eq(exception.code, KERN_PROTECTION_FAILURE);
	ck_assert_int_eq(exception.address_known, TRUE);
	ck_assert_uint_eq(exception.address, 0x123456789a);
	ck_assert_uint_eq(exception.instruction_pointer, 0x400123);
	ck_assert_str_eq(exception.text, "it wrote there");
	ASKED(norma_exception_wait);
	ck_assert_uint_eq(asked.timeout_ms, 10);
}
END_TEST

START_TEST(when_no_thread_is_held_nothing_is_reported)
{
	struct norma_exception exception, nothing;

	memset(&exception, 0x5c, sizeof(exception));
	memset(&nothing, 0, sizeof(nothing));
	SCRIPT(norma_exception_wait, .exception = 3, .address = 4);
	ck_assert_int_eq(norma_exception_wait(FAKE_TASK, 0, &exception), KERN_SUCCESS);
	ck_assert_mem_eq(&exception, &nothing, sizeof(nothing));
}
END_TEST

START_TEST(holding_and_resuming_travel)
{
	SCRIPT(norma_exception_hold);
	ck_assert_int_eq(norma_exception_hold(FAKE_TASK, 7), KERN_SUCCESS);
	{
		ASKED(norma_exception_hold);
		ck_assert_uint_eq(asked.hold, 1);
	}
	SCRIPT(norma_exception_resume);
	ck_assert_int_eq(norma_exception_resume(A_THREAD), KERN_SUCCESS);
	ASKED(norma_exception_resume);
	ck_assert_uint_eq(asked.thread, A_THREAD);
}
END_TEST

START_TEST(limits_are_set_only_when_given)
{
	struct norma_limits limits = {.memory_bytes = 1, .threads = 2, .ports = 3};

	SCRIPT(norma_task_limits, .memory_bytes = 10, .threads = 11, .ports = 12);
	ck_assert_int_eq(norma_task_limits(FAKE_TASK, &limits, NULL), KERN_SUCCESS);
	{
		ASKED(norma_task_limits);
		ck_assert_uint_eq(asked.set, 1);
		ck_assert_uint_eq(asked.memory_bytes, 1);
		ck_assert_uint_eq(asked.threads, 2);
		ck_assert_uint_eq(asked.ports, 3);
	}
	ck_assert_int_eq(norma_task_limits(FAKE_TASK, NULL, &limits), KERN_SUCCESS);
	ck_assert_uint_eq(limits.memory_bytes, 10);
	ck_assert_uint_eq(limits.threads, 11);
	ck_assert_uint_eq(limits.ports, 12);
	ASKED(norma_task_limits);
	ck_assert_uint_eq(asked.set, 0);
}
END_TEST

static void add_all(TCase *tests)
{
	tcase_add_test(tests, thread_facts_arrive_in_their_fields);
	tcase_add_test(tests, host_facts_come_from_the_named_node);
	tcase_add_test(tests, the_security_token_is_the_owner);
	tcase_add_test(tests, wrong_flavors_and_short_counts_are_refused_without_a_call);
	tcase_add_test(tests, special_ports_travel_both_ways);
	tcase_add_test(tests, at_most_three_ports_are_registered);
	tcase_add_test(tests, a_lookup_always_gives_three_slots);
	tcase_add_test(tests, priority_and_location_travel);
	tcase_add_test(tests, a_held_thread_is_reported_whole);
	tcase_add_test(tests, when_no_thread_is_held_nothing_is_reported);
	tcase_add_test(tests, holding_and_resuming_travel);
	tcase_add_test(tests, limits_are_set_only_when_given);
}

int main(void)
{
	Suite *suite = suite_create("client_task");
	TCase *tests = tcase_create("client_task");

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, fake_setup, fake_teardown);
	add_all(tests);
	return run_suite(suite);
}
