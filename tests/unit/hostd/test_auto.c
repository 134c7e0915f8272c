/*
 * --node auto among three hosts with figures that the test chooses: who is asked, who is chosen,
 * and what is said when nobody will do.
 */
#include <check.h>
#include <mach/kern_return.h>
#include <mach/norma.h>
#include <mach/thread_status.h>
#include <stdio.h>
#include <string.h>

#include "fake_facts.h"
#include "harness.h"
#include "run_suite.h"

#define HOSTS 3
#define FAR   12 /* nodes of a table in which most are not there */

static char roots[HOSTS][64];
static struct harness harness;
static struct link client;
static struct link_message reply;

#define CALL(name, ...) CALL_HOST(&harness, &client, name, &reply, __VA_ARGS__)

static void setup(void)
{
	harness_begin(&harness, HOSTS);
	for (unsigned int i = 0; i < HOSTS; i++) {
		facts_make(roots[i]);
		facts_memory(roots[i], 1024);
		snprintf(harness.configs[i].facts_root, sizeof(harness.configs[i].facts_root), "%s",
			 roots[i]);
	}
}

static void teardown(void)
{
	link_done(&client);
	harness_end(&harness);
	for (unsigned int i = 0; i < HOSTS; i++)
		facts_remove(roots[i]);
}

/* The first hosts, with so much memory each. */
static void start(unsigned int count, const unsigned int *mib)
{
	for (unsigned int i = 0; i < count; i++) {
		facts_memory(roots[i], mib[i]);
		harness_start(&harness, i);
	}
	client_open(&harness, 0, &client);
}

static int32_t clone_of(uint32_t parent)
{
	return CALL(norma_task_clone, .parent = parent, .inherit_memory = 1,
		    .child_node = NORMA_NODE_AUTO);
}

static int node_of_child(void)
{
	struct norma_task_clone_reply made;

	REPLY_OF(norma_task_clone, &reply, &made);
	return name_node(made.child);
}

START_TEST(the_host_with_most_room_is_chosen)
{
	uint32_t parent;

	start(HOSTS, (const unsigned int[]){100, 200, 900});
	parent = run_program(&harness, &client, 0, "");
	ck_assert_int_eq(clone_of(parent), 0);
	ck_assert_int_eq(node_of_child(), 2);
	ck_assert_int_eq(name_node(run_program(&harness, &client, NORMA_NODE_AUTO, "")), 2);
}
END_TEST

START_TEST(children_with_threads_are_placed_together)
{
	static uint8_t state[THREAD_STATE64_BYTES];
	struct norma_task_spawn_reply made;
	uint32_t parent;

	start(HOSTS, (const unsigned int[]){100, 900, 200});
	parent = run_program(&harness, &client, 0, "");
	ck_assert_int_eq(CALL(norma_task_spawn, .parent = parent, .mode = EXPORT_CREATE,
			      .child_node = NORMA_NODE_AUTO, .flavor = x86_THREAD_STATE64,
			      .state = {state, sizeof(state)}, .count = 3),
			 0);
	REPLY_OF(norma_task_spawn, &reply, &made);
	ck_assert_uint_eq(made.children_count, 3);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(name_node(made.children[i].name), 1);
}
END_TEST

/* The CPU comes before memory. */
START_TEST(a_host_whose_cpu_does_not_suffice_is_left_out)
{
	uint32_t parent;

	ck_assert(cpu_features_add(&harness.configs[2].cpu_hidden, "avx512f"));
	start(HOSTS, (const unsigned int[]){100, 200, 900});
	parent = run_program(&harness, &client, 0, "");
	ck_assert_int_eq(clone_of(parent), 0);
	ck_assert_int_eq(node_of_child(), 1);
}
END_TEST

START_TEST(a_host_that_is_down_is_left_out)
{
	uint32_t parent;

	start(2, (const unsigned int[]){100, 200});
	parent = run_program(&harness, &client, 0, "");
	ck_assert_int_eq(clone_of(parent), 0);
	ck_assert_int_eq(node_of_child(), 1);
}
END_TEST

START_TEST(every_node_has_its_reason)
{
	uint32_t parent;

	ck_assert(cpu_features_add(&harness.configs[1].cpu_hidden, "avx512f"));
	start(2, (const unsigned int[]){6, 900});
	parent = run_program(&harness, &client, 0, "");
	tasks_find(&harness.hosts[0]->tasks, parent)->shares_memory = true;
	tasks_find(&harness.hosts[0]->tasks, parent)->promised_bytes = 100 << 20;
	ck_assert_int_eq(CALL(norma_task_create, .parent = parent, .inherit_memory = 1,
			      .child_node = NORMA_NODE_AUTO),
			 KERN_RESOURCE_SHORTAGE);
	ck_assert_ptr_nonnull(strstr(refusal(&reply), "no node can take it: node 0: "));
	ck_assert_ptr_nonnull(
	    strstr(refusal(&reply), " MiB of memory left, 104 MiB needed; node 1: "));
	ck_assert_ptr_nonnull(strstr(refusal(&reply), "avx512f"));
	ck_assert_ptr_nonnull(strstr(refusal(&reply), "node 2: it cannot be reached"));
	harness_settle(&harness);
	ck_assert_uint_eq(live_tasks(&harness, 0), 1);
}
END_TEST

/* As many as the sentence has room for. */
START_TEST(many_reasons_are_cut_between_nodes)
{
	struct config *config = &harness.configs[0];
	size_t length;

	for (int i = HOSTS; i < FAR; i++) {
		config->nodes[i] = config->nodes[2];
		config->nodes[i].node = i;
	}
	config->node_count = FAR;
	config->memory_bytes = 1;
	start(1, (const unsigned int[]){1024});
	ck_assert_int_eq(CALL(norma_run_begin, .node = NORMA_NODE_AUTO, .image_bytes = 1,
			      .arguments = {(const uint8_t *)"x", 2}),
			 KERN_RESOURCE_SHORTAGE);
	length = strlen(refusal(&reply));
	ck_assert_uint_lt(length, MESSAGE_MAX_TEXT);
	ck_assert_str_eq(refusal(&reply) + length - strlen("; and others, see the log"),
			 "; and others, see the log");
}
END_TEST

/* What comes back later finds nobody, and no task is made. */
START_TEST(an_asker_that_leaves_gets_no_child)
{
	uint32_t parent;

	start(HOSTS, (const unsigned int[]){100, 200, 900});
	parent = run_program(&harness, &client, 0, "");
	SEND_HOST(&client, norma_task_clone, .parent = parent, .inherit_memory = 1,
		  .child_node = NORMA_NODE_AUTO);
	link_done(&client);
	harness_settle(&harness);
	client_open(&harness, 0, &client);
	ck_assert_int_eq(CALL(host_page_size), 0);
	harness_settle(&harness);
	for (unsigned int i = 1; i < HOSTS; i++)
		ck_assert_uint_eq(live_tasks(&harness, i), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("auto");
	TCase *cases = tcase_create("hosts");

	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, the_host_with_most_room_is_chosen);
	tcase_add_test(cases, children_with_threads_are_placed_together);
	tcase_add_test(cases, a_host_whose_cpu_does_not_suffice_is_left_out);
	tcase_add_test(cases, a_host_that_is_down_is_left_out);
	tcase_add_test(cases, every_node_has_its_reason);
	tcase_add_test(cases, many_reasons_are_cut_between_nodes);
	tcase_add_test(cases, an_asker_that_leaves_gets_no_child);
	suite_add_tcase(suite, cases);
	return run_suite(suite);
}
