/*
 * What a host promises of its memory, and from which NUMA cell: hosts with cells that this machine
 * does not have.
 */
#include <check.h>
#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_facts.h"
#include "harness.h"
#include "placement/cell.h"
#include "room.h"
#include "run_suite.h"

#define MIB (UINT64_C(1) << 20)

static char root[64];
static struct harness harness;
static struct link client;
static struct link_message reply;

#define CALL(name, ...) CALL_HOST(&harness, &client, name, &reply, __VA_ARGS__)

/* Host 0 of two; promises count until tasks hold what they were promised, which none of these does.
 */
static void setup(void)
{
	facts_make(root);
	facts_memory(root, 2048);
	harness_begin(&harness, 2);
	snprintf(harness.configs[0].facts_root, sizeof(harness.configs[0].facts_root), "%s", root);
	harness.configs[0].memory_bytes = 1024 * (int64_t)MIB;
}

static void start(void)
{
	harness_start(&harness, 0);
	client_open(&harness, 0, &client);
}

static void teardown(void)
{
	link_done(&client);
	harness_end(&harness);
	facts_remove(root);
}

static struct task *new_task(void)
{
	return tasks_find(&harness.hosts[0]->tasks, run_program(&harness, &client, 0, ""));
}

/* What the task's VMM was told. */
static int cell_of(const struct task *task)
{
	struct task_info_reply info;

	ck_assert_int_eq(CALL(task_info, .task = task->name), 0);
	REPLY_OF(task_info, &reply, &info);
	return (int)info.owner_uid;
}

/* A task needs 4 MiB, and what one was promised the next does not get. */
START_TEST(tasks_spread_over_cells_by_their_room)
{
	static const int expected[] = {1, 1, 1, 1, 1, 0, 1, 0, 1, PLACEMENT_CELL_ANY};

	facts_cell(root, 0, 1024, 10);
	facts_cell(root, 1, 1024, 30);
	start();
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct task *task = new_task();

		ck_assert_msg(task->memory_cell == expected[i], "task %zu: cell %d", i,
			      task->memory_cell);
		ck_assert_int_eq(cell_of(task), expected[i]);
	}
}
END_TEST

/* What it shares is there, though the other cell has more room by then. */
START_TEST(a_child_stays_in_its_parents_cell)
{
	struct norma_task_clone_reply made;
	struct task *parent;

	facts_cell(root, 0, 1024, 20);
	facts_cell(root, 1, 1024, 18);
	start();
	parent = new_task();
	ck_assert_int_eq(parent->memory_cell, 0);
	ck_assert_int_eq(CALL(task_create, .parent = parent->name, .inherit_memory = 1), 0);
	REPLY_OF(norma_task_clone, &reply, &made);
	ck_assert_int_eq(cell_of(tasks_find(&harness.hosts[0]->tasks, made.child)), 0);
}
END_TEST

/* As on this machine, whose cell has less memory than the host. */
START_TEST(figures_that_do_not_add_up_decide_nothing)
{
	facts_cell(root, 0, 100, 50);
	facts_cell(root, 1, 100, 50);
	start();
	ck_assert_int_eq(cell_of(new_task()), PLACEMENT_CELL_ANY);
}
END_TEST

START_TEST(cells_of_others_are_left_to_them)
{
	facts_put(root, "proc/self/status", "Mems_allowed_list:\t0,2\n");
	facts_cell(root, 0, 1024, 20);
	facts_cell(root, 1, 512, 500);
	facts_cell(root, 2, 512, 100);
	start();
	ck_assert_int_eq(cell_of(new_task()), 2);
}
END_TEST

static bool knows_guests(void *context)
{
	(void)context;
	return inventory_current(harness.hosts[0]->inventory)->libvirt.guests.count != 0;
}

/* What a guest of libvirt that is bound to a cell may still take is left to it there. */
START_TEST(guests_of_a_cell_keep_its_memory)
{
	struct config *config = &harness.configs[0];

	facts_cell(root, 0, 1024, 100);
	facts_cell(root, 1, 1024, 500);
	facts_put(root, "libvirt", "cpu Model\nguests 1\nbound 1 490\n");
	snprintf(config->libvirt_path, sizeof(config->libvirt_path), "%s",
		 getenv("NORMA_FAKE_LIBVIRT"));
	snprintf(config->libvirt, sizeof(config->libvirt), "fake:%s/libvirt", root);
	start();
	harness_until(&harness, knows_guests, NULL, "libvirt tells of its guest");
	ck_assert_int_eq(cell_of(new_task()), 0);
}
END_TEST

/* The end of a task gives back what it was promised, in its cell as well. */
START_TEST(a_task_that_ends_leaves_its_room)
{
	struct placement_node before, after;
	struct task *task;

	facts_cell(root, 0, 1024, 10);
	facts_cell(root, 1, 1024, 5);
	start();
	room_describe(harness.hosts[0], &before);
	task = new_task();
	ck_assert_int_eq(task->memory_cell, 0);
	ck_assert_int_eq(new_task()->memory_cell, 0);
	ck_assert_int_eq(new_task()->memory_cell, 1);
	room_describe(harness.hosts[0], &after);
	ck_assert_uint_eq(before.config_left_bytes - after.config_left_bytes,
			  3 * PLACEMENT_VMM_BYTES);
	ck_assert_int_eq(CALL(task_terminate, .task = task->name), 0);
	ck_assert_int_eq(new_task()->memory_cell, 0);
}
END_TEST

START_TEST(a_task_beyond_the_limit_is_refused_with_the_figures)
{
	harness.configs[0].memory_bytes = 10 * (int64_t)MIB;
	start();
	new_task();
	new_task();
	ck_assert_int_eq(CALL(norma_run_begin, .node = 0, .image_bytes = 1,
			      .arguments = {(const uint8_t *)"x", 2}),
			 KERN_RESOURCE_SHORTAGE);
	ck_assert_str_eq(
	    refusal(&reply),
	    "node 0: 2 MiB left under [limits] memory_bytes, 4 MiB needed; end tasks there, "
	    "or take another node (auto finds one with room)");
	harness_settle(&harness);
	ck_assert_uint_eq(live_tasks(&harness, 0), 2);
}
END_TEST

/* Children here of one parent elsewhere map the same objects: its memory is promised once, and the
 * promise outlives the child that it was made for. */
START_TEST(brothers_share_a_promise)
{
	struct norma_task_clone_reply made;
	struct placement_node node;
	uint32_t parent, children[2];
	uint64_t empty, held;

	start();
	harness_start(&harness, 1);
	parent = run_program(&harness, &client, 1, "");
	tasks_find(&harness.hosts[1]->tasks, parent)->promised_bytes = 100 * MIB;
	room_describe(harness.hosts[0], &node);
	empty = node.config_left_bytes;
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    CALL(norma_task_clone, .parent = parent, .inherit_memory = 1, .child_node = 0),
		    0);
		REPLY_OF(norma_task_clone, &reply, &made);
		children[i] = made.child;
	}
	room_describe(harness.hosts[0], &node);
	held = empty - node.config_left_bytes;
	ck_assert_uint_ge(held, 100 * MIB);
	ck_assert_uint_lt(held, 200 * MIB);
	ck_assert_int_eq(CALL(task_terminate, .task = children[0]), 0);
	room_describe(harness.hosts[0], &node);
	ck_assert_uint_ge(empty - node.config_left_bytes, 100 * MIB);
	ck_assert_int_eq(CALL(task_terminate, .task = children[1]), 0);
	room_describe(harness.hosts[0], &node);
	ck_assert_uint_eq(node.config_left_bytes, empty);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("room");
	TCase *cases = tcase_create("hosts");

	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, tasks_spread_over_cells_by_their_room);
	tcase_add_test(cases, a_child_stays_in_its_parents_cell);
	tcase_add_test(cases, figures_that_do_not_add_up_decide_nothing);
	tcase_add_test(cases, cells_of_others_are_left_to_them);
	tcase_add_test(cases, guests_of_a_cell_keep_its_memory);
	tcase_add_test(cases, a_task_that_ends_leaves_its_room);
	tcase_add_test(cases, a_task_beyond_the_limit_is_refused_with_the_figures);
	tcase_add_test(cases, brothers_share_a_promise);
	suite_add_tcase(suite, cases);
	return run_suite(suite);
}
