/*
 * See scene.h.
 */
#include "scene.h"

#include <check.h>
#include <sys/socket.h>

struct harness harness;
struct link client;
struct link_message reply;

void scene_begin(unsigned int hosts, unsigned int started)
{
	harness_begin(&harness, hosts);
	for (unsigned int i = 0; i < started; i++)
		harness_start(&harness, i);
	client_open(&harness, 0, &client);
}

void scene_end(void)
{
	link_done(&client);
	harness_end(&harness);
}

void expect_service(void)
{
	ck_assert_int_eq(client_call(&harness, &client, MESSAGE_host_page_size, NULL, 0, &reply),
			 0);
}

int connect_host(void)
{
	const struct address *address = &harness.configs[0].listen;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, &address->any, address->bytes), 0);
	return fd;
}

struct norma_task_wait_reply wait_for(uint32_t task)
{
	struct norma_task_wait_reply outcome;

	ck_assert_int_eq(CALL(norma_task_wait, .task = task, .timeout_ms = 20000), 0);
	REPLY_OF(norma_task_wait, &reply, &outcome);
	return outcome;
}
