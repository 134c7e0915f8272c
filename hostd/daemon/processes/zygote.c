/*
 * The zygote's command line, and what is asked of it.
 */
#include "zygote.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "hostd.h"

/* To copy a process takes less than a millisecond; one that cannot is not worth waiting for. */
#define ORDER_DEADLINE_MS 5000

static_assert(CPU_FEATURES_LIST_BYTES <= CPU_CLEAR_MAX_BYTES, "any list fits an order");

static void zygote_arguments(const struct config *config, struct helper_arguments *arguments)
{
	(void)config;
	helper_argument(arguments, "--zygote");
	helper_argument(arguments, "%d", SPAWN_FIRST_FD);
}

static const char *zygote_program(const struct config *config)
{
	return config->vmm_path;
}

static void zygote_restarted(struct hostd *hostd)
{
	vmms_refill(&hostd->vmms);
}

const struct helper_kind zygote_kind = {
    .name = "zygote",
    .loss = "new tasks have to wait until the next one runs",
    .channel_kind = CHANNEL_ZYGOTE,
    .program = zygote_program,
    .arguments = zygote_arguments,
    .restarted = zygote_restarted,
};

void zygote_order(struct helper *zygote, int control_fd, int pager_fd, call_done_fn done,
		  void *context)
{
	struct hostd *hostd = zygote->hostd;
	struct zygote_fork_request request;

	snprintf(request.cpu_clear, sizeof(request.cpu_clear), "%s", hostd->cpu.clear);
	call_start(hostd, zygote->channel,
		   &(struct call_setup){
		       .type = MESSAGE_zygote_fork,
		       .payload = hostd->payload,
		       .bytes = hostd_encode(hostd, zygote_fork_request, &request),
		       .fds = (int[]){control_fd, pager_fd},
		       .fd_count = 2,
		       .deadline_ns = hostd_deadline(ORDER_DEADLINE_MS),
		       .done = done,
		       .context = context,
		   });
}

pid_t zygote_answer_pid(struct hostd *hostd, const struct answer *answer)
{
	struct zygote_fork_reply reply;

	if (hostd_decode(hostd, zygote_fork_reply, answer->payload, answer->bytes, &reply) ||
	    reply.pid <= 0)
		return -EBADMSG;
	return reply.pid;
}

void zygote_stop(struct helper *zygote)
{
	if (zygote->channel)
		shutdown(zygote->channel->link.fd, SHUT_WR);
}
