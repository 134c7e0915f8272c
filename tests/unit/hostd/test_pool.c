/*
 * Waiting VMMs and the zygote that they are copied from.
 */
#include <check.h>
#include <mach/kern_return.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "run_suite.h"
#include "terminate.h"

static struct harness harness;
static struct link client;
static struct link_message reply;

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

static void teardown(void)
{
	link_done(&client);
	harness_end(&harness);
}

#define CALL(name, ...) CALL_HOST(&harness, &client, name, &reply, __VA_ARGS__)

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

START_TEST(orders_of_a_zygote_that_dies_fail_with_a_sentence)
{
	struct task task = {.hostd = harness.hosts[0]};
	pid_t before = zygote_pid();
	struct vmm *vmm;

	harness_settle(&harness);
	kill(before, SIGSTOP);
	ck_assert_int_eq(vmm_order(&harness.hosts[0]->vmms, &vmm), 0);
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

START_TEST(what_is_killed_before_it_is_made_leaves_nothing)
{
	struct vmm_set *set = &harness.hosts[0]->vmms;
	struct vmm *vmm;

	harness_settle(&harness);
	ck_assert_int_eq(vmm_order(set, &vmm), 0);
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

	teardown();
	begin(0, 0);
	for (int i = 0; i < 5; i++)
		tasks[i] = run_program(&harness, &client, 0, "");
	for (int i = 0; i < 5; i++)
		check_lives_and_ends(tasks[i]);
	harness_settle(&harness);
	ck_assert_uint_eq(harness.hosts[0]->vmms.waiting_count, 0);
}
END_TEST

START_TEST(pool_grows_with_demand_up_to_its_limit)
{
	struct vmm_set *set;

	teardown();
	begin(1, 6);
	set = &harness.hosts[0]->vmms;
	harness_settle(&harness);
	ck_assert_uint_eq(set->waiting_count, 1);
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
	ck_assert_uint_eq(set->wanted, 6);
	harness_settle(&harness);
	ck_assert_uint_eq(set->waiting_count, 6);
	/* Nobody needs them: half of them ends at each look. */
	for (unsigned int left = 6; left > 1; left = set->wanted) {
		set->least = set->waiting_count;
		timer_arm(&harness.hosts[0]->loop, &set->shrink_timer, 0);
		harness_step(&harness);
		ck_assert_uint_lt(set->wanted, left);
	}
	harness_settle(&harness);
	ck_assert_uint_eq(set->waiting_count, 1);
	ck_assert(!set->shrink_timer.is_armed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pool");
	TCase *tcase = tcase_create("pool");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, dead_zygote_is_replaced_and_its_copies_live_on);
	tcase_add_test(tcase, zygote_that_keeps_dying_is_tried_less_and_less);
	tcase_add_test(tcase, orders_of_a_zygote_that_dies_fail_with_a_sentence);
	tcase_add_test(tcase, what_is_killed_before_it_is_made_leaves_nothing);
	tcase_add_test(tcase, tasks_need_no_waiting_vmm);
	tcase_add_test(tcase, pool_grows_with_demand_up_to_its_limit);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
