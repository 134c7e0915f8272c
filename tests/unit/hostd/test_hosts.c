/*
 * What hosts know of each other: who is there, where a port is, what a host has.
 */
#include <check.h>
#include <mach/host_info.h>
#include <mach/kern_return.h>
#include <mach/machine.h>

#include "run_suite.h"
#include "scene.h"

static uint32_t task; /* on node 1 */

static void setup(void)
{
	scene_begin(3, 3);
	task = run_program(&harness, &client, 1, "");
}

START_TEST(node_list_says_who_is_there)
{
	struct norma_node_list_reply list;

	harness_stop(&harness, 2);
	ck_assert_int_eq(client_call(&harness, &client, MESSAGE_norma_node_list, NULL, 0, &reply),
			 0);
	REPLY_OF(norma_node_list, &reply, &list);
	ck_assert_uint_eq(list.nodes_count, 3);
	ck_assert_uint_eq(list.nodes[0].state, NODE_STATE_SELF);
	ck_assert_uint_eq(list.nodes[1].state, NODE_STATE_UP);
	ck_assert_uint_eq(list.nodes[1].tasks, 1);
	ck_assert_uint_eq(list.nodes[2].state, NODE_STATE_DOWN);
	ck_assert_str_eq(list.nodes[2].address, harness.configs[0].nodes[2].hostd.text);
}
END_TEST

static bool is_up_again(void *context)
{
	(void)context;
	return peer_channel(peer_find(&harness.hosts[0]->peers, 1)) != NULL;
}

static bool is_down(void *context)
{
	return !is_up_again(context);
}

START_TEST(lost_link_comes_back_by_itself)
{
	harness_stop(&harness, 1);
	harness_until(&harness, is_down, NULL, "the link is lost");
	harness_start(&harness, 1);
	harness_until(&harness, is_up_again, NULL, "the link is back");
	ck_assert_int_eq(CALL(norma_task_list, .node = 1), 0);
}
END_TEST

static int hint(uint32_t port)
{
	struct norma_port_location_hint_reply where;
	int32_t result = CALL(norma_port_location_hint, .task = task, .port = port);

	ck_assert_msg(result == 0, "0x%08x: %d", port, result);
	REPLY_OF(norma_port_location_hint, &reply, &where);
	return where.node;
}

START_TEST(hint_says_where_a_port_is)
{
	uint32_t other = run_program(&harness, &client, 0, "");

	ck_assert_int_eq(hint(task), 1);
	ck_assert_int_eq(hint(other), 0);
	ck_assert_int_eq(hint(name_of_thread(other, 3)), 0);
	ck_assert_int_eq(hint(name_of_host(0)), 0);
	ck_assert_int_eq(hint(name_of_host(1)), 1);
}
END_TEST

START_TEST(hint_for_no_port_or_a_dead_one_is_refused)
{
	uint32_t other = run_program(&harness, &client, 0, "");
	const uint32_t wrong[] = {
	    0, 5, name_of_host(9), name_of_task(1, 99), name_of_task(0, 99), other};

	ck_assert_int_eq(CALL(task_terminate, .task = other), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(CALL(norma_port_location_hint, .task = task, .port = wrong[i]),
				 KERN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(hint_outlives_a_node_that_is_down)
{
	uint32_t other = run_program(&harness, &client, 0, "");
	struct link near;

	harness_stop(&harness, 0);
	client_open(&harness, 1, &near);
	ck_assert_int_eq(CALL_HOST(&harness, &near, norma_port_location_hint, &reply, .task = task,
				   .port = other),
			 0);
	link_done(&near);
}
END_TEST

START_TEST(host_info_describes_any_host)
{
	struct host_info_reply info;

	for (int node = 0; node < 2; node++) {
		ck_assert_int_eq(CALL(host_info, .node = node, .flavor = HOST_BASIC_INFO), 0);
		REPLY_OF(host_info, &reply, &info);
		ck_assert_uint_ge(info.avail_cpus, 1);
		ck_assert_uint_ge(info.max_cpus, info.avail_cpus);
		ck_assert_uint_gt(info.memory_size, 1 << 24);
		ck_assert_int_eq((int)info.cpu_type, CPU_TYPE_X86_64);
	}
	ck_assert_int_eq(CALL(host_info, .node = 1, .flavor = 2), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(host_info, .node = 7, .flavor = HOST_BASIC_INFO),
			 KERN_INVALID_ARGUMENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostd/hosts");
	TCase *tests = tcase_create("hosts");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 100);
	tcase_add_checked_fixture(tests, setup, scene_end);
	tcase_add_test(tests, node_list_says_who_is_there);
	tcase_add_test(tests, lost_link_comes_back_by_itself);
	tcase_add_test(tests, hint_says_where_a_port_is);
	tcase_add_test(tests, hint_for_no_port_or_a_dead_one_is_refused);
	tcase_add_test(tests, hint_outlives_a_node_that_is_down);
	tcase_add_test(tests, host_info_describes_any_host);
	return run_suite(suite);
}
