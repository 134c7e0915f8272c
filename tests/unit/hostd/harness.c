/*
 * Driving daemons inside the test process.
 */
#include "harness.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "terminate.h"

#define WAIT_MS 30000
#define STEP_MS 20

static int count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = -1; /* the directory itself */

	ck_assert_ptr_nonnull(directory);
	for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

/*
 * A loopback address of this process's own, so that no port can be taken: connections that others
 * make come from 127.0.0.1.
 */
static void own_address(unsigned int host, struct address *address)
{
	unsigned int pid = (unsigned int)getpid();
	char text[32];

	snprintf(text, sizeof(text), "127.%u.%u.%u:%u", 1 + (pid >> 16) % 254, (pid >> 8) & 0xff,
		 pid & 0xff, 7600 + host);
	ck_assert_int_eq(address_parse(text, address), 0);
}

static void make_config(struct harness *harness, unsigned int host)
{
	struct config *config = &harness->configs[host];

	*config = (struct config){
	    .node = host,
	    .libvirt = "off",
	    .tasks = 64,
	    .tasks_per_user = 32,
	    .clients = 16,
	    .waiting_vmms = 2,
	    .call_deadline_ms = 10000,
	    .clone_deadline_ms = 10000,
	    .console_bytes = 4096,
	    .auto_answer_ms = 10000,
	    .pager_hold_us = 1,
	    .pager_deadline_ms = 100,
	};
	snprintf(config->run_dir, sizeof(config->run_dir), "%s", harness->directory);
	snprintf(config->state_dir, sizeof(config->state_dir), "%s", harness->directory);
	snprintf(config->socket_path, sizeof(config->socket_path), "%s/%u.sock", harness->directory,
		 host);
	snprintf(config->vmm_path, sizeof(config->vmm_path), "%s", getenv("NORMA_FAKE_VMM"));
	snprintf(config->pager_path, sizeof(config->pager_path), "%s", getenv("NORMA_FAKE_PAGER"));
}

void harness_begin(struct harness *harness, unsigned int host_count)
{
	char script[128], fifo[128];
	struct config_node nodes[HARNESS_MAX_HOSTS] = {0};

	log_setup("test", getenv("NORMA_TEST_VERBOSE") ? LOG_DEBUG : 0);
	*harness =
	    (struct harness){.host_count = host_count, .first_fds = count_fds(), .held_fd = -1};
	snprintf(harness->directory, sizeof(harness->directory), "/tmp/norma-hostd-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(harness->directory));
	snprintf(script, sizeof(script), "%s/script", harness->directory);
	setenv("NORMA_FAKE_SCRIPT", script, 1);
	snprintf(fifo, sizeof(fifo), "%s/hold", harness->directory);
	setenv("NORMA_FAKE_HOLD", fifo, 1);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	for (unsigned int i = 0; i < host_count; i++) {
		nodes[i].node = (int)i;
		own_address(i, &nodes[i].hostd);
		nodes[i].pager = nodes[i].hostd;
	}
	for (unsigned int i = 0; i < host_count; i++) {
		make_config(harness, i);
		memcpy(harness->configs[i].nodes, nodes, sizeof(nodes));
		harness->configs[i].node_count = host_count;
		harness->configs[i].listen = nodes[i].hostd;
		harness->configs[i].pager_listen = nodes[i].pager;
	}
}

void harness_start(struct harness *harness, unsigned int host)
{
	char error[CONFIG_ERROR_BYTES];

	ck_assert_msg(hostd_new(&harness->configs[host], &harness->hosts[host], error) == 0, "%s",
		      error);
}

void harness_script(struct harness *harness, const char *script)
{
	char path[128], new_path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/script", harness->directory);
	snprintf(new_path, sizeof(new_path), "%s/script.new", harness->directory);
	file = fopen(new_path, "we");
	ck_assert_ptr_nonnull(file);
	fputs(script, file);
	fclose(file);
	ck_assert_int_eq(rename(new_path, path), 0);
}

static bool opens_held(void *context)
{
	struct harness *harness = context;

	/* Opens once a program has opened the other end, which it then reads. */
	harness->held_fd = open(getenv("NORMA_FAKE_HOLD"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return harness->held_fd >= 0;
}

void harness_until_held(struct harness *harness)
{
	harness_until(harness, opens_held, harness, "a program holds an answer back");
}

void harness_release(struct harness *harness)
{
	ck_assert_int_ge(harness->held_fd, 0);
	close(harness->held_fd);
	harness->held_fd = -1;
}

void harness_step(struct harness *harness)
{
	struct pollfd events[HARNESS_MAX_HOSTS];
	nfds_t count = 0;

	for (unsigned int i = 0; i < harness->host_count; i++)
		if (harness->hosts[i])
			events[count++] = (struct pollfd){.fd = harness->hosts[i]->loop.epoll_fd,
							  .events = POLLIN};
	/* The daemons' timers are looked at after each wait, so it is short. */
	poll(events, count, STEP_MS);
	for (unsigned int i = 0; i < harness->host_count; i++)
		if (harness->hosts[i])
			loop_run_once(&harness->hosts[i]->loop, 0);
}

void harness_until(struct harness *harness, bool (*fact)(void *context), void *context,
		   const char *what)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_MS * NS_PER_MS;

	while (!fact(context)) {
		ck_assert_msg(clock_now_ns() < deadline_ns, "waited in vain: %s", what);
		harness_step(harness);
	}
}

static bool is_stopped(void *context)
{
	return hostd_is_stopped(context);
}

void harness_stop(struct harness *harness, unsigned int host)
{
	struct hostd *hostd = harness->hosts[host];

	hostd_stop(hostd);
	harness_until(harness, is_stopped, hostd, "the host stops");
	hostd_free(hostd);
	harness->hosts[host] = NULL;
}

static bool waits_for_a_peer(const struct hostd *hostd)
{
	for (unsigned int i = 0; i < hostd->peers.count; i++)
		if (!TAILQ_EMPTY(&hostd->peers.peers[i].waiters))
			return true;
	return false;
}

static bool is_settled(void *context)
{
	const struct harness *harness = context;

	for (unsigned int i = 0; i < harness->host_count; i++) {
		const struct hostd *hostd = harness->hosts[i];
		const struct task *task;
		unsigned int tasks = 0;

		if (!hostd)
			continue;
		TAILQ_FOREACH (task, &hostd->tasks.live, entry) {
			if (!task_is_reachable(task))
				return false;
			tasks++;
		}
		if (waits_for_a_peer(hostd) || hostd->calls.count ||
		    hostd->vmms.taken_count != tasks ||
		    vmms_waiting(&hostd->vmms) != vmms_wanted(&hostd->vmms) ||
		    hostd->vmms.ordered_count)
			return false;
	}
	return true;
}

void harness_settle(struct harness *harness)
{
	harness_until(harness, is_settled, harness, "nothing is left to do");
}

int harness_fds(struct harness *harness)
{
	harness_settle(harness);
	return count_fds();
}

void harness_end(struct harness *harness)
{
	char path[128];

	for (unsigned int i = 0; i < harness->host_count; i++)
		if (harness->hosts[i])
			harness_stop(harness, i);
	ck_assert_int_eq(count_fds(), harness->first_fds);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	snprintf(path, sizeof(path), "%s/script", harness->directory);
	unlink(path);
	unlink(getenv("NORMA_FAKE_HOLD"));
	ck_assert_int_eq(rmdir(harness->directory), 0);
}

void client_open(struct harness *harness, unsigned int host, struct link *client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		 harness->configs[host].socket_path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(link_init(client, fd, LINK_PACKET), 0);
}

uint64_t client_send(struct link *client, uint16_t type, const void *payload, size_t bytes)
{
	static uint64_t sequence;
	/* Claims to be another user: the daemon must not believe it. */
	struct message_header header = {.type = type, .sequence = ++sequence, .uid = 4242};

	ck_assert_int_eq(link_send(client, &header, payload, bytes, NULL, 0), 0);
	return sequence;
}

void client_receive(struct harness *harness, struct link *client, struct link_message *reply)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_MS * NS_PER_MS;
	int error;

	while ((error = link_receive(client, reply)) == -EAGAIN) {
		ck_assert_msg(clock_now_ns() < deadline_ns, "no reply");
		harness_step(harness);
	}
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(reply->header.flags, MESSAGE_REPLY);
}

int32_t client_call(struct harness *harness, struct link *client, uint16_t type,
		    const void *payload, size_t bytes, struct link_message *ret_reply)
{
	uint64_t sequence = client_send(client, type, payload, bytes);

	client_receive(harness, client, ret_reply);
	ck_assert_uint_eq(ret_reply->header.sequence, sequence);
	ck_assert_uint_eq(ret_reply->header.type, type);
	return ret_reply->header.result;
}

const char *refusal(const struct link_message *reply)
{
	static struct failure failure;
	struct wire_reader reader;

	wire_reader_init(&reader, reply->payload, reply->header.bytes, NULL, 0);
	failure_decode(&reader, &failure);
	ck_assert_int_eq(wire_reader_end(&reader), 0);
	return failure.text;
}

uint32_t run_program(struct harness *harness, struct link *client, int node, const char *program)
{
	static const char arguments[] = "/bin/fake\0one";
	struct link_message reply;
	struct norma_run_begin_reply begun;
	int32_t result;

	result = CALL_HOST(harness, client, norma_run_begin, &reply, .node = node,
			   .image_bytes = strlen(program),
			   .arguments = {(const uint8_t *)arguments, sizeof(arguments)});
	ck_assert_msg(result == 0, "%s", result ? refusal(&reply) : "");
	REPLY_OF(norma_run_begin, &reply, &begun);
	ck_assert_int_eq(CALL_HOST(harness, client, norma_run_data, &reply, .task = begun.task,
				   .data = {(const uint8_t *)program, (uint32_t)strlen(program)}),
			 0);
	ck_assert_int_eq(CALL_HOST(harness, client, norma_run_start, &reply, .task = begun.task),
			 0);
	return begun.task;
}

unsigned int live_tasks(const struct harness *harness, unsigned int host)
{
	return harness->hosts[host]->tasks.live_count;
}
