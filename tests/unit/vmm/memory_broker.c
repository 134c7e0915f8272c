/*
 * See memory_broker.h. One thread polls all sockets and userfaultfds; the test's thread only sets
 * knobs.
 */
#include "memory_broker_internal.h"

#include <check.h>
#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/cleanup.h"

static void client_answer(struct broker *broker, uint32_t client, struct link_message *message)
{
	broker_do_fn act = broker_do(message->header.type);
	struct answer answer = {0};
	struct wire_reader reader;
	struct message_header header = {.type = message->header.type,
					.flags = MESSAGE_REPLY,
					.sequence = message->header.sequence};

	wire_writer_init(&answer.writer, broker->payload, sizeof(broker->payload));
	wire_reader_init(&reader, message->payload, message->header.bytes, broker->scratch,
			 SCRATCH);
	broker_rule(broker, act != NULL, "a message that is not for a pager");
	if (broker->refuse_nth[header.type] && --broker->refuse_nth[header.type] == 0)
		header.result = 6;
	else if (act)
		header.result = act(broker, client, &reader, message, &answer);
	if (header.result) {
		struct failure failure = {.text = "the broker was told to refuse"};

		wire_writer_init(&answer.writer, broker->payload, sizeof(broker->payload));
		failure_encode(&answer.writer, &failure);
		answer.fd_count = 0;
	}
	link_send(&broker->clients[client].link, &header, broker->payload, answer.writer.used,
		  answer.fds, answer.fd_count);
}

static void client_gone(struct broker *broker, uint32_t client)
{
	broker->clients[client].is_open = false;
	link_done(&broker->clients[client].link);
	cleanup_close(&broker->clients[client].uffd);
	broker->clients[client].uffd = -1;
	for (uint32_t i = broker->mapping_count; i-- > 0;)
		if (broker->mappings[i].client == client)
			broker->mappings[i] = broker->mappings[--broker->mapping_count];
	for (uint32_t i = 0; i < broker->object_count; i++) {
		broker->objects[i].holders[client] = 0;
		broker_close_unheld(broker, i + 1);
	}
}

static void client_serve(struct broker *broker, uint32_t client)
{
	struct link_message message;
	int ret;

	while ((ret = link_receive(&broker->clients[client].link, &message)) == 0) {
		client_answer(broker, client, &message);
		link_message_done(&message);
	}
	if (ret != -EAGAIN)
		client_gone(broker, client);
}

struct poison {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};

/* Writes the page into the other host's memfd, whole, and lets it be mapped. */
static void page_supply(struct broker *broker, const struct broker_mapping *mapping, uint64_t page,
			int uffd)
{
	const struct broker_object *object = &broker->objects[mapping->at.object - 1];
	uint64_t offset = mapping->at.offset + (page - mapping->at.address);
	struct uffdio_continue request = {.range = {page, PAGE_BYTES}};
	uint8_t bytes[PAGE_BYTES];

	if (offset == broker->lost_offset) {
		struct poison poison = {.range = {page, PAGE_BYTES}};

		ioctl(uffd, _IOWR(UFFDIO, 0x08, struct poison), &poison);
		return;
	}
	if (lseek(mapping->copy_fd, (off_t)(object->window.offset + offset), SEEK_DATA) !=
	    (off_t)(object->window.offset + offset)) {
		ck_assert_int_eq(
		    pread(object->fd, bytes, PAGE_BYTES, (off_t)(object->window.offset + offset)),
		    PAGE_BYTES);
		ck_assert_int_eq(pwrite(mapping->copy_fd, bytes, PAGE_BYTES,
					(off_t)(object->window.offset + offset)),
				 PAGE_BYTES);
		broker->pages_supplied++;
	}
	if (object->window.kind == OBJECT_FROZEN || ioctl(uffd, UFFDIO_CONTINUE, &request) < 0)
		ioctl(uffd, UFFDIO_WAKE, &request.range);
}

static void faults_serve(struct broker *broker, uint32_t client)
{
	struct uffd_msg event;
	int uffd = broker->clients[client].uffd;

	while (uffd >= 0 && read(uffd, &event, sizeof(event)) == (ssize_t)sizeof(event)) {
		uint64_t page = page_floor(event.arg.pagefault.address);

		if (broker->is_stalled) {
			broker->has_stalled = true;
			pthread_cond_signal(&broker->stalled);
			continue;
		}
		for (uint32_t i = 0; i < broker->mapping_count; i++)
			if (broker_mapping_overlaps(&broker->mappings[i], client, page, page + 1))
				page_supply(broker, &broker->mappings[i], page, uffd);
	}
}

static uint32_t broker_poll_set(struct broker *broker, struct pollfd *fds)
{
	uint32_t count = 0;

	fds[count++] = (struct pollfd){.fd = broker->wake_fd, .events = POLLIN};
	for (uint32_t i = 0; i < broker->client_count; i++) {
		const struct broker_client *client = &broker->clients[i];

		fds[count++] =
		    (struct pollfd){.fd = client->is_open ? client->link.fd : -1, .events = POLLIN};
		fds[count++] = (struct pollfd){.fd = client->uffd, .events = POLLIN};
	}
	return count;
}

static void *broker_run(void *argument)
{
	struct broker *broker = argument;
	struct pollfd fds[1 + 2 * CLIENTS_MAX];

	pthread_mutex_lock(&broker->lock);
	while (!broker->is_stopping) {
		uint32_t count = broker_poll_set(broker, fds);

		pthread_mutex_unlock(&broker->lock);
		poll(fds, count, -1);
		pthread_mutex_lock(&broker->lock);
		eventfd_t woken;
		eventfd_read(broker->wake_fd, &woken);
		for (uint32_t i = 0; i < broker->client_count; i++) {
			if (broker->clients[i].is_open)
				client_serve(broker, i);
			faults_serve(broker, i);
		}
	}
	pthread_mutex_unlock(&broker->lock);
	return NULL;
}

struct broker *broker_new(enum broker_mode mode)
{
	struct broker *broker = calloc(1, sizeof(*broker));

	ck_assert_ptr_nonnull(broker);
	broker->mode = mode;
	broker->lost_offset = UINT64_MAX;
	broker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&broker->lock, NULL);
	pthread_cond_init(&broker->stalled, NULL);
	ck_assert_int_eq(pthread_create(&broker->thread, NULL, broker_run, broker), 0);
	return broker;
}

void broker_free(struct broker *broker)
{
	pthread_mutex_lock(&broker->lock);
	broker->is_stopping = true;
	eventfd_write(broker->wake_fd, 1);
	pthread_mutex_unlock(&broker->lock);
	pthread_join(broker->thread, NULL);
	for (uint32_t i = 0; i < broker->client_count; i++)
		if (broker->clients[i].is_open)
			client_gone(broker, i);
	ck_assert_msg(!broker->broken_rule[0], "told the pager wrongly: %s", broker->broken_rule);
	close(broker->wake_fd);
	pthread_cond_destroy(&broker->stalled);
	pthread_mutex_destroy(&broker->lock);
	free(broker);
}

int broker_client(struct broker *broker)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pthread_mutex_lock(&broker->lock);
	struct broker_client *client = &broker->clients[broker->client_count++];
	ck_assert_int_eq(link_init(&client->link, pair[0], LINK_PACKET), 0);
	client->uffd = -1;
	client->is_open = true;
	eventfd_write(broker->wake_fd, 1);
	pthread_mutex_unlock(&broker->lock);
	return pair[1];
}

void broker_refuse(struct broker *broker, enum message_type type, uint32_t nth)
{
	pthread_mutex_lock(&broker->lock);
	broker->refuse_nth[type] = nth;
	pthread_mutex_unlock(&broker->lock);
}

void broker_lose_offset(struct broker *broker, uint64_t offset)
{
	pthread_mutex_lock(&broker->lock);
	broker->lost_offset = offset;
	pthread_mutex_unlock(&broker->lock);
}

void broker_hold(struct broker *broker)
{
	pthread_mutex_lock(&broker->lock);
}

void broker_let_go(struct broker *broker)
{
	pthread_mutex_unlock(&broker->lock);
}

void broker_stall(struct broker *broker)
{
	pthread_mutex_lock(&broker->lock);
	broker->is_stalled = true;
	pthread_mutex_unlock(&broker->lock);
}

/* The test's own time limit ends a wait that is too long. */
void broker_wait_stalled(struct broker *broker)
{
	pthread_mutex_lock(&broker->lock);
	while (!broker->has_stalled)
		pthread_cond_wait(&broker->stalled, &broker->lock);
	broker->has_stalled = false;
	pthread_mutex_unlock(&broker->lock);
}

struct broker_counts broker_count(struct broker *broker)
{
	struct broker_counts counts = {0};

	pthread_mutex_lock(&broker->lock);
	for (uint32_t i = 0; i < broker->client_count; i++)
		if (broker->clients[i].is_open)
			client_serve(broker, i);
	for (uint32_t i = 0; i < broker->object_count; i++) {
		counts.objects += broker->objects[i].fd >= 0;
		counts.attached_memfds += broker->copies[i] >= 0;
	}
	counts.mappings = broker->mapping_count;
	counts.pages_supplied = broker->pages_supplied;
	pthread_mutex_unlock(&broker->lock);
	return counts;
}
