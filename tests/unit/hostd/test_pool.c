/*
 * Waiting VMMs and the zygote that they are copied from.
 */
#include <check.h>
#include <mach/kern_return.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "run_suite.h"
#include "scene.h"
#include "terminate.h"

static void begin(int64_t waiting, int64_t most)
{
	harness_begin(&harness, 1);
	harness.configs[0].waiting_vmms = waiting;
	harness.configs[0].waiting_vmms_most = most;
	harness_start(&harness, 0);
	client_open(&harness, 0, &client);
}

static void setup(void)
{
	begin(2, 2);
}

static pid_t zygote_pid(void)
{
	return harness.hosts[0]->zygote.process.pid;
}

static bool is_another_zygote(void *context)
{
	return helper_is_up(&harness.hosts[0]->zygote) && zygote_pid() != *(pid_t *)context;
}

static void kill_zygote(void)
{
	pid_t before = zygote_pid();

	kill(before, SIGKILL);
	harness_until(&harness, is_another_zygote, &before, "another zygote runs");
}

static void check_lives_and_ends(uint32_t task)
{
	ck_assert_int_eq(CALL(task_resume, .task = task), 0);
	ck_assert_int_eq(CALL(task_terminate, .task = task), 0);
}

START_TEST(dead_zygote_is_replaced_and_its_copies_live_on)
{
	uint32_t before = run_program(&harness, &client, 0, "");
	uint32_t after;

	harness_settle(&harness);
	kill_zygote();
	harness_settle(&harness);
	after = run_program(&harness, &client, 0, "");
	check_lives_and_ends(before);
	check_lives_and_ends(after);
}
END_TEST

START_TEST(zygote_that_keeps_dying_is_tried_less_and_less)
{
	const struct helper *zygote = &harness.hosts[0]->zygote;

	harness_settle(&harness);
	for (int i = 0; i < 3; i++)
		kill_zygote();
	ck_assert_uint_ge(zygote->failures, 3);
	/* While there is none, what waits is still given away. */
	kill(zygote_pid(), SIGKILL);
	check_lives_and_ends(run_program(&harness, &client, 0, ""));
}
END_TEST

static bool is_zygote_gone(void *context)
{
	const struct helper *zygote = context;

	return !zygote->process.pid && !helper_is_up(zygote);
}

START_TEST(without_a_zygote_the_refusal_says_whether_there_will_be_one)
{
	struct helper *zygote;

	scene_end();
	begin(0, 0);
	harness_settle(&harness);
	zygote = &harness.hosts[0]->zygote;
	harness.hosts[0]->is_stopping = true; /* then it is not started again */
	kill(zygote_pid(), SIGKILL);
	harness_until(&harness, is_zygote_gone, zygote, "the zygote is gone");
	harness.hosts[0]->is_stopping = false;
	for (unsigned int failures = 1; failures <= 3; failures += 2) {
		zygote->failures = failures;
		ck_assert_int_ne(CALL(norma_run_begin, .node = 0, .image_bytes = 1,
				      .arguments = {(const uint8_t *)"x", 2}),
				 0);
		ck_assert_ptr_nonnull(
		    strstr(refusal(&reply), failures < 3 ? "in a moment" : "norma doctor"));
	}
}
END_TEST

START_TEST(orders_of_a_zygote_that_dies_fail_with_a_sentence)
{
	struct task task = {.hostd = harness.hosts[0]};
	pid_t before = zygote_pid();
	struct vmm *vmm;

	harness_settle(&harness);
	kill(before, SIGSTOP);
	ck_assert_int_eq(vmm_order(&harness.hosts[0]->vmms, &harness.hosts[0]->vmms.any, &vmm), 0);
	ck_assert_uint_eq(harness.hosts[0]->vmms.ordered_count, 1);
	vmm_give(vmm, &task);
	task.phase = TASK_ENDED;
	vmm->task = NULL;
	kill(before, SIGKILL);
	harness_until(&harness, is_another_zygote, &before, "another zygote runs");
	ck_assert_uint_eq(harness.hosts[0]->vmms.ordered_count, 0);
	ck_assert_uint_eq(harness.hosts[0]->vmms.taken_count, 0);
	check_lives_and_ends(run_program(&harness, &client, 0, ""));
}
END_TEST

/* Its process may take a while to end. */
START_TEST(a_vmm_whose_link_has_ended_waits_for_no_task)
{
	struct vmm_set *set = &harness.hosts[0]->vmms;
	struct vmm *vmm;

	harness_settle(&harness);
	ck_assert_uint_eq(vmms_waiting(set), 2);
	vmm = TAILQ_FIRST(&set->any.waiting);
	channel_close(vmm->channel, "the test ends it");
	ck_assert_uint_eq(vmms_waiting(set), 1);
	ck_assert_ptr_ne(TAILQ_FIRST(&set->any.waiting), vmm);
	check_lives_and_ends(run_program(&harness, &client, 0, ""));
	harness_settle(&harness);
	ck_assert_uint_eq(vmms_waiting(set), 2);
}
END_TEST

START_TEST(what_is_killed_before_it_is_made_leaves_nothing)
{
	struct vmm_set *set = &harness.hosts[0]->vmms;
	struct vmm *vmm;

	harness_settle(&harness);
	ck_assert_int_eq(vmm_order(set, &set->any, &vmm), 0);
	ck_assert_int_eq(vmm->process.pid, 0);
	vmm_kill(vmm);
	harness_settle(&harness);
	ck_assert_uint_eq(set->taken_count, 0);
}
END_TEST

/* Nothing waits: each is made while its task is waited for. */
START_TEST(tasks_need_no_waiting_vmm)
{
	uint32_t tasks[5];

	scene_end();
	begin(0, 0);
	for (int i = 0; i < 5; i++)
		tasks[i] = run_program(&harness, &client, 0, "");
	for (int i = 0; i < 5; i++)
		check_lives_and_ends(tasks[i]);
	harness_settle(&harness);
	ck_assert_uint_eq(harness.hosts[0]->vmms.any.count, 0);
}
END_TEST

START_TEST(pool_grows_with_demand_up_to_its_limit)
{
	struct vmm_set *set;

	scene_end();
	begin(1, 6);
	set = &harness.hosts[0]->vmms;
	harness_settle(&harness);
	ck_assert_uint_eq(set->any.count, 1);
	/* All at once, so that none is made in between. */
	for (int i = 0; i < 12; i++) {
		struct norma_run_begin_request request = {.node = 0};
		uint8_t payload[64];
		struct wire_writer writer;

		wire_writer_init(&writer, payload, sizeof(payload));
		norma_run_begin_request_encode(&writer, &request);
		client_send(&client, MESSAGE_norma_run_begin, payload, writer.used);
	}
	for (int i = 0; i < 12; i++)
		client_receive(&harness, &client, &reply);
	ck_assert_uint_eq(set->any.wanted, 6);
	harness_settle(&harness);
	ck_assert_uint_eq(set->any.count, 6);
	/* Nobody needs them: half of them ends at each look. */
	for (unsigned int left = 6; left > 1; left = set->any.wanted) {
		set->any.least = set->any.count;
		timer_arm(&harness.hosts[0]->loop, &set->shrink_timer, 0);
		harness_step(&harness);
		ck_assert_uint_lt(set->any.wanted, left);
	}
	harness_settle(&harness);
	ck_assert_uint_eq(set->any.count, 1);
	ck_assert(!set->shrink_timer.is_armed);
}
END_TEST

/* ---- VMMs that have a template's memory ---- */

static const struct child_memory no_memory;
static struct vmm_pool pools[6];

static bool is_prepared(void *context)
{
	const struct vmm_pool *pool = context;
	const struct vmm *vmm;
	unsigned int count = 0;

	TAILQ_FOREACH (vmm, &pool->waiting, entry)
		count += vmm->is_prepared;
	return count == pool->wanted;
}

static struct vmm_set *use_pools(unsigned int first, unsigned int after)
{
	struct vmm_set *set = &harness.hosts[0]->vmms;

	for (unsigned int i = first; i < after; i++) {
		vmm_pool_init(&pools[i], &no_memory);
		vmm_pool_use(set, &pools[i]);
	}
	vmms_refill(set);
	return set;
}

START_TEST(a_template_has_vmms_of_its_own_until_it_ends)
{
	struct vmm_set *set;

	scene_end();
	begin(2, 16);
	set = use_pools(0, 1);
	harness_until(&harness, is_prepared, &pools[0], "VMMs are prepared");
	ck_assert_uint_eq(pools[0].count, 2);
	harness_settle(&harness);
	ck_assert_uint_eq(set->any.count, 2);
	vmm_pool_end(set, &pools[0]);
	vmm_pool_end(set, &pools[0]);
	ck_assert_uint_eq(pools[0].count, 0);
	harness_settle(&harness);
	ck_assert_uint_eq(vmms_waiting(set), 2);
}
END_TEST

START_TEST(the_template_used_longest_ago_loses_its_vmms)
{
	struct vmm_set *set;

	scene_end();
	begin(1, 16);
	set = use_pools(0, 4);
	vmm_pool_use(set, &pools[0]);
	use_pools(4, 5);
	ck_assert(pools[0].is_known);
	ck_assert(!pools[1].is_known);
	ck_assert_uint_eq(pools[1].count, 0);
	harness_settle(&harness);
	ck_assert_uint_eq(vmms_waiting(set), 5);
	for (unsigned int i = 0; i < 5; i++)
		vmm_pool_end(set, &pools[i]);
}
END_TEST

START_TEST(a_prepared_vmm_goes_to_a_child_of_its_template)
{
	struct task task = {.hostd = harness.hosts[0]};
	char error[MESSAGE_MAX_TEXT];
	struct vmm_set *set;

	scene_end();
	begin(1, 16);
	task.hostd = harness.hosts[0];
	set = use_pools(0, 1);
	harness_until(&harness, is_prepared, &pools[0], "VMMs are prepared");
	ck_assert_int_eq(vmm_take(set, NULL, &task, error), 0);
	ck_assert(!task.vmm->is_prepared);
	vmm_kill(task.vmm);
	task.vmm->task = NULL;
	ck_assert_int_eq(vmm_take(set, &pools[0], &task, error), 0);
	ck_assert(task.vmm->is_prepared);
	vmm_kill(task.vmm);
	task.vmm->task = NULL;
	/* None is left, and the next time there are more. */
	ck_assert_int_eq(vmm_take(set, &pools[0], &task, error), 0);
	ck_assert(!task.vmm->is_prepared);
	ck_assert_uint_eq(pools[0].wanted, 2);
	vmm_kill(task.vmm);
	task.vmm->task = NULL;
	vmm_pool_end(set, &pools[0]);
	harness_settle(&harness);
}
END_TEST

/* It may yet say that it cannot be. */
START_TEST(a_vmm_that_is_being_prepared_is_given_to_nobody)
{
	struct task task = {0};
	char error[MESSAGE_MAX_TEXT];
	struct vmm_set *set;

	scene_end();
	begin(1, 16);
	task.hostd = harness.hosts[0];
	harness_settle(&harness);
	harness_script(&harness, "vmm_prepare hold\n");
	set = use_pools(0, 1);
	harness_until_held(&harness);
	ck_assert_int_eq(vmm_take(set, &pools[0], &task, error), 0);
	ck_assert_uint_eq(pools[0].count, 1);
	vmm_kill(task.vmm);
	task.vmm->task = NULL;
	harness_script(&harness, "");
	harness_release(&harness);
	harness_until(&harness, is_prepared, &pools[0], "VMMs are prepared");
	vmm_pool_end(set, &pools[0]);
	harness_settle(&harness);
}
END_TEST

START_TEST(a_template_that_cannot_be_mapped_has_none)
{
	struct vmm_set *set;

	scene_end();
	begin(2, 16);
	harness_script(&harness, "vmm_prepare refuse\n");
	set = use_pools(0, 1);
	harness_settle(&harness);
	ck_assert(pools[0].is_refused);
	vmm_pool_use(set, &pools[0]);
	ck_assert(!pools[0].is_known);
	ck_assert_uint_eq(vmms_waiting(set), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pool");
	TCase *tcase = tcase_create("pool");

	tcase_add_checked_fixture(tcase, setup, scene_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, dead_zygote_is_replaced_and_its_copies_live_on);
	tcase_add_test(tcase, zygote_that_keeps_dying_is_tried_less_and_less);
	tcase_add_test(tcase, without_a_zygote_the_refusal_says_whether_there_will_be_one);
	tcase_add_test(tcase, orders_of_a_zygote_that_dies_fail_with_a_sentence);
	tcase_add_test(tcase, a_vmm_whose_link_has_ended_waits_for_no_task);
	tcase_add_test(tcase, what_is_killed_before_it_is_made_leaves_nothing);
	tcase_add_test(tcase, tasks_need_no_waiting_vmm);
	tcase_add_test(tcase, pool_grows_with_demand_up_to_its_limit);
	tcase_add_test(tcase, a_template_has_vmms_of_its_own_until_it_ends);
	tcase_add_test(tcase, the_template_used_longest_ago_loses_its_vmms);
	tcase_add_test(tcase, a_prepared_vmm_goes_to_a_child_of_its_template);
	tcase_add_test(tcase, a_vmm_that_is_being_prepared_is_given_to_nobody);
	tcase_add_test(tcase, a_template_that_cannot_be_mapped_has_none);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
