/*
 * What a task has besides memory: ports, priority, limits, exceptions. Who may change it, what its
 * VMM is told, and what children get, here and on another node.
 */
#include <check.h>
#include <mach/host_info.h>
#include <mach/kern_return.h>
#include <mach/machine.h>
#include <mach/policy.h>
#include <mach/task_special_ports.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_suite.h"
#include "scene.h"

static uint32_t task; /* on node 1; the client is on node 0 */

static void setup(void)
{
	harness_begin(&harness, 2);
	harness.configs[1].task_memory_bytes = 1 << 30;
	harness.configs[1].task_threads = 8;
	for (unsigned int i = 0; i < 2; i++)
		harness_start(&harness, i);
	client_open(&harness, 0, &client);
	task = run_program(&harness, &client, 1, "");
}

static uint32_t special_port(uint32_t of, int which)
{
	struct task_get_special_port_reply port;

	ck_assert_int_eq(CALL(task_get_special_port, .task = of, .which = (uint32_t)which), 0);
	REPLY_OF(task_get_special_port, &reply, &port);
	return port.port;
}

static int32_t set_special_port(int which, uint32_t port)
{
	return CALL(task_set_special_port, .task = task, .which = (uint32_t)which, .port = port);
}

static int32_t register_ports(uint32_t count, uint32_t first, uint32_t second)
{
	const struct port_name ports[4] = {{first}, {second}};

	return CALL(mach_ports_register, .task = task, .ports = ports, .ports_count = count);
}

static void expect_ports(uint32_t of, uint32_t first, uint32_t second)
{
	struct mach_ports_lookup_reply ports;

	ck_assert_int_eq(CALL(mach_ports_lookup, .task = of), 0);
	REPLY_OF(mach_ports_lookup, &reply, &ports);
	ck_assert_uint_eq(ports.ports_count, TASK_PORT_REGISTER_MAX);
	ck_assert_uint_eq(ports.ports[0].name, first);
	ck_assert_uint_eq(ports.ports[1].name, second);
	ck_assert_uint_eq(ports.ports[2].name, 0);
}

/* What the VMM was told (fake_vmm.c). */
static struct task_info_reply told(uint32_t of)
{
	struct task_info_reply info;

	ck_assert_int_eq(CALL(task_info, .task = of), 0);
	REPLY_OF(task_info, &reply, &info);
	return info;
}

static struct norma_task_limits_reply limits(uint32_t of)
{
	struct norma_task_limits_reply now;

	ck_assert_int_eq(CALL(norma_task_limits, .task = of), 0);
	REPLY_OF(norma_task_limits, &reply, &now);
	return now;
}

static int32_t set_limits(uint64_t memory_bytes, uint32_t threads, uint32_t ports)
{
	return CALL(norma_task_limits, .task = task, .set = 1, .memory_bytes = memory_bytes,
		    .threads = threads, .ports = ports);
}

/* The client's calls reach node 1 as those of another user from now on. */
static void become_user(uint32_t uid)
{
	struct channel *channel = LIST_FIRST(&harness.hosts[0]->channels);

	while (channel->kind != CHANNEL_CLIENT)
		channel = LIST_NEXT(channel, entry);
	channel->uid = uid;
	tasks_find(&harness.hosts[1]->tasks, task)->owner_uid = 1000;
}

START_TEST(new_task_has_defaults)
{
	ck_assert_uint_eq(special_port(task, TASK_KERNEL_PORT), task);
	ck_assert_uint_eq(special_port(task, TASK_BOOTSTRAP_PORT), 0);
	expect_ports(task, 0, 0);
	ck_assert_uint_eq(told(task).base_priority, 64);
	ck_assert_uint_eq(told(task).policy, POLICY_TIMESHARE);
	ck_assert_uint_eq(told(task).user_time, 0);
	ck_assert_uint_eq(told(task).system_time, 1 << 30);
	ck_assert_uint_eq(limits(task).memory_bytes, 1 << 30);
	ck_assert_uint_eq(limits(task).threads, 8);
	ck_assert_uint_eq(limits(task).ports, 0);
}
END_TEST

START_TEST(special_ports_are_kept)
{
	ck_assert_int_eq(set_special_port(TASK_BOOTSTRAP_PORT, name_of_host(0)), 0);
	ck_assert_int_eq(set_special_port(TASK_KERNEL_PORT, name_of_task(0, 7)), 0);
	ck_assert_uint_eq(special_port(task, TASK_BOOTSTRAP_PORT), name_of_host(0));
	ck_assert_uint_eq(special_port(task, TASK_KERNEL_PORT), name_of_task(0, 7));
	ck_assert_int_eq(CALL(task_info, .task = task), 0); /* its name is what it was */
	ck_assert_int_eq(set_special_port(TASK_BOOTSTRAP_PORT, 0), 0);
	ck_assert_uint_eq(special_port(task, TASK_BOOTSTRAP_PORT), 0);
}
END_TEST

START_TEST(other_special_ports_do_not_exist)
{
	static const uint32_t which[] = {0, 2, 3, 5, 99, 0xffffffff};

	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++) {
		ck_assert_int_eq(CALL(task_get_special_port, .task = task, .which = which[i]),
				 KERN_INVALID_ARGUMENT);
		ck_assert_int_eq(set_special_port((int)which[i], 0), KERN_INVALID_ARGUMENT);
	}
}
END_TEST

START_TEST(ports_are_names_of_tasks_and_hosts)
{
	const uint32_t wrong[] = {
	    1,
	    name_of_thread(task, 0),
	    name_of_task(2, 1), /* not in the table */
	    name_of_task(1, 0),
	    name_of_task(1, 1) + 1,
	    name_of_host(2),
	    name_of_host(1) + 64,
	    0xffffffff,
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(set_special_port(TASK_BOOTSTRAP_PORT, wrong[i]),
				 KERN_INVALID_ARGUMENT);
		ck_assert_int_eq(set_special_port(TASK_KERNEL_PORT, wrong[i]),
				 KERN_INVALID_ARGUMENT);
		ck_assert_int_eq(register_ports(2, name_of_host(0), wrong[i]),
				 KERN_INVALID_ARGUMENT);
	}
	ck_assert_uint_eq(special_port(task, TASK_BOOTSTRAP_PORT), 0);
	expect_ports(task, 0, 0);
}
END_TEST

START_TEST(registered_ports_are_replaced_as_a_whole)
{
	ck_assert_int_eq(register_ports(2, name_of_host(0), name_of_host(1)), 0);
	expect_ports(task, name_of_host(0), name_of_host(1));
	ck_assert_int_eq(register_ports(1, task, 0), 0);
	expect_ports(task, task, 0);
	ck_assert_int_eq(register_ports(0, 0, 0), 0);
	expect_ports(task, 0, 0);
}
END_TEST

START_TEST(four_registered_ports_are_too_many)
{
	/* Our own encoder refuses it, too: the bytes by hand. */
	uint8_t bytes[4 + 4 + 4 * 4] = {0};
	struct wire_writer writer;

	wire_writer_init(&writer, bytes, sizeof(bytes));
	wire_put_u32(&writer, task);
	wire_put_u32(&writer, 4);
	ck_assert_int_eq(client_call(&harness, &client, MESSAGE_mach_ports_register, bytes,
				     sizeof(bytes), &reply),
			 KERN_INVALID_ARGUMENT);
	expect_ports(task, 0, 0);
}
END_TEST

START_TEST(priority_reaches_the_vmm)
{
	ck_assert_int_eq(CALL(task_priority, .task = task, .priority = 127), 0);
	ck_assert_uint_eq(told(task).base_priority, 127);
	ck_assert_int_eq(CALL(task_priority, .task = task, .priority = 0), 0);
	ck_assert_uint_eq(told(task).base_priority, 0);
	ck_assert_int_eq(CALL(task_priority, .task = task, .priority = 128), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(task_priority, .task = task, .priority = 0xffffffff),
			 KERN_INVALID_ARGUMENT);
	ck_assert_uint_eq(told(task).base_priority, 0);
}
END_TEST

START_TEST(hold_reaches_the_vmm_also_while_loading)
{
	struct norma_run_begin_reply begun;

	ck_assert_int_eq(CALL(norma_run_begin, .node = 1), 0);
	REPLY_OF(norma_run_begin, &reply, &begun);
	ck_assert_int_eq(CALL(norma_exception_hold, .task = begun.task, .hold = 5), 0);
	ck_assert_uint_eq(told(begun.task).user_time, 1);
	ck_assert_int_eq(CALL(norma_exception_hold, .task = begun.task, .hold = 0), 0);
	ck_assert_uint_eq(told(begun.task).user_time, 0);
	ck_assert_uint_eq(told(task).user_time, 0);
}
END_TEST

START_TEST(owner_may_lower_limits_root_may_raise_them)
{
	become_user(1000);
	ck_assert_int_eq(set_limits(1 << 20, 4, 2), 0);
	ck_assert_uint_eq(limits(task).memory_bytes, 1 << 20);
	ck_assert_uint_eq(told(task).system_time, 1 << 20);
	ck_assert_int_eq(set_limits((1 << 20) + 1, 4, 2), KERN_NO_ACCESS);
	ck_assert_int_eq(set_limits(1 << 20, 0, 2), KERN_NO_ACCESS);
	ck_assert_int_eq(set_limits(1 << 20, 4, 3), KERN_NO_ACCESS);
	ck_assert_uint_eq(limits(task).ports, 2);
	become_user(1001);
	ck_assert_int_eq(set_limits(1 << 10, 1, 1), KERN_INVALID_TASK);
	become_user(0);
	ck_assert_int_eq(set_limits(0, 0, 0), 0);
	ck_assert_uint_eq(told(task).system_time, 0);
}
END_TEST

START_TEST(ports_have_a_limit)
{
	ck_assert_int_eq(set_limits(0, 0, 2), 0);
	ck_assert_int_eq(set_special_port(TASK_BOOTSTRAP_PORT, name_of_host(0)), 0);
	ck_assert_int_eq(register_ports(2, task, task), KERN_RESOURCE_SHORTAGE);
	ck_assert_int_eq(register_ports(2, task, 0), 0);
	ck_assert_int_eq(set_limits(0, 0, 1), 0); /* what it has stays */
	ck_assert_int_eq(register_ports(1, name_of_host(1), 0), 0);
	ck_assert_int_eq(register_ports(2, task, task), KERN_RESOURCE_SHORTAGE);
	expect_ports(task, name_of_host(1), 0);
}
END_TEST

static void expect_inherited(uint32_t child)
{
	ck_assert_uint_eq(special_port(child, TASK_BOOTSTRAP_PORT), name_of_host(1));
	ck_assert_uint_eq(special_port(child, TASK_KERNEL_PORT), child);
	expect_ports(child, task, name_of_host(0));
	ck_assert_uint_eq(told(child).base_priority, 17);
	ck_assert_uint_eq(told(child).policy, POLICY_TIMESHARE);
	ck_assert_uint_eq(told(child).user_time, 1);
	ck_assert_uint_eq(told(child).system_time, 1 << 21);
	ck_assert_uint_eq(limits(child).threads, 3);
	ck_assert_uint_eq(limits(child).ports, 9);
}

START_TEST(children_get_copies_on_any_node)
{
	struct norma_task_clone_reply child;

	ck_assert_int_eq(set_special_port(TASK_BOOTSTRAP_PORT, name_of_host(1)), 0);
	ck_assert_int_eq(set_special_port(TASK_KERNEL_PORT, 0), 0);
	ck_assert_int_eq(register_ports(2, task, name_of_host(0)), 0);
	ck_assert_int_eq(CALL(task_priority, .task = task, .priority = 17), 0);
	ck_assert_int_eq(CALL(norma_exception_hold, .task = task, .hold = 1), 0);
	ck_assert_int_eq(set_limits(1 << 21, 3, 9), 0);
	for (int node = 0; node < 2; node++)
		for (uint32_t inherit = 0; inherit < 2; inherit++) {
			ck_assert_int_eq(CALL(norma_task_clone, .parent = task,
					      .inherit_memory = inherit, .child_node = node),
					 0);
			REPLY_OF(norma_task_clone, &reply, &child);
			expect_inherited(child.child);
		}
	ck_assert_int_eq(CALL(task_priority, .task = task, .priority = 18), 0);
	expect_inherited(child.child);
}
END_TEST

struct change_failure {
	const char *script;
	int32_t result;
};

static const struct change_failure failures[] = {
    {"vmm_properties refuse\n", KERN_NO_SPACE},
    {"vmm_properties ignore\n", KERN_OPERATION_TIMED_OUT},
};

START_TEST(change_that_the_vmm_refuses_is_none)
{
	if (failures[_i].result == KERN_OPERATION_TIMED_OUT)
		harness.hosts[1]->config.call_deadline_ms = 500;
	harness_script(&harness, failures[_i].script);
	ck_assert_int_eq(CALL(task_priority, .task = task, .priority = 1), failures[_i].result);
	ck_assert_int_eq(register_ports(1, task, 0), failures[_i].result);
	harness_script(&harness, "");
	harness.hosts[1]->config.call_deadline_ms = 10000;
	expect_ports(task, 0, 0);
	ck_assert_int_eq(CALL(norma_exception_hold, .task = task, .hold = 1), 0);
	ck_assert_uint_eq(told(task).base_priority, 64);
}
END_TEST

START_TEST(changes_of_one_task_do_not_undo_each_other)
{
	harness_script(&harness, "vmm_properties hold\n");
	SEND_HOST(&client, task_priority, .task = task, .priority = 5);
	SEND_HOST(&client, norma_exception_hold, .task = task, .hold = 1);
	for (int i = 0; i < 2; i++) {
		harness_until_held(&harness);
		harness_release(&harness);
		client_receive(&harness, &client, &reply);
		ck_assert_int_eq(reply.header.result, 0);
	}
	harness_script(&harness, "");
	ck_assert_uint_eq(told(task).base_priority, 5);
	ck_assert_uint_eq(told(task).user_time, 1);
}
END_TEST

START_TEST(changes_of_a_task_that_ends_are_refused)
{
	harness_script(&harness, "vmm_properties ignore\n");
	SEND_HOST(&client, task_priority, .task = task, .priority = 5);
	SEND_HOST(&client, norma_exception_hold, .task = task, .hold = 1);
	SEND_HOST(&client, task_terminate, .task = task);
	for (int i = 0; i < 3; i++) {
		client_receive(&harness, &client, &reply);
		ck_assert_int_eq(reply.header.result,
				 reply.header.type == MESSAGE_task_terminate ? 0 : KERN_TERMINATED);
	}
}
END_TEST

START_TEST(dead_task_has_no_ports)
{
	ck_assert_int_eq(CALL(task_terminate, .task = task), 0);
	ck_assert_int_eq(CALL(task_get_special_port, .task = task, .which = TASK_BOOTSTRAP_PORT),
			 KERN_FAILURE);
	ck_assert_int_eq(set_special_port(TASK_BOOTSTRAP_PORT, 0), KERN_FAILURE);
	ck_assert_int_eq(CALL(mach_ports_lookup, .task = task), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(register_ports(1, 0, 0), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(task_priority, .task = task, .priority = 1), KERN_INVALID_ARGUMENT);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, new_task_has_defaults);
	tcase_add_test(tests, special_ports_are_kept);
	tcase_add_test(tests, other_special_ports_do_not_exist);
	tcase_add_test(tests, ports_are_names_of_tasks_and_hosts);
	tcase_add_test(tests, registered_ports_are_replaced_as_a_whole);
	tcase_add_test(tests, four_registered_ports_are_too_many);
	tcase_add_test(tests, priority_reaches_the_vmm);
	tcase_add_test(tests, hold_reaches_the_vmm_also_while_loading);
	tcase_add_test(tests, owner_may_lower_limits_root_may_raise_them);
	tcase_add_test(tests, ports_have_a_limit);
	tcase_add_test(tests, children_get_copies_on_any_node);
	tcase_add_loop_test(tests, change_that_the_vmm_refuses_is_none, 0, 2);
	tcase_add_test(tests, changes_of_one_task_do_not_undo_each_other);
	tcase_add_test(tests, changes_of_a_task_that_ends_are_refused);
	tcase_add_test(tests, dead_task_has_no_ports);
}

int main(void)
{
	Suite *suite = suite_create("hostd/properties");
	TCase *tests = tcase_create("properties");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, scene_end);
	add_tests(tests);
	return run_suite(suite);
}
