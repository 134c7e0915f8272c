/*
 * Clones between hosts: success, failure at every step, hosts and askers that vanish. After every
 * failure nothing of the child exists anywhere and the parent runs.
 */
#include <check.h>
#include <mach/kern_return.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "scene.h"
#include "terminate.h"

static uint32_t parent;

static void setup(void)
{
	scene_begin(3, 3);
	parent = run_program(&harness, &client, 1, "");
}

/* The parent is on node 1, the asker on node 0; the child goes to `node`. */
static int32_t clone_to(int node)
{
	return CALL(norma_task_clone, .parent = parent, .inherit_memory = 1, .child_node = node);
}

static uint32_t child_of_reply(void)
{
	struct norma_task_clone_reply made;

	REPLY_OF(norma_task_clone, &reply, &made);
	return made.child;
}

static struct task_info_reply parent_info(void)
{
	struct task_info_reply info;

	ck_assert_int_eq(CALL(task_info, .task = parent), 0);
	REPLY_OF(task_info, &reply, &info);
	return info;
}

static void expect_no_child(void)
{
	struct task_info_reply info;

	harness_settle(&harness);
	for (unsigned int i = 0; i < 3; i++)
		if (harness.hosts[i])
			ck_assert_uint_eq(live_tasks(&harness, i), i == 1 ? 1 : 0);
	info = parent_info();
	ck_assert_uint_eq(info.virtual_size, info.resident_size);
}

START_TEST(child_is_made_on_any_node)
{
	for (int node = 0; node < 3; node++) {
		ck_assert_int_eq(clone_to(node), 0);
		ck_assert_int_eq(name_node(child_of_reply()), node);
		ck_assert_int_eq(CALL(task_info, .task = child_of_reply()), 0);
	}
	harness_settle(&harness);
	ck_assert_uint_eq(live_tasks(&harness, 0), 1);
	ck_assert_uint_eq(live_tasks(&harness, 1), 2);
	ck_assert_uint_eq(live_tasks(&harness, 2), 1);
	ck_assert_uint_eq(parent_info().virtual_size, 3);
	ck_assert_uint_eq(parent_info().resident_size, 3);
}
END_TEST

START_TEST(other_calls_make_children_too)
{
	struct task *child;

	ck_assert_int_eq(CALL(task_create, .parent = parent, .inherit_memory = 1), 0);
	ck_assert_int_eq(name_node(child_of_reply()), 1);
	ck_assert_int_eq(
	    CALL(norma_task_create, .parent = parent, .inherit_memory = 1, .child_node = 2), 0);
	child = tasks_find(&harness.hosts[2]->tasks, child_of_reply());
	ck_assert_ptr_nonnull(child);
	ck_assert_uint_eq(child->parent, parent);
	ck_assert_str_eq(child->image, "fake");
	ck_assert_int_eq(CALL(task_create, .parent = parent, .ledger_count = 1),
			 KERN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(empty_child_needs_no_export)
{
	ck_assert_int_eq(CALL(norma_task_clone, .parent = parent, .child_node = 2), 0);
	ck_assert_int_eq(CALL(task_create, .parent = parent), 0);
	ck_assert_uint_eq(parent_info().virtual_size, 0);
}
END_TEST

START_TEST(owner_travels_with_the_clone)
{
	tasks_find(&harness.hosts[1]->tasks, parent)->owner_uid = 1234;
	ck_assert_int_eq(clone_to(2), 0);
	ck_assert_uint_eq(tasks_find(&harness.hosts[2]->tasks, child_of_reply())->owner_uid, 1234);
}
END_TEST

START_TEST(unknown_nodes_are_refused)
{
	static const int nodes[] = {-1, 3, 255, 256, 0x7fffffff, -2};

	ck_assert_int_eq(clone_to(nodes[_i]), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(
	    CALL(norma_task_create, .parent = parent, .inherit_memory = 1, .child_node = nodes[_i]),
	    KERN_INVALID_ARGUMENT);
	expect_no_child();
	ck_assert_uint_eq(parent_info().virtual_size, 0);
}
END_TEST

START_TEST(wrong_parents_are_refused)
{
	ck_assert_int_eq(CALL(norma_task_clone, .parent = 0, .child_node = 2),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(norma_task_clone, .parent = name_of_task(1, 77), .child_node = 2),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(norma_task_clone, .parent = name_of_thread(parent, 0)),
			 KERN_INVALID_ARGUMENT);
	expect_no_child();
}
END_TEST

START_TEST(down_node_is_node_down)
{
	harness_stop(&harness, 2);
	ck_assert_int_eq(clone_to(2), KERN_NODE_DOWN);
	ck_assert_msg(strstr(refusal(&reply), "node 2") != NULL, "%s", refusal(&reply));
	expect_no_child();
	ck_assert_uint_eq(parent_info().virtual_size, 0); /* it was not even asked */
	harness_start(&harness, 2);
	ck_assert_int_eq(clone_to(2), 0);
}
END_TEST

START_TEST(parents_node_down_is_node_down)
{
	harness_stop(&harness, 1);
	ck_assert_int_eq(clone_to(0), KERN_NODE_DOWN);
	ck_assert_int_eq(CALL(task_info, .task = parent), KERN_NODE_DOWN);
}
END_TEST

struct failure_case {
	const char *script;
	int node;
	int32_t result;
	bool parent_dies;
};

static const struct failure_case failures[] = {
    {"vmm_export refuse\n", 2, KERN_NO_SPACE, false},
    {"vmm_export ignore\n", 2, KERN_OPERATION_TIMED_OUT, false},
    {"vmm_export refuse\n", 1, KERN_NO_SPACE, false},
    {"vmm_become refuse\n", 2, KERN_NO_SPACE, false},
    {"vmm_become refuse\n", 1, KERN_NO_SPACE, false},
    {"vmm_become die\n", 2, KERN_FAILURE, false},
    {"vmm_become die\n", 1, KERN_FAILURE, false},
    {"vmm_become exit\n", 1, KERN_FAILURE, false},
    {"vmm_become ignore\n", 2, KERN_OPERATION_TIMED_OUT, false},
    {"vmm_become ignore\n", 1, KERN_OPERATION_TIMED_OUT, false},
    {"vmm_become garbage\n", 2, KERN_FAILURE, false},
    {"vmm_export die\n", 2, KERN_TERMINATED, true},
    {"vmm_export garbage\n", 2, KERN_TERMINATED, true},
};

static void set_deadlines(int parent_ms, int child_ms)
{
	harness.hosts[1]->config.clone_deadline_ms = parent_ms;
	harness.hosts[2]->config.clone_deadline_ms = child_ms;
}

START_TEST(failure_of_any_step_leaves_nothing)
{
	const struct failure_case *failure = &failures[_i];
	int fds, next_serial;
	int32_t result;

	ck_assert_int_eq(clone_to(failure->node), 0); /* links exist from now on */
	ck_assert_int_eq(CALL(task_terminate, .task = child_of_reply()), 0);
	fds = harness_fds(&harness);
	next_serial = (int)harness.hosts[2]->tasks.last_serial;
	harness_script(&harness, failure->script);
	if (strstr(failure->script, "ignore"))
		set_deadlines(300, 200);
	result = clone_to(failure->node);
	ck_assert_msg(result == failure->result, "%d: %s", result, refusal(&reply));
	ck_assert_uint_gt(strlen(refusal(&reply)), 10);
	harness_script(&harness, "");
	set_deadlines(10000, 10000);
	harness_settle(&harness);
	if (failure->parent_dies) {
		ck_assert_uint_eq(live_tasks(&harness, 1), 0);
		ck_assert_uint_eq(live_tasks(&harness, 2), 0);
		ck_assert_int_lt(harness_fds(&harness), fds);
		return;
	}
	ck_assert_int_eq(harness_fds(&harness), fds);
	ck_assert_uint_eq(live_tasks(&harness, 1), 1);
	ck_assert_uint_eq(live_tasks(&harness, 2), 0);
	for (uint32_t serial = (uint32_t)next_serial + 1; serial < 10; serial++)
		ck_assert_ptr_null(harness.hosts[2]->tasks.by_serial[serial]);
	ck_assert_int_eq(clone_to(failure->node), 0); /* and it works again */
}
END_TEST

static bool is_importing(void *context)
{
	const struct hostd *hostd = context;
	const struct task *task = TAILQ_FIRST(&hostd->tasks.live);

	return task && task->phase == TASK_BUILDING;
}

static bool has_no_task(void *context)
{
	const struct hostd *hostd = context;

	return hostd->tasks.live_count == 0;
}

/* Asks for a clone on node 2 and waits until its child is half-built. */
static uint64_t half_a_clone(void)
{
	uint64_t sequence;

	harness_script(&harness, "vmm_become ignore\n");
	sequence = SEND_HOST(&client, norma_task_clone, .parent = parent, .inherit_memory = 1,
			     .child_node = 2);
	harness_until(&harness, is_importing, harness.hosts[2], "a child half-built");
	return sequence;
}

START_TEST(host_that_vanishes_half_way_is_node_down)
{
	uint64_t sequence = half_a_clone();

	harness_stop(&harness, 2);
	client_receive(&harness, &client, &reply);
	ck_assert_uint_eq(reply.header.sequence, sequence);
	ck_assert_int_eq(reply.header.result, KERN_NODE_DOWN);
	expect_no_child();
}
END_TEST

START_TEST(parents_host_that_vanishes_half_way_leaves_no_child)
{
	half_a_clone();
	harness_stop(&harness, 1);
	client_receive(&harness, &client, &reply);
	ck_assert_int_eq(reply.header.result, KERN_NODE_DOWN);
	harness_until(&harness, has_no_task, harness.hosts[2], "the child is ended");
}
END_TEST

START_TEST(parent_that_dies_half_way_is_an_error)
{
	half_a_clone();
	harness_script(&harness, "");
	task_end(tasks_find(&harness.hosts[1]->tasks, parent), "a test");
	client_receive(&harness, &client, &reply);
	ck_assert_int_ne(reply.header.result, 0);
	harness_settle(&harness);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_uint_eq(live_tasks(&harness, i), 0);
}
END_TEST

/* The asker leaves while its clone is half-built; its host's claim ends the child. */
START_TEST(child_whose_asker_is_gone_is_ended)
{
	harness_script(&harness, "vmm_become hold\n");
	SEND_HOST(&client, norma_task_clone, .parent = parent, .inherit_memory = 1,
		  .child_node = 2);
	harness_until(&harness, is_importing, harness.hosts[2], "a child half-built");
	link_done(&client);
	client_open(&harness, 0, &client);
	ck_assert_int_eq(client_call(&harness, &client, MESSAGE_norma_node_self, NULL, 0, &reply),
			 0);
	harness_until_held(&harness);
	harness_release(&harness);
	expect_no_child();
	ck_assert_uint_eq(harness.hosts[2]->tasks.ended_count, 1); /* it was alive */
}
END_TEST

START_TEST(loading_task_ends_with_its_remote_client)
{
	ck_assert_int_eq(CALL(norma_run_begin, .node = 2), 0);
	ck_assert_uint_eq(live_tasks(&harness, 2), 1);
	link_done(&client);
	client_open(&harness, 0, &client);
	harness_until(&harness, has_no_task, harness.hosts[2], "the loading task is ended");
}
END_TEST

START_TEST(loading_task_ends_with_its_clients_host)
{
	ck_assert_int_eq(CALL(norma_run_begin, .node = 2), 0);
	link_done(&client);
	harness_stop(&harness, 0);
	harness_until(&harness, has_no_task, harness.hosts[2], "the loading task is ended");
	harness_start(&harness, 0);
	client_open(&harness, 0, &client);
}
END_TEST

START_TEST(late_child_is_ended)
{
	/* Node 1 gives up while the import still goes on at node 2, where it then succeeds. */
	ck_assert_int_eq(clone_to(2), 0);
	ck_assert_int_eq(CALL(task_terminate, .task = child_of_reply()), 0);
	set_deadlines(LATE_MS, 10000);
	harness_script(&harness, "vmm_become hold\n");
	SEND_HOST(&client, norma_task_clone, .parent = parent, .inherit_memory = 1,
		  .child_node = 2);
	harness_until_held(&harness);
	client_receive(&harness, &client, &reply);
	ck_assert_int_eq(reply.header.result, KERN_OPERATION_TIMED_OUT);
	ck_assert_uint_eq(live_tasks(&harness, 2), 1);
	harness_release(&harness);
	expect_no_child();
	ck_assert_uint_eq(harness.hosts[2]->tasks.ended_count, 2); /* it was alive */
}
END_TEST

START_TEST(child_of_a_parent_that_died_is_ended)
{
	uint64_t sequence;

	harness_script(&harness, "vmm_become hold\n");
	sequence = SEND_HOST(&client, norma_task_clone, .parent = parent, .inherit_memory = 1,
			     .child_node = 2);
	harness_until(&harness, is_importing, harness.hosts[2], "a child half-built");
	ck_assert_int_eq(CALL_HOST(&harness, &client, task_terminate, &reply, .task = parent), 0);
	harness_until_held(&harness);
	harness_release(&harness);
	client_receive(&harness, &client, &reply);
	ck_assert_uint_eq(reply.header.sequence, sequence);
	ck_assert_int_eq(reply.header.result, KERN_TERMINATED);
	harness_settle(&harness);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_uint_eq(live_tasks(&harness, i), 0);
}
END_TEST

START_TEST(clones_of_one_parent_wait_for_each_other)
{
	unsigned int made = 0;

	for (int i = 0; i < 12; i++)
		SEND_HOST(&client, norma_task_clone, .parent = parent, .inherit_memory = 1,
			  .child_node = i % 3);
	for (int i = 0; i < 12; i++) {
		client_receive(&harness, &client, &reply);
		made += reply.header.result == 0;
	}
	ck_assert_uint_eq(made, 12);
	ck_assert_uint_eq(parent_info().virtual_size, 12);
	ck_assert_uint_eq(parent_info().resident_size, 12);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostd/clones");
	TCase *tests = tcase_create("clones");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 100);
	tcase_add_checked_fixture(tests, setup, scene_end);
	tcase_add_test(tests, child_is_made_on_any_node);
	tcase_add_test(tests, other_calls_make_children_too);
	tcase_add_test(tests, empty_child_needs_no_export);
	tcase_add_test(tests, owner_travels_with_the_clone);
	tcase_add_loop_test(tests, unknown_nodes_are_refused, 0, 6);
	tcase_add_test(tests, wrong_parents_are_refused);
	tcase_add_test(tests, down_node_is_node_down);
	tcase_add_test(tests, parents_node_down_is_node_down);
	tcase_add_loop_test(tests, failure_of_any_step_leaves_nothing, 0,
			    sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(tests, host_that_vanishes_half_way_is_node_down);
	tcase_add_test(tests, parents_host_that_vanishes_half_way_leaves_no_child);
	tcase_add_test(tests, parent_that_dies_half_way_is_an_error);
	tcase_add_test(tests, child_whose_asker_is_gone_is_ended);
	tcase_add_test(tests, loading_task_ends_with_its_remote_client);
	tcase_add_test(tests, loading_task_ends_with_its_clients_host);
	tcase_add_test(tests, late_child_is_ended);
	tcase_add_test(tests, child_of_a_parent_that_died_is_ended);
	tcase_add_test(tests, clones_of_one_parent_wait_for_each_other);
	return run_suite(suite);
}
