/*
 * Another host that behaves: it greets, asks for children, and vanishes. What does not behave is in
 * test_sockets.c.
 */
#include <check.h>
#include <errno.h>
#include <mach/kern_return.h>

#include "host_link.h"
#include "run_suite.h"
#include "scene.h"

static void setup(void)
{
	scene_begin(2, 1);
}

/* Greets as node `node`. Return: whether that was accepted. */
static bool greet(struct link *host, int node)
{
	struct peer_hello_request hello = {.node = node};
	uint8_t payload[16];
	struct wire_writer writer;

	wire_writer_init(&writer, payload, sizeof(payload));
	peer_hello_request_encode(&writer, &hello);
	ck_assert_int_eq(link_init(host, connect_host(), LINK_STREAM), 0);
	return client_call(&harness, host, MESSAGE_peer_hello, payload, writer.used, &reply) == 0;
}

START_TEST(host_of_another_table_is_refused)
{
	static const int nodes[] = {0, 2, -1, 256};
	struct link host;

	ck_assert(!greet(&host, nodes[_i]));
	link_done(&host);
	expect_service();
}
END_TEST

START_TEST(host_that_stops_answering_is_disconnected)
{
	struct link host;

	ck_assert(greet(&host, 1));
	/* Its pings stay unanswered. */
	while (!LIST_EMPTY(&harness.hosts[0]->peers.links)) {
		harness_step(&harness);
		expect_service();
	}
	link_done(&host);
}
END_TEST

START_TEST(hosts_cannot_use_us_to_reach_others)
{
	struct link host;

	ck_assert(greet(&host, 1));
	ck_assert_int_eq(CALL_HOST(&harness, &host, task_info, &reply, .task = name_of_task(1, 1)),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(client_call(&harness, &host, MESSAGE_norma_node_self, NULL, 0, &reply),
			 KERN_INVALID_ARGUMENT);
	link_done(&host);
}
END_TEST

static bool has_a_task(void *context)
{
	const struct task *task = TAILQ_FIRST(&harness.hosts[0]->tasks.live);

	(void)context;
	return task && task->phase == TASK_ALIVE;
}

static bool has_no_task(void *context)
{
	(void)context;
	return harness.hosts[0]->tasks.live_count == 0;
}

/* Asks for an empty child as node 1 and waits until there is one. */
static void ask_for_child(struct link *host)
{
	static const struct task_properties properties;
	const struct cpu_table *seen = &harness.hosts[0]->cpu.identity->seen;

	ck_assert(greet(host, 1));
	SEND_HOST(host, peer_create_child, .parent = name_of_task(1, 1), .count = 1,
		  .properties = &properties, .properties_count = 1, .cpu_seen = seen->leaves,
		  .cpu_seen_count = seen->leaf_count, .cpu_xcr0 = seen->xcr0);
	harness_until(&harness, has_a_task, NULL, "the child is made");
}

START_TEST(child_whose_host_never_read_its_name_is_ended)
{
	struct link host;

	ask_for_child(&host);
	link_done(&host);
	harness_until(&harness, has_no_task, NULL, "the child is ended");
}
END_TEST

static bool has_no_claims(void *context)
{
	const struct host_link *link = LIST_FIRST(&harness.hosts[0]->peers.links);

	(void)context;
	return link->channel->claim_count == 0;
}

START_TEST(child_whose_host_knows_it_stays)
{
	struct message_header pong = {.type = MESSAGE_peer_ping, .flags = MESSAGE_REPLY};
	struct link_message ping;
	struct link host;
	int error;

	ask_for_child(&host);
	client_receive(&harness, &host, &reply);
	ck_assert_int_eq(reply.header.result, 0);
	while ((error = link_receive(&host, &ping)) == -EAGAIN)
		harness_step(&harness);
	ck_assert_int_eq(error, 0);
	ck_assert_uint_eq(ping.header.type, MESSAGE_peer_ping);
	pong.sequence = ping.header.sequence;
	ck_assert_int_eq(link_send(&host, &pong, NULL, 0, NULL, 0), 0);
	harness_until(&harness, has_no_claims, NULL, "the child is taken over");
	link_done(&host);
	harness_settle(&harness);
	ck_assert_uint_eq(live_tasks(&harness, 0), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostd/peers");
	TCase *tests = tcase_create("peers");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 100);
	tcase_add_checked_fixture(tests, setup, scene_end);
	tcase_add_loop_test(tests, host_of_another_table_is_refused, 0, 4);
	tcase_add_test(tests, host_that_stops_answering_is_disconnected);
	tcase_add_test(tests, hosts_cannot_use_us_to_reach_others);
	tcase_add_test(tests, child_whose_host_never_read_its_name_is_ended);
	tcase_add_test(tests, child_whose_host_knows_it_stays);
	return run_suite(suite);
}
