/*
 * Hosts whose CPUs differ, by what their configuration hides. The fake VMM's "KVM" applies the
 * table, so what is hidden is not seen either.
 */
#include <check.h>
#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "run_suite.h"

#define HIDING 2 /* this node hides avx512f */

static struct harness harness;
static struct link client;
static struct link_message reply;

static void setup(void)
{
	harness_begin(&harness, 3);
	ck_assert(cpu_features_add(&harness.configs[HIDING].cpu_hidden, "avx512f"));
	for (unsigned int i = 0; i < 3; i++)
		harness_start(&harness, i);
	client_open(&harness, 0, &client);
}

static void remove_states(void)
{
	char path[256];

	for (unsigned int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/cpu-baseline-%u", harness.directory, i);
		unlink(path);
	}
}

static void teardown(void)
{
	link_done(&client);
	remove_states();
	harness_end(&harness);
}

#define CALL(name, ...) CALL_HOST(&harness, &client, name, &reply, __VA_ARGS__)

static int32_t clone_to(uint32_t parent, int node)
{
	return CALL(norma_task_clone, .parent = parent, .inherit_memory = 1, .child_node = node);
}

static void expect_tasks(unsigned int host, unsigned int count)
{
	harness_settle(&harness);
	ck_assert_uint_eq(live_tasks(&harness, host), count);
}

START_TEST(clone_to_a_host_that_lacks_a_feature_is_refused)
{
	uint32_t parent = run_program(&harness, &client, 1, "");

	ck_assert_int_eq(clone_to(parent, HIDING), KERN_FAILURE);
	ck_assert_msg(strstr(refusal(&reply), "avx512f") && strstr(refusal(&reply), "node 2"), "%s",
		      refusal(&reply));
	expect_tasks(HIDING, 0);
	ck_assert_int_eq(clone_to(parent, 0), 0);
	expect_tasks(0, 1);
	/* The parent is as before: its export was given back. */
	ck_assert_int_eq(clone_to(parent, 1), 0);
	expect_tasks(1, 2);
}
END_TEST

START_TEST(every_way_to_a_child_is_compared)
{
	uint32_t parent = run_program(&harness, &client, 1, "");

	ck_assert_int_eq(
	    CALL(norma_task_create, .parent = parent, .inherit_memory = 1, .child_node = HIDING),
	    KERN_FAILURE);
	ck_assert_int_eq(
	    CALL(norma_task_clone, .parent = parent, .inherit_memory = 0, .child_node = HIDING),
	    KERN_FAILURE);
	expect_tasks(HIDING, 0);
}
END_TEST

START_TEST(clone_to_a_host_with_more_features_may_not_come_back)
{
	struct norma_task_clone_reply made;
	uint32_t parent = run_program(&harness, &client, HIDING, "");

	ck_assert_int_eq(clone_to(parent, 1), 0);
	REPLY_OF(norma_task_clone, &reply, &made);
	/* On node 1 its program may have found avx512f. */
	ck_assert_int_eq(clone_to(made.child, HIDING), KERN_FAILURE);
	ck_assert_int_eq(clone_to(parent, HIDING), 0);
}
END_TEST

struct change {
	bool is_over;
	int error;
};

static void change_over(void *context, int error, const char *text)
{
	struct change *change = context;

	(void)text;
	change->is_over = true;
	change->error = error;
}

static bool is_over(void *context)
{
	return ((struct change *)context)->is_over;
}

/* All hosts agree on what the hiding one has. */
static void apply_baseline(void)
{
	struct cpu_features common = harness.hosts[HIDING]->cpu.native;
	char error[MESSAGE_MAX_TEXT];

	for (unsigned int i = 0; i < 3; i++) {
		struct change change = {0};

		ck_assert_int_eq(host_cpu_set_baseline(&harness.hosts[i]->cpu, &common, change_over,
						       &change, error),
				 0);
		harness_until(&harness, is_over, &change, "the baseline is applied");
		ck_assert_int_eq(change.error, 0);
	}
	harness_settle(&harness);
}

START_TEST(baseline_makes_new_tasks_exchangeable)
{
	uint32_t old = run_program(&harness, &client, 1, ""), new;

	apply_baseline();
	new = run_program(&harness, &client, 1, "");
	ck_assert_int_eq(clone_to(new, HIDING), 0);
	expect_tasks(HIDING, 1);
	/* What was started before has seen more; new VMMs do not show it, not even here. */
	ck_assert_int_eq(clone_to(old, HIDING), KERN_FAILURE);
	ck_assert_int_eq(clone_to(old, 1), KERN_FAILURE);
	ck_assert_msg(strstr(refusal(&reply), "avx512f") != NULL, "%s", refusal(&reply));
	expect_tasks(1, 2);
}
END_TEST

START_TEST(baseline_outlives_the_daemon)
{
	uint32_t task;

	apply_baseline();
	harness_stop(&harness, 1);
	harness_start(&harness, 1);
	ck_assert(harness.hosts[1]->cpu.has_baseline);
	task = run_program(&harness, &client, 1, "");
	ck_assert_int_eq(clone_to(task, HIDING), 0);
}
END_TEST

static void write_state(const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cpu-baseline-1", harness.directory);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static const char *const broken_states[] = {
    "", "cpu-baseline 1.0.2=1", "cpu-baseline 1.0.2=x\n", "cpu-baseline 1.0.2=1\nmore\n", "hello\n",
};

START_TEST(broken_state_file_keeps_the_daemon_from_starting)
{
	struct hostd *hostd = NULL;
	char error[CONFIG_ERROR_BYTES];

	harness_stop(&harness, 1);
	write_state(broken_states[_i]);
	ck_assert_int_ne(hostd_new(&harness.configs[1], &hostd, error), 0);
	ck_assert_msg(strstr(error, "cpu-baseline-1") != NULL, "%s", error);
}
END_TEST

START_TEST(baseline_that_cannot_be_stored_changes_nothing)
{
	struct host_cpu *cpu = &harness.hosts[1]->cpu;
	struct change change = {0};
	char error[MESSAGE_MAX_TEXT];

	snprintf(harness.hosts[1]->config.state_dir, sizeof(harness.configs[1].state_dir),
		 "/proc/no-such-place");
	ck_assert_int_lt(host_cpu_set_baseline(cpu, &cpu->native, change_over, &change, error), 0);
	ck_assert_msg(strstr(error, "/proc/no-such-place") != NULL, "%s", error);
	ck_assert(!cpu->has_baseline && !cpu->is_measuring);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cpu_gate");
	TCase *tests = tcase_create("hosts");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 100);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, clone_to_a_host_that_lacks_a_feature_is_refused);
	tcase_add_test(tests, every_way_to_a_child_is_compared);
	tcase_add_test(tests, clone_to_a_host_with_more_features_may_not_come_back);
	tcase_add_test(tests, baseline_makes_new_tasks_exchangeable);
	tcase_add_test(tests, baseline_outlives_the_daemon);
	tcase_add_loop_test(tests, broken_state_file_keeps_the_daemon_from_starting, 0,
			    sizeof(broken_states) / sizeof(broken_states[0]));
	tcase_add_test(tests, baseline_that_cannot_be_stored_changes_nothing);
	return run_suite(suite);
}
