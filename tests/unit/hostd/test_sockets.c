/*
 * Whatever arrives on the sockets, only that connection suffers: garbage, truncated and oversized
 * messages, silence, floods, too many connections, no descriptors left, stale socket files.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "run_suite.h"
#include "scene.h"

static void setup(void)
{
	scene_begin(2, 1);
}

static bool is_closed(void *context)
{
	char byte;
	ssize_t bytes = recv(*(int *)context, &byte, 1, MSG_DONTWAIT);

	return bytes == 0 || (bytes < 0 && errno != EAGAIN);
}

/* Sends bytes on a fresh connection and expects that to be closed, and nothing else. */
static void expect_disconnect(bool is_host, const void *data, size_t bytes)
{
	struct link other = {.fd = -1};
	int fd;

	if (is_host)
		fd = connect_host();
	else
		client_open(&harness, 0, &other);
	if (!is_host)
		fd = other.fd;
	ck_assert_int_eq(send(fd, data, bytes, MSG_NOSIGNAL), (ssize_t)bytes);
	harness_until(&harness, is_closed, &fd, "the connection is closed");
	if (is_host)
		close(fd);
	link_done(&other);
	expect_service();
}

static size_t make_message(uint8_t *buffer, const struct message_header *header)
{
	struct wire_writer writer;

	wire_writer_init(&writer, buffer, 64);
	message_header_encode(&writer, header);
	return writer.used;
}

START_TEST(garbage_closes_only_its_connection)
{
	uint8_t garbage[256];

	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (uint8_t)(i * 37 + (unsigned int)_i);
	expect_disconnect(_i % 2, garbage, sizeof(garbage));
}
END_TEST

START_TEST(oversized_message_closes_its_connection)
{
	uint8_t buffer[64];
	struct message_header header = {.type = MESSAGE_host_page_size,
					.bytes = MESSAGE_MAX_PAYLOAD + 1};

	expect_disconnect(_i, buffer, make_message(buffer, &header));
}
END_TEST

START_TEST(truncated_packet_closes_its_connection)
{
	uint8_t buffer[64];
	struct message_header header = {.type = MESSAGE_host_page_size, .bytes = 100};

	expect_disconnect(false, buffer, make_message(buffer, &header));
	expect_disconnect(false, buffer, 7);
}
END_TEST

START_TEST(wrong_version_closes_its_connection)
{
	uint8_t buffer[64];
	struct message_header header = {.type = MESSAGE_host_page_size};
	size_t bytes = make_message(buffer, &header);

	buffer[4]++;
	expect_disconnect(_i, buffer, bytes);
}
END_TEST

START_TEST(unasked_reply_closes_its_connection)
{
	uint8_t buffer[64];
	struct message_header header = {
	    .type = MESSAGE_task_info, .flags = MESSAGE_REPLY, .sequence = 1u << 30};

	expect_disconnect(false, buffer, make_message(buffer, &header));
}
END_TEST

START_TEST(host_must_say_who_it_is)
{
	uint8_t buffer[64];
	struct message_header header = {.type = MESSAGE_peer_ping};

	expect_disconnect(true, buffer, make_message(buffer, &header));
}
END_TEST

START_TEST(silent_host_is_disconnected)
{
	int fd = connect_host();

	harness_until(&harness, is_closed, &fd, "the silent connection is closed");
	close(fd);
	expect_service();
}
END_TEST

START_TEST(control_messages_are_not_for_clients)
{
	static const uint16_t types[] = {MESSAGE_vmm_become,
					 MESSAGE_pager_vmm,
					 MESSAGE_peer_create_child,
					 MESSAGE_vmm_ended,
					 0,
					 65535};

	ck_assert_int_eq(client_call(&harness, &client, types[_i], NULL, 0, &reply),
			 KERN_INVALID_ARGUMENT);
	ck_assert_msg(strstr(refusal(&reply), "is not a call") != NULL, "%s", refusal(&reply));
}
END_TEST

START_TEST(malformed_payloads_are_refused)
{
	uint8_t payload[600] = {0};
	uint32_t task = run_program(&harness, &client, 0, "");

	for (uint16_t type = 1; type < 120; type++) {
		if (message_type_executor(type) != EXECUTOR_HOSTD)
			continue;
		/* Too long for each of them; the name in front is right. */
		memset(payload, 0, sizeof(payload));
		if (message_type_route(type) == ROUTE_TASK)
			memcpy(payload, &task, sizeof(task));
		ck_assert_int_eq(
		    client_call(&harness, &client, type, payload, sizeof(payload), &reply),
		    KERN_INVALID_ARGUMENT);
		if (message_type_route(type) != ROUTE_HERE)
			ck_assert_int_eq(client_call(&harness, &client, type, payload, 3, &reply),
					 KERN_INVALID_ARGUMENT);
	}
	harness_settle(&harness);
	ck_assert_uint_eq(live_tasks(&harness, 0), 1);
}
END_TEST

START_TEST(descriptors_from_clients_are_closed)
{
	struct message_header header = {.type = MESSAGE_host_page_size, .sequence = 1};
	int fds[3] = {0, 1, 2};
	int before = harness_fds(&harness);

	ck_assert_int_eq(link_send(&client, &header, NULL, 0, fds, 3), 0);
	client_receive(&harness, &client, &reply);
	ck_assert_int_eq(harness_fds(&harness), before);
}
END_TEST

START_TEST(client_with_many_calls_waits_and_loses_none)
{
	uint32_t task = run_program(&harness, &client, 0, "");
	unsigned int sent = 0, answered = 0;

	/* Each waits 50 ms; only some are taken at once, the others stay in the socket. */
	for (int i = 0; i < 150; i++, sent++) {
		SEND_HOST(&client, norma_task_wait, .task = task, .timeout_ms = 50);
		harness_step(&harness);
	}
	while (answered < sent) {
		client_receive(&harness, &client, &reply);
		ck_assert_int_eq(reply.header.result, 0);
		answered++;
	}
}
END_TEST

static bool is_empty(void *context)
{
	const struct hostd *hostd = context;

	return hostd->client_count == 1;
}

START_TEST(client_that_does_not_read_is_disconnected)
{
	uint32_t task = run_program(&harness, &client, 0, "flood 4\nexit 0");
	struct link deaf;
	int error = 0;

	client_open(&harness, 0, &deaf);
	while (!error) {
		struct norma_console_read_request read = {.task = task};
		struct message_header header = {.type = MESSAGE_norma_console_read};
		uint8_t payload[32];
		struct wire_writer writer;

		wire_writer_init(&writer, payload, sizeof(payload));
		norma_console_read_request_encode(&writer, &read);
		error = link_send(&deaf, &header, payload, writer.used, NULL, 0);
		harness_step(&harness);
	}
	ck_assert_int_ne(error, -ENOBUFS);
	harness_until(&harness, is_empty, harness.hosts[0], "the deaf client is gone");
	link_done(&deaf);
	expect_service();
}
END_TEST

START_TEST(clients_beyond_the_limit_are_turned_away)
{
	struct link others[20];

	for (int i = 0; i < 20; i++) {
		client_open(&harness, 0, &others[i]);
		harness_step(&harness);
	}
	ck_assert_uint_eq(harness.hosts[0]->client_count, 16);
	ck_assert(is_closed(&others[19].fd));
	expect_service();
	for (int i = 0; i < 20; i++)
		link_done(&others[i]);
	harness_until(&harness, is_empty, harness.hosts[0], "they are gone");
}
END_TEST

static bool accept_is_paused(void *context)
{
	const struct hostd *hostd = context;

	return hostd->clients.pause_timer.is_armed;
}

START_TEST(accepting_pauses_without_descriptors)
{
	struct rlimit limit, little;
	struct link late;
	int fillers[256], count = 0;

	harness_settle(&harness);
	client_open(&harness, 0, &late);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	little = limit;
	little.rlim_cur = 128;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &little), 0);
	while (count < 256 && (fillers[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		count++;
	harness_until(&harness, accept_is_paused, harness.hosts[0], "accepting pauses");
	expect_service();
	while (count)
		close(fillers[--count]);
	setrlimit(RLIMIT_NOFILE, &limit);
	ck_assert_int_eq(client_call(&harness, &late, MESSAGE_host_page_size, NULL, 0, &reply), 0);
	link_done(&late);
}
END_TEST

START_TEST(stale_socket_file_is_replaced)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", harness.configs[1].socket_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); /* the file stays: its daemon died */
	harness_start(&harness, 1);
	harness_stop(&harness, 1);
	ck_assert_int_lt(access(address.sun_path, F_OK), 0);
}
END_TEST

START_TEST(second_daemon_on_the_same_socket_is_refused)
{
	char error[CONFIG_ERROR_BYTES];
	struct hostd *second = NULL;
	int fds = harness_fds(&harness);

	strcpy(harness.configs[1].socket_path, harness.configs[0].socket_path);
	ck_assert_int_lt(hostd_new(&harness.configs[1], &second, error), 0);
	ck_assert_msg(strstr(error, "another norma-hostd answers") != NULL, "%s", error);
	ck_assert_int_eq(harness_fds(&harness), fds);
	expect_service();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostd/sockets");
	TCase *tests = tcase_create("sockets");

	suite_add_tcase(suite, tests);
	tcase_set_timeout(tests, 100);
	tcase_add_checked_fixture(tests, setup, scene_end);
	tcase_add_loop_test(tests, garbage_closes_only_its_connection, 0, 8);
	tcase_add_loop_test(tests, oversized_message_closes_its_connection, 0, 2);
	tcase_add_test(tests, truncated_packet_closes_its_connection);
	tcase_add_loop_test(tests, wrong_version_closes_its_connection, 0, 2);
	tcase_add_test(tests, unasked_reply_closes_its_connection);
	tcase_add_test(tests, host_must_say_who_it_is);
	tcase_add_test(tests, silent_host_is_disconnected);
	tcase_add_loop_test(tests, control_messages_are_not_for_clients, 0, 6);
	tcase_add_test(tests, malformed_payloads_are_refused);
	tcase_add_test(tests, descriptors_from_clients_are_closed);
	tcase_add_test(tests, client_with_many_calls_waits_and_loses_none);
	tcase_add_test(tests, client_that_does_not_read_is_disconnected);
	tcase_add_test(tests, clients_beyond_the_limit_are_turned_away);
	tcase_add_test(tests, accepting_pauses_without_descriptors);
	tcase_add_test(tests, stale_socket_file_is_replaced);
	tcase_add_test(tests, second_daemon_on_the_same_socket_is_refused);
	return run_suite(suite);
}
