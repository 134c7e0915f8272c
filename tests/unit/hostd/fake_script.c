/*
 * Reading the script and playing the bad parts.
 */
#include "fake_script.h"

#include <errno.h>
#include <fcntl.h>
#include <mach/kern_return.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	const char *name;
	enum fake_action action;
} actions[] = {
    {"ok", FAKE_ANSWER},     {"refuse", FAKE_REFUSE},	{"die", FAKE_DIE},   {"exit", FAKE_EXIT},
    {"ignore", FAKE_IGNORE}, {"garbage", FAKE_GARBAGE}, {"hold", FAKE_HOLD},
};

enum fake_action fake_script_action(uint16_t type)
{
	const char *path = getenv("NORMA_FAKE_SCRIPT");
	FILE *file = path ? fopen(path, "re") : NULL;
	enum fake_action action = FAKE_ANSWER;
	char name[64], word[64];

	while (file && fscanf(file, "%63s %63s", name, word) == 2)
		for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
			if (!strcmp(name, message_type_name(type)) &&
			    !strcmp(word, actions[i].name))
				action = actions[i].action;
	if (file)
		fclose(file);
	return action;
}

static void refuse(struct link *link, const struct link_message *message)
{
	struct message_header header = message->header;
	struct failure failure = {.text = "the fake program refuses"};
	uint8_t payload[MESSAGE_MAX_TEXT + 8];
	struct wire_writer writer;

	wire_writer_init(&writer, payload, sizeof(payload));
	failure_encode(&writer, &failure);
	header.flags = MESSAGE_REPLY;
	header.result = KERN_NO_SPACE;
	link_send(link, &header, payload, writer.used, NULL, 0);
}

/* Until the test has opened the other end, and closed it. */
static void hold(void)
{
	int fd = open(getenv("NORMA_FAKE_HOLD"), O_RDONLY | O_CLOEXEC);
	char byte;

	while (read(fd, &byte, 1) > 0)
		;
	close(fd);
}

int fake_script_play(struct link *link, const struct link_message *message)
{
	switch (fake_script_action(message->header.type)) {
	case FAKE_ANSWER:
		return 0;
	case FAKE_REFUSE:
		refuse(link, message);
		break;
	case FAKE_DIE:
		raise(SIGKILL);
		break;
	case FAKE_EXIT:
		exit(1);
	case FAKE_IGNORE:
		break;
	case FAKE_HOLD:
		hold();
		return 0;
	case FAKE_GARBAGE:
		send(link->fd, "this is no message", 18, MSG_NOSIGNAL);
		break;
	}
	return 1;
}

void fake_reply(struct link *link, const struct link_message *message, const void *payload,
		size_t bytes)
{
	struct message_header header = message->header;

	header.flags = MESSAGE_REPLY;
	header.result = 0;
	link_send(link, &header, payload, bytes, NULL, 0);
}

void fake_receive(struct link *link, struct link_message *message)
{
	for (;;) {
		struct pollfd event = {.fd = link->fd, .events = POLLIN};
		int error = link_receive(link, message);

		if (!error)
			return;
		if (error != -EAGAIN)
			exit(0);
		if (link_wants_write(link))
			event.events |= POLLOUT;
		poll(&event, 1, -1);
		link_flush(link);
	}
}
