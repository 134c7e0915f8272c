/*
 * One host: running, waiting, ending, consoles, rights and limits.
 */
#include <check.h>
#include <mach/kern_return.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_suite.h"
#include "scene.h"

static void setup(void)
{
	scene_begin(1, 1);
}

START_TEST(simple_questions_are_answered)
{
	struct host_page_size_reply size;
	struct norma_node_self_reply self;

	ck_assert_int_eq(client_call(&harness, &client, MESSAGE_host_page_size, NULL, 0, &reply),
			 0);
	REPLY_OF(host_page_size, &reply, &size);
	ck_assert_uint_eq(size.page_bytes, 4096);
	ck_assert_int_eq(client_call(&harness, &client, MESSAGE_norma_node_self, NULL, 0, &reply),
			 0);
	REPLY_OF(norma_node_self, &reply, &self);
	ck_assert_int_eq(self.node, 0);
}
END_TEST

START_TEST(program_runs_writes_and_ends)
{
	uint32_t task = run_program(&harness, &client, 0, "out hello\nerr oops\nexit 3");
	struct norma_task_wait_reply outcome = wait_for(task);
	struct norma_console_read_reply read;

	ck_assert_uint_eq(outcome.state, TASK_STATE_EXITED);
	ck_assert_int_eq(outcome.status, 3);
	ck_assert_int_eq(CALL(norma_console_read, .task = task), 0);
	REPLY_OF(norma_console_read, &reply, &read);
	ck_assert_uint_eq(read.stream, CONSOLE_STDOUT);
	ck_assert_uint_eq(read.data.bytes, 5);
	ck_assert_mem_eq(read.data.data, "hello", 5);
	ck_assert_int_eq(CALL(norma_console_read, .task = task, .offset = 5), 0);
	REPLY_OF(norma_console_read, &reply, &read);
	ck_assert_uint_eq(read.stream, CONSOLE_STDERR);
	ck_assert_mem_eq(read.data.data, "oops", 4);
	ck_assert_uint_eq(read.end, 0);
	ck_assert_int_eq(CALL(norma_console_read, .task = task, .offset = 9, .timeout_ms = 20000),
			 0);
	REPLY_OF(norma_console_read, &reply, &read);
	ck_assert_uint_eq(read.end, 1);
	harness_settle(&harness);
	ck_assert_uint_eq(live_tasks(&harness, 0), 0);
}
END_TEST

START_TEST(waiting_answers_when_its_time_is_over)
{
	uint32_t task = run_program(&harness, &client, 0, "");
	struct norma_task_wait_reply outcome;

	ck_assert_int_eq(CALL(norma_task_wait, .task = task, .timeout_ms = 30), 0);
	REPLY_OF(norma_task_wait, &reply, &outcome);
	ck_assert_uint_eq(outcome.state, TASK_STATE_RUNNING);
}
END_TEST

START_TEST(killed_vmm_is_told_with_its_signal)
{
	uint32_t task = run_program(&harness, &client, 0, "die");
	struct norma_task_wait_reply outcome = wait_for(task);

	ck_assert_uint_eq(outcome.state, TASK_STATE_KILLED);
	ck_assert_msg(strstr(outcome.text, "died by signal 9") != NULL, "%s", outcome.text);
}
END_TEST

START_TEST(vmm_that_leaves_without_a_word_is_told)
{
	struct norma_task_wait_reply outcome = wait_for(run_program(&harness, &client, 0, "quit"));

	ck_assert_uint_eq(outcome.state, TASK_STATE_KILLED);
	ck_assert_msg(strstr(outcome.text, "exited with status 7") != NULL, "%s", outcome.text);
}
END_TEST

/* Return: whether the process has ended, reaped or not. */
static bool is_dying(pid_t pid)
{
	char path[64], line[128];
	bool is_killed = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	while (fgets(line, sizeof(line), file)) {
		unsigned long long pending;

		if (sscanf(line, "ShdPnd: %llx", &pending) == 1 && pending >> (SIGKILL - 1) & 1)
			is_killed = true;
		if (strncmp(line, "State:\tZ", 8) == 0 || strncmp(line, "State:\tX", 8) == 0)
			is_killed = true;
	}
	fclose(file);
	return is_killed;
}

START_TEST(terminate_answers_when_the_task_cannot_run)
{
	uint32_t task = run_program(&harness, &client, 0, "");
	pid_t pid;

	harness_settle(&harness);
	pid = tasks_find(&harness.hosts[0]->tasks, task)->vmm->process.pid;
	ck_assert_int_eq(CALL(task_terminate, .task = task), 0);
	ck_assert(is_dying(pid));
	ck_assert_uint_eq(live_tasks(&harness, 0), 0);
	ck_assert_uint_eq(wait_for(task).state, TASK_STATE_KILLED);
	ck_assert_int_eq(CALL(task_terminate, .task = task), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(task_info, .task = task), KERN_INVALID_ARGUMENT);
	ck_assert_msg(strstr(refusal(&reply), "has ended") != NULL, "%s", refusal(&reply));
	harness_settle(&harness);
	ck_assert_int_eq(kill(pid, 0), -1);
}
END_TEST

START_TEST(wrong_names_are_refused_with_a_sentence)
{
	ck_assert_int_eq(CALL(task_info, .task = name_of_task(0, 99)), KERN_INVALID_ARGUMENT);
	ck_assert_str_eq(refusal(&reply), "task 0x400018c0 does not exist on node 0");
	ck_assert_int_eq(CALL(task_info, .task = 0), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(task_terminate, .task = name_of_host(0)), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(task_info, .task = name_of_task(5, 1)), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(norma_task_list, .node = -1), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(norma_run_begin, .node = 1), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(client_call(&harness, &client, MESSAGE_norma_task_self, NULL, 0, &reply),
			 KERN_INVALID_ARGUMENT);
}
END_TEST

START_TEST(tasks_of_others_are_refused)
{
	uint32_t task = run_program(&harness, &client, 0, "");
	struct channel *channel = LIST_FIRST(&harness.hosts[0]->channels);

	/* The client that connected last is this one; the kernel said root, say another user. */
	while (channel->kind != CHANNEL_CLIENT)
		channel = LIST_NEXT(channel, entry);
	channel->uid = 1001;
	tasks_find(&harness.hosts[0]->tasks, task)->owner_uid = 1000;
	ck_assert_int_eq(CALL(task_info, .task = task), KERN_INVALID_TASK);
	ck_assert_msg(strstr(refusal(&reply), "belongs to user 1000") != NULL, "%s",
		      refusal(&reply));
	ck_assert_int_eq(CALL(task_terminate, .task = task), KERN_INVALID_TASK);
	ck_assert_int_eq(CALL(norma_console_read, .task = task), KERN_INVALID_TASK);
	ck_assert_int_eq(CALL(norma_task_wait, .task = task), KERN_INVALID_TASK);
	ck_assert_int_eq(CALL(norma_task_clone, .parent = task), KERN_INVALID_TASK);
	channel->uid = 1000;
	ck_assert_int_eq(CALL(task_info, .task = task), 0);
}
END_TEST

START_TEST(header_uid_is_not_believed)
{
	uint32_t task = run_program(&harness, &client, 0, "");

	/* Every request of the harness claims to be user 4242. */
	ck_assert_uint_eq(tasks_find(&harness.hosts[0]->tasks, task)->owner_uid, getuid());
}
END_TEST

static bool has_no_task(void *context)
{
	const struct hostd *hostd = context;

	return hostd->tasks.live_count == 0;
}

START_TEST(run_that_is_not_started_ends_with_its_client)
{
	struct norma_run_begin_reply begun;

	ck_assert_int_eq(CALL(norma_run_begin, .node = 0), 0);
	REPLY_OF(norma_run_begin, &reply, &begun);
	ck_assert_uint_eq(live_tasks(&harness, 0), 1);
	link_done(&client);
	harness_until(&harness, has_no_task, harness.hosts[0], "the loading task is ended");
	client_open(&harness, 0, &client);
	ck_assert_uint_eq(wait_for(begun.task).state, TASK_STATE_KILLED);
}
END_TEST

static bool has_no_client(void *context)
{
	const struct hostd *hostd = context;

	return hostd->client_count == 0;
}

START_TEST(started_run_outlives_its_client)
{
	uint32_t task = run_program(&harness, &client, 0, "");

	link_done(&client);
	harness_until(&harness, has_no_client, harness.hosts[0], "the client is gone");
	client_open(&harness, 0, &client);
	ck_assert_uint_eq(live_tasks(&harness, 0), 1);
	ck_assert_int_eq(CALL(task_info, .task = task), 0);
}
END_TEST

START_TEST(failed_run_leaves_nothing)
{
	static const char *const scripts[] = {
	    "vmm_become refuse\n",	 "vmm_become die\n",	   "vmm_become exit\n",
	    "vmm_become ignore\n",	 "vmm_become garbage\n",   "norma_run_begin refuse\n",
	    "norma_run_begin die\n",	 "norma_run_begin exit\n", "norma_run_begin ignore\n",
	    "norma_run_begin garbage\n",
	};
	int fds = harness_fds(&harness);

	harness_script(&harness, scripts[_i]);
	if (strstr(scripts[_i], "ignore"))
		harness.hosts[0]->config.clone_deadline_ms = 100;
	ck_assert_int_ne(CALL(norma_run_begin, .node = 0), 0);
	ck_assert_uint_gt(strlen(refusal(&reply)), 10);
	harness_script(&harness, "");
	ck_assert_int_eq(harness_fds(&harness), fds);
	ck_assert_uint_eq(live_tasks(&harness, 0), 0);
	ck_assert_uint_eq(harness.hosts[0]->tasks.ended_count, 0);
	harness.hosts[0]->config.clone_deadline_ms = 10000;
	run_program(&harness, &client, 0, "");
}
END_TEST

START_TEST(dead_vmm_answers_its_callers)
{
	uint32_t task = run_program(&harness, &client, 0, "");

	harness_script(&harness, "task_info die\n");
	ck_assert_int_eq(CALL(task_info, .task = task), KERN_TERMINATED);
	ck_assert_msg(strstr(refusal(&reply), "ended before it answered task_info") != NULL, "%s",
		      refusal(&reply));
	ck_assert_uint_eq(wait_for(task).state, TASK_STATE_KILLED);
}
END_TEST

START_TEST(silent_vmm_is_a_timeout)
{
	uint32_t task = run_program(&harness, &client, 0, "");

	harness.hosts[0]->config.call_deadline_ms = 50;
	harness_script(&harness, "task_resume ignore\n");
	ck_assert_int_eq(CALL(task_resume, .task = task), KERN_OPERATION_TIMED_OUT);
	harness.hosts[0]->config.call_deadline_ms = 10000;
	ck_assert_int_eq(CALL(task_info, .task = task), 0);
}
END_TEST

START_TEST(vmm_that_talks_nonsense_is_ended)
{
	uint32_t task = run_program(&harness, &client, 0, "");

	harness_script(&harness, "task_info garbage\n");
	ck_assert_int_eq(CALL(task_info, .task = task), KERN_TERMINATED);
	ck_assert_uint_eq(wait_for(task).state, TASK_STATE_KILLED);
}
END_TEST

START_TEST(guest_calls_are_its_owners)
{
	uint32_t task = run_program(&harness, &client, 0, "");

	ck_assert_int_eq(CALL(task_suspend, .task = task), 0);
	ck_assert_uint_eq(live_tasks(&harness, 0), 2);
	ck_assert_uint_eq(TAILQ_LAST(&harness.hosts[0]->tasks.live, task_list)->parent, task);
}
END_TEST

START_TEST(limits_refuse_what_is_too_much)
{
	harness.hosts[0]->config.tasks = 3;
	for (int i = 0; i < 3; i++)
		run_program(&harness, &client, 0, "");
	ck_assert_int_eq(CALL(norma_run_begin, .node = 0), KERN_RESOURCE_SHORTAGE);
	ck_assert_msg(strstr(refusal(&reply), "limit") != NULL, "%s", refusal(&reply));
	harness_settle(&harness);
}
END_TEST

START_TEST(list_knows_tasks_and_their_threads)
{
	struct norma_task_list_reply list;
	uint32_t task = run_program(&harness, &client, 0, "");

	ck_assert_int_eq(CALL(task_create, .parent = task, .inherit_memory = 1), 0);
	ck_assert_int_eq(CALL(norma_task_list, .node = 0), 0);
	REPLY_OF(norma_task_list, &reply, &list);
	ck_assert_uint_eq(list.tasks_count, 2);
	ck_assert_uint_eq(list.tasks[0].task, task);
	ck_assert_str_eq(list.tasks[0].image, "fake");
	ck_assert_uint_eq(list.tasks[0].threads, 1);
	ck_assert_uint_eq(list.tasks[0].virtual_bytes, 1);
	ck_assert_uint_eq(list.tasks[0].state, TASK_STATE_RUNNING);
	ck_assert_uint_eq(list.tasks[1].parent, task);
	ck_assert_str_eq(list.tasks[1].image, "fake");
}
END_TEST

START_TEST(pager_knows_every_vmm_and_no_more)
{
	struct norma_pager_statistics_reply statistics;

	run_program(&harness, &client, 0, "");
	harness_settle(&harness);
	ck_assert_int_eq(CALL(norma_pager_statistics, .node = 0), 0);
	REPLY_OF(norma_pager_statistics, &reply, &statistics);
	ck_assert_uint_eq(statistics.objects, 3); /* two wait */
}
END_TEST

static bool pager_is_another(void *context)
{
	const struct helper *pager = &harness.hosts[0]->pager;

	return helper_is_up(pager) && pager->process.pid != *(pid_t *)context;
}

START_TEST(dead_pager_is_replaced_and_so_are_waiting_vmms)
{
	uint32_t old_task = run_program(&harness, &client, 0, "");
	pid_t pid = harness.hosts[0]->pager.process.pid;
	struct norma_pager_statistics_reply statistics;

	harness_settle(&harness);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	harness_until(&harness, pager_is_another, &pid, "a new pager");
	run_program(&harness, &client, 0, "");
	harness_settle(&harness);
	ck_assert_int_eq(CALL(task_info, .task = old_task), 0);
	ck_assert_int_eq(CALL(norma_pager_statistics, .node = 0), 0);
	REPLY_OF(norma_pager_statistics, &reply, &statistics);
	ck_assert_uint_eq(statistics.objects, 3); /* the new task's and two that wait */
}
END_TEST

START_TEST(vmm_that_cannot_be_started_is_told)
{
	harness_stop(&harness, 0);
	link_done(&client);
	strcpy(harness.configs[0].vmm_path, "/nonexistent/norma-vmm");
	harness.configs[0].waiting_vmms = 0;
	harness_start(&harness, 0);
	client_open(&harness, 0, &client);
	ck_assert_int_eq(CALL(norma_run_begin, .node = 0), KERN_RESOURCE_SHORTAGE);
	ck_assert_msg(strstr(refusal(&reply), "No such file") != NULL, "%s", refusal(&reply));
	ck_assert_uint_eq(live_tasks(&harness, 0), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostd/tasks");
	TCase *tests = tcase_create("tasks");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 100);
	tcase_add_checked_fixture(tests, setup, scene_end);
	tcase_add_test(tests, simple_questions_are_answered);
	tcase_add_test(tests, program_runs_writes_and_ends);
	tcase_add_test(tests, waiting_answers_when_its_time_is_over);
	tcase_add_test(tests, killed_vmm_is_told_with_its_signal);
	tcase_add_test(tests, vmm_that_leaves_without_a_word_is_told);
	tcase_add_test(tests, terminate_answers_when_the_task_cannot_run);
	tcase_add_test(tests, wrong_names_are_refused_with_a_sentence);
	tcase_add_test(tests, tasks_of_others_are_refused);
	tcase_add_test(tests, header_uid_is_not_believed);
	tcase_add_test(tests, run_that_is_not_started_ends_with_its_client);
	tcase_add_test(tests, started_run_outlives_its_client);
	tcase_add_loop_test(tests, failed_run_leaves_nothing, 0, 10);
	tcase_add_test(tests, dead_vmm_answers_its_callers);
	tcase_add_test(tests, silent_vmm_is_a_timeout);
	tcase_add_test(tests, vmm_that_talks_nonsense_is_ended);
	tcase_add_test(tests, guest_calls_are_its_owners);
	tcase_add_test(tests, limits_refuse_what_is_too_much);
	tcase_add_test(tests, list_knows_tasks_and_their_threads);
	tcase_add_test(tests, pager_knows_every_vmm_and_no_more);
	tcase_add_test(tests, dead_pager_is_replaced_and_so_are_waiting_vmms);
	tcase_add_test(tests, vmm_that_cannot_be_started_is_told);
	return run_suite(suite);
}
