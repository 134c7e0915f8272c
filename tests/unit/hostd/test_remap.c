/*
 * vm_remap: the source in the same task, on the same node and on another one; failure at every
 * step, tasks and hosts that vanish. After each the source holds no export open and the target
 * has nothing that nobody knows of.
 */
#include <check.h>
#include <mach/kern_return.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"
#include "scene.h"
#include "terminate.h"

static uint32_t target;	    /* on node 1 */
static uint32_t sources[3]; /* the target itself, another on node 1, one on node 2 */

static void setup(void)
{
	scene_begin(3, 3);
	target = run_program(&harness, &client, 1, "");
	sources[0] = target;
	sources[1] = run_program(&harness, &client, 1, "");
	sources[2] = run_program(&harness, &client, 2, "");
}

static int32_t remap_from(uint32_t source)
{
	return CALL(vm_remap, .target_task = target, .size = 0x4000, .anywhere = 1,
		    .source_task = source, .source_address = 0x10000,
		    .inheritance = VM_INHERIT_COPY);
}

static uint64_t send_remap_from(uint32_t source)
{
	return SEND_HOST(&client, vm_remap, .target_task = target, .size = 0x4000, .anywhere = 1,
			 .source_task = source, .source_address = 0x10000);
}

static struct task_info_reply info_of(uint32_t task)
{
	struct task_info_reply info;

	ck_assert_int_eq(CALL(task_info, .task = task), 0);
	REPLY_OF(task_info, &reply, &info);
	return info;
}

/* exports: of the source, all ended; ranges: mapped in the target (see fake_vmm.c). */
static void expect(uint32_t source, unsigned int exports, unsigned int ranges)
{
	harness_settle(&harness);
	ck_assert_uint_eq(info_of(source).virtual_size, exports);
	ck_assert_uint_eq(info_of(source).resident_size, exports);
	ck_assert_uint_eq(info_of(target).suspend_count, ranges);
}

START_TEST(memory_of_any_task_is_mapped)
{
	struct vm_remap_reply mapped;

	ck_assert_int_eq(remap_from(sources[_i]), 0);
	REPLY_OF(vm_remap, &reply, &mapped);
	ck_assert_uint_eq(mapped.address, 0x70000000);
	ck_assert_uint_eq(mapped.cur_protection, VM_PROT_READ);
	ck_assert_uint_eq(mapped.max_protection, VM_PROT_READ | VM_PROT_WRITE);
	expect(sources[_i], 1, 1);
	ck_assert_int_eq(remap_from(sources[_i]), 0);
	expect(sources[_i], 2, 2);
}
END_TEST

START_TEST(the_targets_address_becomes_a_page)
{
	struct vm_remap_reply mapped;

	ck_assert_int_eq(CALL(vm_remap, .target_task = target, .address = 0x5123, .size = 0x2000,
			      .source_task = sources[2], .source_address = 0x10000, .copy = 7),
			 0);
	REPLY_OF(vm_remap, &reply, &mapped);
	ck_assert_uint_eq(mapped.address, 0x5000);
}
END_TEST

struct wrong_call {
	uint32_t source;
	uint64_t size, address;
	uint32_t inheritance;
	int32_t result;
};

START_TEST(wrong_arguments_are_refused)
{
	const struct wrong_call calls[] = {
	    {sources[1], 0, 0x10000, 0, KERN_INVALID_ARGUMENT},
	    {sources[1], 0x4000, 0x10000, 3, KERN_INVALID_ARGUMENT},
	    {0, 0x4000, 0x10000, 0, KERN_INVALID_ARGUMENT},
	    {name_of_thread(sources[1], 0), 0x4000, 0x10000, 0, KERN_INVALID_ARGUMENT},
	    {name_of_host(1), 0x4000, 0x10000, 0, KERN_INVALID_ARGUMENT},
	    {name_of_task(1, 999), 0x4000, 0x10000, 0, KERN_INVALID_ARGUMENT},
	    {name_of_task(2, 999), 0x4000, 0x10000, 0, KERN_INVALID_ARGUMENT},
	    {name_of_task(1, 999), UINT64_MAX, 0x10000, 0, KERN_INVALID_ARGUMENT},
	    {name_of_task(2, 999), UINT64_MAX, 0x10000, 0, KERN_INVALID_ARGUMENT},
	    {name_of_task(9, 1), 0x4000, 0x10000, 0, KERN_INVALID_ARGUMENT},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		ck_assert_int_eq(CALL(vm_remap, .target_task = target, .size = calls[i].size,
				      .anywhere = 1, .source_task = calls[i].source,
				      .source_address = calls[i].address,
				      .inheritance = calls[i].inheritance),
				 calls[i].result);
	ck_assert_int_eq(
	    CALL(vm_remap, .target_task = 0, .size = 0x4000, .source_task = sources[1]),
	    KERN_INVALID_ARGUMENT);
	expect(sources[1], 0, 0);
}
END_TEST

/* The client asks as user 1000, who owns the target only. */
START_TEST(both_tasks_must_be_the_callers)
{
	struct channel *channel = LIST_FIRST(&harness.hosts[0]->channels);

	while (channel->kind != CHANNEL_CLIENT)
		channel = LIST_NEXT(channel, entry);
	channel->uid = 1000;
	tasks_find(&harness.hosts[1]->tasks, target)->owner_uid = 1000;
	ck_assert_int_eq(remap_from(sources[1]), KERN_INVALID_TASK);
	ck_assert_int_eq(remap_from(sources[2]), KERN_INVALID_TASK);
	tasks_find(&harness.hosts[2]->tasks, sources[2])->owner_uid = 1000;
	ck_assert_int_eq(remap_from(sources[2]), 0);
	tasks_find(&harness.hosts[1]->tasks, target)->owner_uid = 0;
	ck_assert_int_eq(remap_from(sources[2]), KERN_INVALID_TASK);
	channel->uid = 0;
	expect(sources[1], 0, 1);
}
END_TEST

struct failure_case {
	const char *script;
	int32_t result[3]; /* by source */
};

#define ALL(code)                                                                                  \
	{                                                                                          \
		code, code, code                                                                   \
	}
static const struct failure_case failures[] = {
    {"vmm_export_range refuse\n", ALL(KERN_NO_SPACE)},
    {"vmm_export_range ignore\n", ALL(KERN_OPERATION_TIMED_OUT)},
    {"vmm_import_range refuse\n", ALL(KERN_NO_SPACE)},
    {"vmm_import_range ignore\n", ALL(KERN_OPERATION_TIMED_OUT)},
};
#define FAILURE_COUNT (int)(sizeof(failures) / sizeof(failures[0]))

static void set_deadlines(int target_ms, int source_ms)
{
	harness.hosts[1]->config.clone_deadline_ms = target_ms;
	harness.hosts[2]->config.clone_deadline_ms = source_ms;
}

START_TEST(failure_of_any_step_leaves_nothing)
{
	const struct failure_case *failure = &failures[_i / 3];
	uint32_t source = sources[_i % 3];
	struct task_info_reply before;

	ck_assert_int_eq(remap_from(source), 0); /* links exist from now on */
	before = info_of(source);
	if (failure->result[0] == KERN_OPERATION_TIMED_OUT)
		set_deadlines(1000, 800);
	harness_script(&harness, failure->script);
	ck_assert_int_eq(remap_from(source), failure->result[_i % 3]);
	ck_assert_uint_gt(strlen(refusal(&reply)), 10);
	harness_script(&harness, "");
	set_deadlines(10000, 10000);
	/* An export that was never answered is ended all the same. */
	ck_assert_uint_ge(info_of(source).resident_size, before.virtual_size);
	ck_assert_uint_eq(info_of(source).user_time >> 32,
			  strcmp(failure->script, "vmm_import_range refuse\n") == 0);
	ck_assert_int_eq(remap_from(source), 0); /* and it works again */
	ck_assert_uint_eq(info_of(target).suspend_count, 2);
	ck_assert_int_eq(CALL(norma_task_clone, .parent = source, .inherit_memory = 1), 0);
}
END_TEST

struct death_case {
	const char *script;
	bool source_dies;
};

static const struct death_case deaths[] = {
    {"vmm_export_range die\n", true},
    {"vmm_export_range garbage\n", true},
    {"vmm_import_range die\n", false},
    {"vmm_import_range garbage\n", false},
};

START_TEST(death_of_a_task_at_any_step_is_an_error)
{
	const struct death_case *death = &deaths[_i / 2];
	uint32_t source = sources[1 + _i % 2];

	harness_script(&harness, death->script);
	ck_assert_int_eq(remap_from(source), KERN_TERMINATED);
	harness_script(&harness, "");
	harness_settle(&harness);
	ck_assert_int_eq(CALL(task_info, .task = death->source_dies ? source : target),
			 KERN_INVALID_ARGUMENT);
	if (death->source_dies)
		ck_assert_uint_eq(info_of(target).suspend_count, 0);
	else
		ck_assert_uint_eq(info_of(source).resident_size, 1);
}
END_TEST

START_TEST(import_that_comes_too_late_is_undone)
{
	set_deadlines(LATE_MS, 10000);
	harness_script(&harness, "vmm_import_range hold\n");
	send_remap_from(sources[1 + _i]);
	harness_until_held(&harness);
	harness_script(&harness, "");
	client_receive(&harness, &client, &reply);
	ck_assert_int_eq(reply.header.result, KERN_OPERATION_TIMED_OUT);
	harness_release(&harness);
	expect(sources[1 + _i], 1, 0);
}
END_TEST

START_TEST(import_that_is_late_for_ever_ends_with_the_target)
{
	set_deadlines(500, 10000);
	harness_script(&harness, "vmm_import_range ignore\n");
	ck_assert_int_eq(remap_from(sources[2]), KERN_OPERATION_TIMED_OUT);
	harness_script(&harness, "");
	ck_assert_int_eq(CALL(task_terminate, .task = target), 0);
	harness_settle(&harness);
}
END_TEST

/* The target's host gives up; the source's VMM answers after that. */
START_TEST(export_that_comes_too_late_is_ended)
{
	ck_assert_int_eq(remap_from(sources[2]), 0);
	set_deadlines(LATE_MS, 10000);
	harness_script(&harness, "vmm_export_range hold\n");
	send_remap_from(sources[2]);
	harness_until_held(&harness);
	harness_script(&harness, "");
	client_receive(&harness, &client, &reply);
	ck_assert_int_eq(reply.header.result, KERN_OPERATION_TIMED_OUT);
	harness_release(&harness);
	expect(sources[2], 2, 1);
}
END_TEST

static bool has_export(void *context)
{
	const struct task *task = context;

	return !TAILQ_EMPTY(&task->exports);
}

static bool has_no_export(void *context)
{
	return !has_export(context);
}

START_TEST(targets_host_that_vanishes_lets_the_source_go)
{
	struct task *source = tasks_find(&harness.hosts[2]->tasks, sources[2]);

	harness_script(&harness, _i ? "vmm_import_range ignore\n" : "vmm_export_range hold\n");
	send_remap_from(sources[2]);
	harness_until(&harness, has_export, source, "the source exports");
	if (!_i)
		harness_until_held(&harness);
	harness_stop(&harness, 1);
	client_receive(&harness, &client, &reply);
	ck_assert_int_eq(reply.header.result, KERN_NODE_DOWN);
	harness_script(&harness, "");
	if (!_i)
		harness_release(&harness);
	harness_until(&harness, has_no_export, source, "the export ends");
	harness_settle(&harness);
	ck_assert_uint_eq(info_of(sources[2]).resident_size, info_of(sources[2]).virtual_size);
}
END_TEST

START_TEST(sources_host_that_vanishes_is_node_down)
{
	struct task *source = tasks_find(&harness.hosts[2]->tasks, sources[2]);

	harness_script(&harness, "vmm_export_range ignore\n");
	send_remap_from(sources[2]);
	harness_until(&harness, has_export, source, "the source exports");
	harness_stop(&harness, 2);
	client_receive(&harness, &client, &reply);
	ck_assert_int_eq(reply.header.result, KERN_NODE_DOWN);
	ck_assert_int_eq(remap_from(sources[2]), KERN_NODE_DOWN);
	harness_settle(&harness);
	ck_assert_uint_eq(info_of(target).suspend_count, 0);
}
END_TEST

START_TEST(target_that_ends_meanwhile_is_an_error)
{
	uint32_t source = sources[1 + _i];
	struct hostd *hostd = harness.hosts[1 + _i];

	harness_script(&harness, "vmm_export_range hold\n");
	send_remap_from(source);
	harness_until(&harness, has_export, tasks_find(&hostd->tasks, source), "it exports");
	harness_until_held(&harness);
	ck_assert_int_eq(CALL_HOST(&harness, &client, task_terminate, &reply, .task = target), 0);
	harness_script(&harness, "");
	harness_release(&harness);
	client_receive(&harness, &client, &reply);
	ck_assert_int_eq(reply.header.result, KERN_TERMINATED);
	harness_settle(&harness);
	ck_assert_uint_eq(info_of(source).resident_size, 1);
}
END_TEST

START_TEST(source_that_ends_refuses_those_that_wait)
{
	uint32_t source = sources[1 + _i];

	harness_script(&harness, "vmm_export_range ignore\n");
	for (int i = 0; i < 3; i++)
		send_remap_from(source);
	harness_until(&harness, has_export, tasks_find(&harness.hosts[1 + _i]->tasks, source),
		      "it exports");
	SEND_HOST(&client, task_terminate, .task = source);
	for (int i = 0; i < 4; i++) {
		client_receive(&harness, &client, &reply);
		if (reply.header.type == MESSAGE_vm_remap)
			ck_assert_int_eq(reply.header.result, KERN_TERMINATED);
	}
	harness_settle(&harness);
	ck_assert_uint_eq(info_of(target).suspend_count, 0);
}
END_TEST

START_TEST(exports_of_one_task_wait_for_each_other)
{
	for (int i = 0; i < 8; i++) {
		send_remap_from(sources[2]);
		SEND_HOST(&client, norma_task_clone, .parent = sources[2], .inherit_memory = 1,
			  .child_node = i % 3);
		send_remap_from(sources[0]);
	}
	for (int i = 0; i < 24; i++) {
		client_receive(&harness, &client, &reply);
		ck_assert_int_eq(reply.header.result, 0);
	}
	expect(sources[2], 16, 16);
	expect(sources[0], 8, 16);
}
END_TEST

START_TEST(export_that_is_never_ended_is_given_up)
{
	struct task *source = tasks_find(&harness.hosts[2]->tasks, sources[2]);

	/* The target's VMM takes its time, more than the source's host allows. */
	set_deadlines(10000, 1000);
	harness_script(&harness, "vmm_import_range hold\n");
	send_remap_from(sources[2]);
	harness_until_held(&harness);
	harness_until(&harness, has_no_export, source, "the export is given up");
	harness_script(&harness, "");
	harness_release(&harness);
	client_receive(&harness, &client, &reply);
	ck_assert_int_eq(reply.header.result, 0);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_loop_test(tests, memory_of_any_task_is_mapped, 0, 3);
	tcase_add_test(tests, the_targets_address_becomes_a_page);
	tcase_add_test(tests, wrong_arguments_are_refused);
	tcase_add_test(tests, both_tasks_must_be_the_callers);
	tcase_add_loop_test(tests, failure_of_any_step_leaves_nothing, 0, 3 * FAILURE_COUNT);
	tcase_add_loop_test(tests, death_of_a_task_at_any_step_is_an_error, 0, 8);
	tcase_add_loop_test(tests, import_that_comes_too_late_is_undone, 0, 2);
	tcase_add_test(tests, import_that_is_late_for_ever_ends_with_the_target);
	tcase_add_test(tests, export_that_comes_too_late_is_ended);
	tcase_add_loop_test(tests, targets_host_that_vanishes_lets_the_source_go, 0, 2);
	tcase_add_test(tests, sources_host_that_vanishes_is_node_down);
	tcase_add_loop_test(tests, target_that_ends_meanwhile_is_an_error, 0, 2);
	tcase_add_loop_test(tests, source_that_ends_refuses_those_that_wait, 0, 2);
	tcase_add_test(tests, exports_of_one_task_wait_for_each_other);
	tcase_add_test(tests, export_that_is_never_ended_is_given_up);
}

int main(void)
{
	Suite *suite = suite_create("hostd/remap");
	TCase *tests = tcase_create("remap");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, scene_end);
	add_tests(tests);
	return run_suite(suite);
}
