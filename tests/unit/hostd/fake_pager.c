/*
 * A stand-in for norma-pager: takes the VMMs' sockets and answers, `objects` of its statistics is
 * the number of those that are still connected.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fake_script.h"

#define VMMS_MAX 4096

static int vmms[VMMS_MAX];
static unsigned int vmm_count;

static void forget_closed_vmms(void)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < vmm_count; i++) {
		struct pollfd event = {.fd = vmms[i]};

		poll(&event, 1, 0);
		if (event.revents & (POLLHUP | POLLERR))
			close(vmms[i]);
		else
			vmms[kept++] = vmms[i];
	}
	vmm_count = kept;
}

static void answer_statistics(struct link *link, const struct link_message *message)
{
	struct pager_statistics_reply statistics = {0};
	uint8_t payload[256];
	struct wire_writer writer;

	forget_closed_vmms();
	statistics.objects = vmm_count;
	wire_writer_init(&writer, payload, sizeof(payload));
	pager_statistics_reply_encode(&writer, &statistics);
	fake_reply(link, message, payload, writer.used);
}

static void handle(struct link *link, struct link_message *message)
{
	if (message->header.type == MESSAGE_pager_statistics) {
		answer_statistics(link, message);
		return;
	}
	if (message->header.type != MESSAGE_pager_vmm || message->fd_count != 1 ||
	    vmm_count == VMMS_MAX)
		exit(2);
	vmms[vmm_count++] = message->fds[0];
	message->fd_count = 0;
	fake_reply(link, message, NULL, 0);
}

int main(int argc, char *argv[])
{
	struct link_message message;
	struct link link;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc < 11 || strcmp(argv[1], "--control") || strcmp(argv[3], "--node") ||
	    strcmp(argv[5], "--listen") || link_init(&link, atoi(argv[2]), LINK_PACKET))
		return 2;
	for (;;) {
		fake_receive(&link, &message);
		if (!fake_script_play(&link, &message))
			handle(&link, &message);
		link_message_done(&message);
	}
}
